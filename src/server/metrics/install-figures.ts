/** How installs end and how long their stages take, counted from the journal as its events come in. */
import type { JournalEvent } from "../../cluster/events.ts";
import type { BootTrace } from "../../cluster/status.ts";
import { Counters } from "../counters.ts";
import { Histograms, STAGE_BOUNDS } from "../histogram.ts";
import type { Sheet } from "./sheet.ts";

type Result = "installed" | "failed" | "verified" | "differs";

export interface InstallFiguresOptions {
  /** OS family that the host is installed with; undefined = it is not in the site file any more. */
  readonly familyOf: (host: string) => string | undefined;
  /** The newest boot, with the event that is told. */
  readonly bootOf: (host: string) => BootTrace | undefined;
}

export class InstallFigures {
  private readonly options: InstallFiguresOptions;
  /** Named `<family> <result>` and `<family> <stage>`. */
  private readonly results = new Counters();
  private readonly stages = new Histograms(STAGE_BOUNDS);
  /** By host, what was counted last: an installed system may report the same again. */
  private readonly last = new Map<string, { readonly boot: number; readonly result: Result }>();

  constructor(options: InstallFiguresOptions) {
    this.options = options;
  }

  /** To be told each event once: this server's own and those of the others. */
  note(event: JournalEvent): void {
    const result = resultOf(event);
    const family = result && this.options.familyOf(event.host);
    if (result === undefined || family === undefined) return;
    const { host, boot } = event;
    const last = this.last.get(host);
    const known = last?.boot === boot ? last.result : undefined;
    if (known === result) return;
    this.last.set(host, { boot, result });
    this.results.add(`${family} ${result}`);
    if (isOver(result) && !isOver(known)) this.countStages(host, family);
  }

  put(sheet: Sheet): void {
    for (const [name, count] of Object.entries(this.results.snapshot())) {
      const [family = "", result = ""] = name.split(" ");
      sheet.put("everboot_install_results_total", { family, result }, count);
    }
    for (const [name, histogram] of this.stages.snapshot()) {
      const [family = "", stage = ""] = name.split(" ");
      sheet.putHistogram("everboot_stage_duration_seconds", { family, stage }, histogram);
    }
  }

  private countStages(host: string, family: string): void {
    for (const { stage, first, ended } of this.options.bootOf(host)?.stages ?? []) {
      if (ended !== undefined) this.stages.of(`${family} ${stage}`).add((ended - first) / 1000);
    }
  }
}

/** An installed system has stages to come. */
function isOver(result: Result | undefined): boolean {
  return result !== undefined && result !== "installed";
}

function resultOf({ what, stage, facts }: JournalEvent): Result | undefined {
  if (what === "permit-used") return "installed";
  if (what === "permit-failed") return "failed";
  if (what !== "report" || stage !== "verified") return undefined;
  return facts.verdict === "verified" ? "verified" : "differs";
}
