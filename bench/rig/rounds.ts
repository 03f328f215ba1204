/** Runs a bench: in each round every case, in each case every contender, each round in another order. */
import { cpuSeconds } from "./cpu.ts";
import { quantile } from "./figures.ts";
import type { Bench, Case, Contender, LoadResult, Place, Plan, Round, Run } from "./types.ts";

/** One contender in one case, in the order in which they are run. */
export interface Turn<Facts> {
  readonly case: Case<Facts>;
  readonly contender: Contender<Facts>;
  readonly round: number;
}

/** Each round begins with another contender: what ages or warms up in the machine falls on all alike. */
export function turnsOf<Facts>(bench: Bench<Facts>, rounds: number): Turn<Facts>[] {
  return Array.from({ length: rounds }, (_, round) =>
    bench.cases.flatMap((each) => {
      const taking = bench.contenders.filter(({ name }) => each.contenders?.includes(name) ?? true);
      const first = taking.length === 0 ? 0 : round % taking.length;
      const order = [...taking.slice(first), ...taking.slice(0, first)];
      return order.map((contender) => ({ case: each, contender, round }));
    }),
  ).flat();
}

/** @param told is given each run as soon as it is over */
export async function runBench<Facts>(
  bench: Bench<Facts>,
  { rounds, seconds }: Plan,
  place: Place,
  told: (run: Run, left: number) => void,
): Promise<Run[]> {
  const runs: Run[] = [];
  const turns = turnsOf(bench, rounds);
  for (const turn of turns) {
    const run = await measure(turn, { number: turn.round, place }, seconds);
    runs.push(run);
    told(run, turns.length - runs.length);
  }
  return runs;
}

async function measure<Facts>(turn: Turn<Facts>, round: Round, seconds: number): Promise<Run> {
  const running = await turn.contender.start(round);
  try {
    await turn.case.warm?.(running, round);
    const before = cpuSeconds(running.pids());
    const result = await turn.case.load(running, round, seconds);
    return asRun(turn, result, cpuSeconds(running.pids()) - before);
  } finally {
    await running.stop();
  }
}

function asRun<Facts>({ case: { name }, contender, round }: Turn<Facts>, result: LoadResult, cpu: number): Run {
  const { units, seconds, failed = 0, latencies = [] } = result;
  const times = { p50: quantile(latencies, 0.5), p99: quantile(latencies, 0.99) };
  return {
    ...{ case: name, contender: contender.name, round, units, seconds, cpu, failed },
    ...(latencies.length > 0 && times),
  };
}
