/** `everboot apply`: publishes a site file to all servers of the site, and waits until they serve it. */
import { type Clock, sleep, systemClock } from "../base/clock.ts";
import { EverbootError } from "../base/errors.ts";
import { siteChange } from "../cluster/site-change.ts";
import type { SiteReport } from "../server/boot/operations.ts";
import { loadSite } from "../site/load.ts";
import type { Site } from "../site/model.ts";
import { formatProblem } from "../site/problem.ts";
import { changeText, partChanges, type ServerReport, serverText } from "./apply-text.ts";
import type { Command, Io } from "./command.ts";
import { type Confirm, confirmOnTerminal } from "./confirm.ts";
import { diffText } from "./diff-text.ts";
import { parseOptions, wantPositionals } from "./options.ts";
import { requireSite, type SiteFile } from "./site-file.ts";
import { ask, STATE_OPTION, STATE_USAGE } from "./state-option.ts";

const USAGE = `everboot apply [-c FILE] [--yes] [--dry-run] [--state DIR] [--json]
  Checks the site file, shows what it changes, and gives it to all servers of the site, which serve by it while they run;
  a server that is away takes it when it is back. Exit code 1 when a live server does not serve it in time.
  -c, --config FILE   the site file (default site.yaml, then everboot.yaml, /etc/everboot/site.yaml)
  --yes               do not ask
  --dry-run           show what it changes, and no more
${STATE_USAGE}`;

const OPTIONS = {
  ...STATE_OPTION,
  config: { type: "string", short: "c" },
  yes: { type: "boolean", default: false },
  "dry-run": { type: "boolean", default: false },
} as const;

/** The world of this command besides `Io`. */
export interface ApplyWorld {
  readonly clock: Clock;
  readonly confirm: Confirm;
}

export function createApplyCommand(world: ApplyWorld): Command {
  return {
    name: "apply",
    summary: "gives a site file to all servers, while they run",
    usage: USAGE,
    run: async (args, io) => {
      const { values, positionals } = parseOptions(args, OPTIONS);
      wantPositionals(positionals, 0, 0, USAGE);
      const { state, json = false, yes } = values;
      const { warnings, ...file } = await requireSite(values.config, io);
      for (const found of warnings) if (found.severity === "warning") io.err(formatProblem(file.name, found));
      const application = new Application({ io, world, state, json, file });
      return application.run({ yes, dryRun: values["dry-run"] });
    },
  };
}

export const applyCommand = createApplyCommand({ clock: systemClock, confirm: confirmOnTerminal });

interface ApplicationOptions {
  readonly io: Io;
  readonly world: ApplyWorld;
  readonly state: string | undefined;
  readonly json: boolean;
  readonly file: SiteFile & { readonly site: Site };
}

/** Milliseconds that servers get to serve it; each, where they restart one after the other. */
const SERVED_MS = 30_000;
const LOOK_MS = 250;

class Application {
  private readonly options: ApplicationOptions;

  constructor(options: ApplicationOptions) {
    this.options = options;
  }

  async run({ yes, dryRun }: { readonly yes: boolean; readonly dryRun: boolean }): Promise<number> {
    const { file, json } = this.options;
    const before = await this.report();
    if (before.number > 0 && before.revision === file.site.revision) {
      return this.tell({ applied: false, ...withoutText(before) }, [
        `nothing to apply: ${file.name} is revision ${before.number}`,
      ]);
    }
    const changes = this.changes(before);
    if (dryRun) return this.tell({ applied: false, number: before.number, ...changes.facts }, changes.lines);
    if (!json) this.tell({}, changes.lines);
    if (!yes && !(await this.confirm(before))) return 1;
    const { number } = (await this.ask("PUT", { text: file.text, expected: before.number })) as { number: number };
    if (!json) this.tell({}, [`applied as revision ${number}`]);
    return this.finish(before, number, changes);
  }

  private async confirm({ number }: SiteReport): Promise<boolean> {
    const { io, world, file, json } = this.options;
    const answer = json ? undefined : await world.confirm(`apply ${file.name} as revision ${number + 1}? [y/N] `, io);
    if (answer === undefined)
      throw new EverbootError("usage", { what: "nobody is here to be asked: look with --dry-run, then add --yes" });
    if (!answer) io.out("not applied");
    return answer;
  }

  private async finish(before: SiteReport, number: number, { facts, site }: Changes): Promise<number> {
    const { file } = this.options;
    if (!file.site.servers.has(before.server))
      return this.tell({ applied: true, number, ...facts }, [
        `${before.server} leaves the site and ends: ask another server who serves revision ${number}`,
      ]);
    const restarts = site === undefined || siteChange(site, file.site) === "restart";
    const after = await this.untilServed(before, number, SERVED_MS * (restarts ? file.site.servers.size : 1));
    if (!after) {
      this.tell({ applied: true, number, ...facts }, ["the daemon here does not answer yet: see `everboot status`"]);
      return 1;
    }
    const lines = after.servers.map((each) => serverText(each, after));
    this.tell({ applied: true, ...withoutText(after), ...facts }, lines);
    return after.servers.every((each) => !isOwed(each, before, after)) ? 0 : 1;
  }

  /** The last word that was to be had; a daemon that restarts does not answer meanwhile. */
  private async untilServed(before: SiteReport, number: number, ms: number): Promise<SiteReport | undefined> {
    const { io, world } = this.options;
    const end = world.clock.now() + ms;
    let last: SiteReport | undefined;
    while (world.clock.now() < end && !io.signal.aborted) {
      const report = await this.report().catch(() => undefined);
      if (report && report.number >= number) {
        last = report;
        if (report.trouble !== undefined || report.servers.every((each) => !isOwed(each, before, report)))
          return report;
      }
      await sleep(world.clock, LOOK_MS, io.signal).catch(() => undefined);
    }
    return last;
  }

  private changes(before: SiteReport): Changes {
    const { file } = this.options;
    const loaded = loadSite(before.text, file.path);
    const diff = diffText(before.text, file.text);
    // Another version of Everboot may have applied what this one cannot read.
    if (!("site" in loaded)) return { site: undefined, facts: { diff }, lines: diff };
    const { site } = loaded;
    const facts = { change: siteChange(site, file.site), changes: partChanges(site, file.site), diff };
    return { site, facts, lines: [...changeText(site, file.site), ...diff.map((line) => `  ${line}`)] };
  }

  private tell(facts: object, lines: readonly string[]): 0 {
    const { io, json } = this.options;
    for (const line of json ? [JSON.stringify(facts)] : lines) io.out(line);
    return 0;
  }

  private async report(): Promise<SiteReport> {
    return (await this.ask("GET")) as SiteReport;
  }

  private ask(method: "GET" | "PUT", body?: object): Promise<unknown> {
    return ask(this.options.io, this.options.state, method, "/api/v1/site", body);
  }
}

interface Changes {
  /** What is served now; absent = this version cannot load it. */
  readonly site: Site | undefined;
  readonly facts: object;
  readonly lines: readonly string[];
}

/** Is the server to serve it, and does not yet? One that restarts for it is away for a while. */
function isOwed({ name, alive, serves }: ServerReport, before: SiteReport, { revision }: SiteReport): boolean {
  const lived = before.servers.some((each) => each.name === name && each.alive);
  return (alive || lived) && serves?.revision !== revision;
}

function withoutText({ text: _text, ...report }: SiteReport): object {
  return report;
}
