/** `everboot unknown`: machines that ask and are no hosts of the site. */
import { type Clock, systemClock } from "../base/clock.ts";
import type { UnknownMachine } from "../cluster/unknown.ts";
import { alignColumns } from "./columns.ts";
import type { Command } from "./command.ts";
import { parseOptions, wantPositionals } from "./options.ts";
import { ask, STATE_OPTION, STATE_USAGE } from "./state-option.ts";
import { agoText } from "./status-units.ts";
import { printable } from "./status-width.ts";

const USAGE = `everboot unknown [--state DIR] [--json]
  Machines that ask for an address or a boot script and are in no site file, the newest first.
  \`everboot accept MAC --as NAME\` makes a host of one.
${STATE_USAGE}`;

export function createUnknownCommand(clock: Clock): Command {
  return {
    name: "unknown",
    summary: "machines that ask and are no hosts",
    usage: USAGE,
    run: async (args, io) => {
      const { values, positionals } = parseOptions(args, STATE_OPTION);
      wantPositionals(positionals, 0, 0, USAGE);
      const answer = await ask(io, values.state, "GET", "/api/v1/unknown");
      const { items } = answer as { readonly items: readonly UnknownMachine[] };
      for (const line of values.json ? [JSON.stringify(answer)] : unknownText(items, clock.now())) io.out(line);
      return 0;
    },
  };
}

export const unknownCommand = createUnknownCommand(systemClock);

/** A line each. What a client says of itself may hold anything: it is made fit for a terminal. */
export function unknownText(machines: readonly UnknownMachine[], now: number): string[] {
  if (machines.length === 0) return ["no unknown machine has asked"];
  const head = ["MAC", "SEEN", "TIMES", "MACHINE", "AT", "ADDRESS", "VENDOR", "UUID"];
  const rows = machines.map(({ mac, last, times, arch, firmware, subnet, interface: device, ...more }) => [
    ...[mac, agoText(now - last), String(times)],
    arch === undefined ? "-" : `${arch} ${firmware}`,
    [device, subnet].filter((part) => part !== undefined && part !== "").join(" ") || "-",
    ...[more.address ?? "-", printable(more.vendor ?? "-"), more.uuid ?? "-"],
  ]);
  return alignColumns([head, ...rows], ["left", "left", "right", "left", "left", "left", "left", "left"], "");
}
