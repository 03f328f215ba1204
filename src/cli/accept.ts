/** `everboot accept`: makes a host of an unknown machine, in the site file that all servers serve by. */
import { writeFile } from "node:fs/promises";
import { parseMac } from "../base/address.ts";
import { type Clock, sleep, systemClock } from "../base/clock.ts";
import { EverbootError, errnoOf } from "../base/errors.ts";
import type { UnknownMachine } from "../cluster/unknown.ts";
import { type Acceptance, type AcceptRequest, acceptMachine } from "../cluster/unknown-accept.ts";
import type { AcceptedHost } from "../cluster/unknown-desk.ts";
import type { SiteReport } from "../server/boot/operations.ts";
import { serverText } from "./apply-text.ts";
import type { Command, Io } from "./command.ts";
import { type Confirm, confirmOnTerminal } from "./confirm.ts";
import { diffText } from "./diff-text.ts";
import { parseOptions, wantPositionals } from "./options.ts";
import { readSiteFile, type SiteFile } from "./site-file.ts";
import { ask, STATE_OPTION, STATE_USAGE } from "./state-option.ts";

const USAGE = `everboot accept MAC --as NAME [--profile NAME] [--address A] [-c FILE] [--yes] [--state DIR] [--json]
  Makes a host of a machine that \`everboot unknown\` lists: adds it to the site file that is applied, shows what that
  changes, and gives it to all servers. A site file here that is what was applied gets the host too.
  --as NAME           name of the host
  --profile NAME      what to install (default: the only profile)
  --address A         its address (default: a free one of the network that it asked in, outside the pool)
  -c, --config FILE   the site file (default site.yaml, then everboot.yaml, /etc/everboot/site.yaml, if there is one)
  --yes               do not ask
${STATE_USAGE}`;

const OPTIONS = {
  ...STATE_OPTION,
  as: { type: "string" },
  profile: { type: "string" },
  address: { type: "string" },
  config: { type: "string", short: "c" },
  yes: { type: "boolean", default: false },
} as const;

/** The world of this command besides `Io`. */
export interface AcceptWorld {
  readonly clock: Clock;
  readonly confirm: Confirm;
}

export function createAcceptCommand(world: AcceptWorld): Command {
  return {
    name: "accept",
    summary: "makes a host of an unknown machine",
    usage: USAGE,
    run: async (args, io) => {
      const { values, positionals } = parseOptions(args, OPTIONS);
      const [mac = ""] = wantPositionals(positionals, 1, 1, USAGE);
      const { as: name, profile, address, state, json = false, yes } = values;
      if (name === undefined) throw new EverbootError("usage", { what: "name the host that it becomes: --as NAME" });
      const request = { name, ...(profile !== undefined && { profile }), ...(address !== undefined && { address }) };
      const file = await siteFileIfAny(values.config, io.cwd);
      return new Accepting({ io, world, state, json, yes, ...(file && { file }) }).run(mac, request);
    },
  };
}

export const acceptCommand = createAcceptCommand({ clock: systemClock, confirm: confirmOnTerminal });

/** One that is named must be there. */
async function siteFileIfAny(named: string | undefined, cwd: string): Promise<SiteFile | undefined> {
  if (named !== undefined) return readSiteFile(named, cwd);
  return readSiteFile(undefined, cwd).catch(() => undefined);
}

interface AcceptingOptions {
  readonly io: Io;
  readonly world: AcceptWorld;
  readonly state: string | undefined;
  readonly json: boolean;
  readonly yes: boolean;
  /** The operator's own. */
  readonly file?: SiteFile;
}

/** Milliseconds that servers get to serve it: they go on running. */
const SERVED_MS = 30_000;
const LOOK_MS = 250;

class Accepting {
  private readonly options: AcceptingOptions;

  constructor(options: AcceptingOptions) {
    this.options = options;
  }

  async run(macText: string, request: AcceptRequest): Promise<number> {
    const { io, json } = this.options;
    const machine = await this.find(macText);
    const before = await this.report();
    const planned = acceptMachine(before.text, machine, request);
    const { address, profile } = planned.host;
    const diff = diffText(before.text, planned.text);
    this.tell([`${machine.mac} becomes host ${request.name}: ${address}, profile ${profile}`]);
    this.tell(diff.map((line) => `  ${line}`));
    if (!(await this.isWanted(planned))) return 1;
    const body = { name: request.name, profile, address };
    const accepted = (await this.ask("POST", `/api/v1/unknown/${machine.mac}/accept`, body)) as AcceptedHost;
    this.tell([`applied as revision ${accepted.number}`]);
    const after = await this.untilServed(accepted.number);
    this.tell(after.servers.map((each) => serverText(each, after)));
    await this.updateFile(before.text, after.text);
    if (json) io.out(JSON.stringify({ ...accepted, diff, servers: after.servers }));
    return isServed(after, accepted.number) ? 0 : 1;
  }

  private async find(text: string): Promise<UnknownMachine> {
    const { items } = (await this.ask("GET", "/api/v1/unknown")) as { readonly items: readonly UnknownMachine[] };
    const mac = parseMac(text);
    const machine = items.find((each) => each.mac === mac);
    if (!machine) throw new EverbootError("unknown-machine", { mac: text });
    return machine;
  }

  private async isWanted({ host }: Acceptance): Promise<boolean> {
    const { io, world, json, yes } = this.options;
    if (yes) return true;
    const answer = json ? undefined : await world.confirm(`accept ${host.name}? [y/N] `, io);
    if (answer === undefined) throw new EverbootError("usage", { what: "nobody is here to be asked: add --yes" });
    if (!answer) io.out("not accepted");
    return answer;
  }

  private async untilServed(number: number): Promise<SiteReport> {
    const { io, world } = this.options;
    const end = world.clock.now() + SERVED_MS;
    let report = await this.report();
    while (!isServed(report, number) && world.clock.now() < end && !io.signal.aborted) {
      await sleep(world.clock, LOOK_MS, io.signal).catch(() => undefined);
      report = await this.report();
    }
    return report;
  }

  /** Else the next `everboot apply` from it would take the host out again. */
  private async updateFile(before: string, after: string): Promise<void> {
    const { file } = this.options;
    if (!file) return;
    if (file.text !== before)
      return this.tell([`${file.name} is left as it is, as it is not what was applied: add the host there too`]);
    try {
      await writeFile(file.path, after);
      this.tell([`${file.name} has it too`]);
    } catch (error) {
      this.tell([`${file.name} cannot be written (${errnoOf(error) ?? "unknown reason"}): add the host there too`]);
    }
  }

  private tell(lines: readonly string[]): void {
    if (this.options.json) return;
    for (const line of lines) this.options.io.out(line);
  }

  private async report(): Promise<SiteReport> {
    return (await this.ask("GET", "/api/v1/site")) as SiteReport;
  }

  private ask(method: "GET" | "POST", path: string, body?: object): Promise<unknown> {
    return ask(this.options.io, this.options.state, method, path, body);
  }
}

/** By all servers that are alive. */
function isServed({ servers }: SiteReport, number: number): boolean {
  return servers.every(({ alive, serves }) => !alive || (serves?.number ?? 0) >= number);
}
