/**
 * How far an install is inside `packages`, told from what was counted or served. Pure; never from time.
 *
 * Below 1 until `post` has begun, then 1. It never falls: what is expected of a boot is fixed when the boot begins, and
 * where the installer counts anew (download, then install) it stays until the new count has passed it.
 */
import { type BootFold, endsInstall, filesOf, numberFact, stageOf } from "./boot-trace.ts";
import type { JournalEvent } from "./events.ts";
import type { Progress } from "./status.ts";

export interface ProgressAbout {
  /** Of earlier installs of the same profile (learned.ts). */
  readonly expected?: { readonly bytes?: number; readonly counted?: number };
  /** Packages that the tree's lists say will be installed. */
  readonly treePackages?: number;
}

/** More was fetched than expected, and more may come. */
const NEARLY = 0.99;

/** @returns undefined before the stage, and where there is nothing to tell it by */
export function foldProgress({ trace, events }: BootFold, about: ProgressAbout): Progress | undefined {
  if (!trace.stages.some(({ stage }) => stage === "packages")) return undefined;
  const tally = new Tally(about);
  for (const event of events) tally.add(event);
  return tally.progress(events.some(isAfterPackages));
}

/** All packages that an installer counted, each of its counts added up; 0 = it counted none. */
export function countedTotal(events: readonly JournalEvent[]): number {
  const counts = new Counts();
  for (const event of events) counts.add(event);
  return counts.of;
}

function isAfterPackages(event: JournalEvent): boolean {
  return endsInstall(event) || (stageOf(event, false) === "post" && event.facts.event !== "failed");
}

/** What an installer counts: "412 of 903", or 412 without a total; and from 1 again for its next step. */
class Counts {
  private earlier: number = 0;
  private current: { readonly done: number; readonly of?: number } | undefined;

  /** @returns is it a count? */
  add({ what, facts }: JournalEvent): boolean {
    const [done, of] = [numberFact(facts, "done"), numberFact(facts, "of")];
    if (what !== "log" || facts.kind !== "progress" || done === undefined) return false;
    if (this.current && done < this.current.done) this.earlier += this.current.of ?? this.current.done;
    this.current = of === undefined ? { done } : { done, of: Math.max(done, of) };
    return true;
  }

  get isEmpty(): boolean {
    return this.current === undefined;
  }

  /** Does the installer say itself how many there are? */
  get hasTotal(): boolean {
    return this.current?.of !== undefined;
  }

  get done(): number {
    return this.earlier + (this.current?.done ?? 0);
  }

  get of(): number {
    return this.earlier + (this.current?.of ?? this.current?.done ?? 0);
  }
}

type Measure = Pick<Progress, "basis" | "unit" | "done"> & { readonly of: number };

class Tally {
  private readonly about: ProgressAbout;
  private readonly counts = new Counts();
  private files: number = 0;
  private bytes: number = 0;
  private fraction: number = 0;
  /** The installer's log is heard: it will count. */
  private hasLog: boolean = false;

  constructor(about: ProgressAbout) {
    this.about = about;
  }

  add(event: JournalEvent): void {
    this.hasLog ||= event.what === "log";
    if (event.stage === "packages" && event.what === "served") {
      this.files += filesOf(event.what, event.facts);
      this.bytes += numberFact(event.facts, "bytes") ?? 0;
    } else if (!this.counts.add(event)) return;
    const measure = this.measure();
    if (measure) this.fraction = Math.max(this.fraction, Math.min(NEARLY, measure.done / measure.of));
  }

  progress(isOver: boolean): Progress | undefined {
    const measure = this.measure();
    if (measure === undefined) return undefined;
    const { basis, unit, done, of } = measure;
    const isEstimate = basis !== "counted";
    if (isOver) return { fraction: 1, basis, isEstimate, done, of: done, unit };
    return { fraction: this.fraction, basis, isEstimate, done, of: Math.max(of, done), unit };
  }

  private measure(): Measure | undefined {
    const { expected, treePackages } = this.about;
    const { counts, bytes, files } = this;
    const packages = { unit: "packages", done: counts.isEmpty ? files : counts.done } as const;
    if (counts.hasTotal) return { ...packages, basis: "counted", of: Math.max(counts.of, expected?.counted ?? 0) };
    if (expected?.counted && !counts.isEmpty) return { ...packages, basis: "earlier", of: expected.counted };
    if (expected?.bytes) return { basis: "earlier", unit: "bytes", done: bytes, of: expected.bytes };
    return treePackages ? { ...packages, basis: "tree", done: this.doneOf(treePackages), of: treePackages } : undefined;
  }

  /**
   * Packages are fetched before they are set up, all of the base system at once. Where the installer tells of the
   * second, each is half of a package; files of the installer itself are among the first.
   */
  private doneOf(packages: number): number {
    if (!this.hasLog) return this.files;
    return Math.floor((Math.min(this.files, packages) + Math.min(this.counts.done, packages)) / 2);
  }
}
