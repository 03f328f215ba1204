/** How long things take, counted by size: cheap enough for every packet, as nothing is allocated for one. */

/** Upper bounds in seconds, for what takes microseconds to seconds: answers, commits. */
export const QUICK_BOUNDS = [
  ...[0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5],
  ...[1, 2.5, 5, 10],
] as const;
/** For whole downloads: milliseconds to an hour. */
export const TRANSFER_BOUNDS = [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600] as const;
/** For the stages of an install: a second to four hours. */
export const STAGE_BOUNDS = [1, 5, 15, 30, 60, 120, 300, 600, 900, 1200, 1800, 3600, 7200, 14400] as const;

/** A histogram at one moment. */
export interface HistogramSnapshot {
  /** Upper bounds in seconds, rising. */
  readonly bounds: readonly number[];
  /** How many were at most as long as each bound, those of the bounds before included. */
  readonly counts: readonly number[];
  /** How many there were in all, longer ones than the last bound included. */
  readonly count: number;
  /** Of all, in seconds. */
  readonly sum: number;
}

export class Histogram {
  private readonly bounds: readonly number[];
  private readonly now: () => number;
  /** By bound; the last one is of those that are longer than all bounds. */
  private readonly tallies: Float64Array;
  private sum = 0;

  /** @param now milliseconds, with fractions, of a clock that is never set */
  constructor(bounds: readonly number[], now: () => number = () => performance.now()) {
    this.bounds = bounds;
    this.now = now;
    this.tallies = new Float64Array(bounds.length + 1);
  }

  /** For `end`. */
  start(): number {
    return this.now();
  }

  /** Counts what has begun at `started`. */
  end(started: number): void {
    this.add((this.now() - started) / 1000);
  }

  /** Counts one; below 0 counts as 0: the clocks that it is told from were set. */
  add(seconds: number): void {
    const length = Math.max(0, seconds);
    let place = 0;
    while (place < this.bounds.length && length > (this.bounds[place] ?? 0)) place += 1;
    this.tallies[place] = (this.tallies[place] ?? 0) + 1;
    this.sum += length;
  }

  snapshot(): HistogramSnapshot {
    const { bounds, sum } = this;
    let count = 0;
    const counts = Array.from(this.tallies, (tally) => {
      count += tally;
      return count;
    });
    return { bounds, counts: counts.slice(0, -1), count, sum };
  }
}

/** Histograms by name, made on first use. */
export class Histograms {
  private readonly bounds: readonly number[];
  private readonly byName = new Map<string, Histogram>();

  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
  }

  of(name: string): Histogram {
    const known = this.byName.get(name);
    if (known) return known;
    const made = new Histogram(this.bounds);
    this.byName.set(name, made);
    return made;
  }

  /** In the order of the names (law 6). */
  snapshot(): ReadonlyArray<readonly [name: string, histogram: HistogramSnapshot]> {
    const sorted = [...this.byName].sort(([a], [b]) => (a < b ? -1 : 1));
    return sorted.map(([name, histogram]) => [name, histogram.snapshot()]);
  }
}
