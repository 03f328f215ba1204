/** `./everboot bench dns`: how many questions a second the DNS server answers. */
import { availableParallelism } from "node:os";
import type { Command, Io } from "../../src/cli/command.ts";
import { parseOptions, wantPositionals } from "../../src/cli/options.ts";
import { startBind } from "./bind.ts";
import { type LoadResult, runLoad } from "./load.ts";
import { processorSeconds, type Subject, startEverboot } from "./subject.ts";

/** Questions a second that one server is to answer. */
const AIM = 10_000;

/** A daemon has run for long: what is compiled as it goes is compiled. */
const WARM_UP_S = 1;

const USAGE = `./everboot bench dns [--seconds N] [--clients N] [--window N] [--rounds N] [--beside-bind]
  A DNS server in a process of its own, and clients that ask it over UDP on the loopback interface, each again as soon as it
  is answered. Exit code 1 if fewer than ${AIM} a second are answered (the median of the rounds), or one is not.
  --seconds N     how long a round is, after a second to warm up (default 5)
  --clients N     each with an address in another network (default 16)
  --window N      questions of each client under way (default 4)
  --rounds N      how many (default 1)
  --beside-bind   after each round the same with BIND's named and the files of \`everboot export bind\`; needs Debian's
                  package bind9`;

const OPTIONS = {
  seconds: { type: "string", default: "5" },
  clients: { type: "string", default: "16" },
  window: { type: "string", default: "4" },
  rounds: { type: "string", default: "1" },
  "beside-bind": { type: "boolean", default: false },
} as const;

interface Load {
  readonly seconds: number;
  readonly clients: number;
  readonly window: number;
}

interface Round extends LoadResult {
  /** Answers a second. */
  readonly rate: number;
  /** Answers for a second of the server's processor time. */
  readonly perProcessor: number;
}

export const dnsCommand: Command = {
  name: "dns",
  summary: "questions a second that the DNS server answers",
  usage: USAGE,
  run: async (args, io) => {
    const { values, positionals } = parseOptions(args, OPTIONS);
    wantPositionals(positionals, 0, 0, USAGE);
    const load = { seconds: Number(values.seconds), clients: Number(values.clients), window: Number(values.window) };
    io.out(`${availableParallelism()} processors`);
    const everboot: Round[] = [];
    const bind: Round[] = [];
    for (let round = 0; round < Number(values.rounds); round += 1) {
      everboot.push(await runRound("everboot", startEverboot, load, io));
      if (values["beside-bind"]) bind.push(await runRound("bind", startBind, load, io));
    }
    const rate = summarise("everboot", everboot, io);
    if (bind.length > 0) compare(everboot, bind, io);
    return rate >= AIM && everboot.every(({ lost }) => lost === 0) ? 0 : 1;
  },
};

async function runRound(name: string, start: () => Promise<Subject>, load: Load, io: Io): Promise<Round> {
  const subject = await start();
  await runLoad({ port: subject.port, ...load, seconds: WARM_UP_S });
  const before = processorSeconds(subject.pid);
  const result = await runLoad({ port: subject.port, ...load });
  const used = processorSeconds(subject.pid) - before;
  const counters = await subject.stop();
  const round = { ...result, rate: result.answered / result.seconds, perProcessor: result.answered / used };
  io.out(`${name}: ${told(round)}, ${result.lost} lost`);
  if (Object.keys(counters).length > 0) io.out(`counters: ${JSON.stringify(counters)}`);
  return round;
}

function told({ rate, perProcessor, median, p99 }: Omit<Round, keyof LoadResult> & Pick<LoadResult, "median" | "p99">) {
  const times = `half within ${median.toFixed(2)} ms, 99 of 100 within ${p99.toFixed(2)} ms`;
  return `${Math.round(rate)} answers a second, ${times}, ${Math.round(perProcessor)} for a second of processor time`;
}

/** @returns the median of the rates */
function summarise(name: string, rounds: readonly Round[], io: Io): number {
  const of = (figure: "rate" | "perProcessor" | "median" | "p99") => middle(rounds.map((round) => round[figure]));
  const all = { rate: of("rate"), perProcessor: of("perProcessor"), median: of("median"), p99: of("p99") };
  const lost = rounds.reduce((sum, round) => sum + round.lost, 0);
  io.out(`${name}, medians of ${rounds.length}: ${told(all)}, ${lost} lost in all`);
  return all.rate;
}

function compare(everboot: readonly Round[], bind: readonly Round[], io: Io): void {
  summarise("bind", bind, io);
  // By pairs that ran one after the other: what else the machine had to do was much the same.
  const ratio = (figure: "rate" | "perProcessor") =>
    middle(everboot.map((round, place) => round[figure] / (bind[place]?.[figure] ?? Number.NaN))).toFixed(2);
  io.out(`everboot to bind: ${ratio("rate")} in answers a second, ${ratio("perProcessor")} for processor time`);
}

function middle(figures: readonly number[]): number {
  const sorted = figures.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
