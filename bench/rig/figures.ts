/** From runs to figures: medians, the worst round, and how they compare with the baseline. Pure. */
import type { Bench, Case, Run } from "./types.ts";

export interface Spread {
  readonly median: number;
  readonly least: number;
  readonly most: number;
}

/** Of one contender in one case, over all rounds. */
export interface Figure {
  readonly case: string;
  readonly contender: string;
  readonly rounds: number;
  /** Units (scaled) a second. */
  readonly rate: Spread;
  /** Microseconds of the server's processor time for each unit of the load, not scaled. */
  readonly cpu: Spread;
  readonly p50?: number;
  readonly p99?: number;
  readonly failed: number;
  readonly baseline?: Comparison;
}

export interface Comparison {
  readonly contender: string;
  /** Of the medians: above 1 is faster. */
  readonly rate: number;
  /** Of the rounds' own ratios, the lowest. */
  readonly worstRate: number;
  /** Of the medians of processor time: below 1 is less. */
  readonly cpu: number;
}

/** 0 <= share <= 1; NaN of nothing. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

export function spread(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  const median = sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
  return { median, least: sorted[0] ?? Number.NaN, most: sorted.at(-1) ?? Number.NaN };
}

/** In the order of the bench's cases and contenders. */
export function figuresOf<Facts>(bench: Bench<Facts>, runs: readonly Run[]): Figure[] {
  return bench.cases.flatMap((each) => {
    const ofCase = runs.filter((run) => run.case === each.name);
    const taking = bench.contenders.map(({ name }) => name).filter((name) => ofCase.some((r) => r.contender === name));
    const baseline = bench.baseline.find((name) => taking.includes(name));
    return taking.map((name) => figureOf(each, name, baseline, ofCase));
  });
}

function figureOf<Facts>(each: Case<Facts>, name: string, baseline: string | undefined, runs: readonly Run[]): Figure {
  const own = runs.filter(({ contender }) => contender === name);
  const times = own.filter((run) => run.p50 !== undefined);
  const median = (key: "p50" | "p99") => spread(times.map((run) => run[key] ?? Number.NaN)).median;
  return {
    ...{ case: each.name, contender: name, rounds: own.length },
    rate: spread(own.map((run) => rateOf(each, run))),
    cpu: spread(own.map(cpuOf)),
    ...(times.length > 0 && { p50: median("p50"), p99: median("p99") }),
    failed: own.reduce((sum, { failed }) => sum + failed, 0),
    ...(baseline !== undefined && baseline !== name && { baseline: compare(each, name, baseline, runs) }),
  };
}

function compare<Facts>(each: Case<Facts>, name: string, baseline: string, runs: readonly Run[]): Comparison {
  const of = (contender: string) => runs.filter((run) => run.contender === contender);
  const [own, other] = [of(name), of(baseline)];
  const medianRate = (some: readonly Run[]) => spread(some.map((run) => rateOf(each, run))).median;
  const medianCpu = (some: readonly Run[]) => spread(some.map(cpuOf)).median;
  const pairs = own.flatMap((run) => {
    const beside = other.find(({ round }) => round === run.round);
    return beside ? [rateOf(each, run) / rateOf(each, beside)] : [];
  });
  return {
    contender: baseline,
    rate: medianRate(own) / medianRate(other),
    worstRate: Math.min(...pairs),
    cpu: medianCpu(own) / medianCpu(other),
  };
}

function rateOf<Facts>({ unit }: Case<Facts>, { units, seconds }: Run): number {
  return units / unit.scale / seconds;
}

function cpuOf({ cpu, units }: Run): number {
  return (cpu * 1e6) / units;
}
