import type { FleetStatus, HostStatus } from "../cluster/trace.ts";
import type { Command } from "./command.ts";
import { parseOptions, wantPositionals } from "./options.ts";
import { ask, hostPath, STATE_OPTION, STATE_USAGE } from "./state-option.ts";
import { fleetText, hostText } from "./status-text.ts";

const USAGE = `everboot status [HOST] [--state DIR] [--json]
  The fleet, or one host's boot trace: each stage with time and bytes, and what is awaited.
${STATE_USAGE}`;

export const statusCommand: Command = {
  name: "status",
  summary: "the fleet, or one host's boot trace",
  usage: USAGE,
  run: async (args, io) => {
    const { values, positionals } = parseOptions(args, STATE_OPTION);
    const [host] = wantPositionals(positionals, 0, 1, USAGE);
    const path = host === undefined ? "/api/v1/status" : hostPath(host);
    const answer = (await ask(io, values.state, "GET", path)) as { readonly now: number };
    for (const line of values.json ? [JSON.stringify(answer)] : linesOf(host, answer, io.terminal)) io.out(line);
    return 0;
  },
};

function linesOf(host: string | undefined, answer: { readonly now: number }, color: boolean): string[] {
  const options = { now: answer.now, color };
  return host === undefined
    ? fleetText(answer as FleetStatus & typeof answer, options)
    : hostText(answer as HostStatus & typeof answer, options);
}
