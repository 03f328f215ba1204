/** `./everboot bench NAME` for what runs on the rig: options, the rounds, and the results as files. */
import { mkdirSync, writeFileSync } from "node:fs";
import { cpus, release } from "node:os";
import { join, resolve } from "node:path";
import { EverbootError } from "../../src/base/errors.ts";
import type { Command, Io } from "../../src/cli/command.ts";
import { parseOptions, wantPositionals } from "../../src/cli/options.ts";
import { figuresOf } from "./figures.ts";
import { openPlace } from "./place.ts";
import { barPlot, markdownTable, shown } from "./report.ts";
import { runBench } from "./rounds.ts";
import type { Bench, Plan, Run } from "./types.ts";

/** Where results are put unless `--out` says otherwise. */
const RESULTS = resolve(import.meta.dirname, "../../.cache/bench");

const OPTIONS = {
  rounds: { type: "string", default: "5" },
  seconds: { type: "string", default: "3" },
  short: { type: "boolean" },
  case: { type: "string" },
  contender: { type: "string" },
  out: { type: "string" },
} as const;

/** Does it work at all? Its figures say nothing. */
const SHORT: Plan = { rounds: 1, seconds: 1 };

export interface RigBench<Facts> {
  readonly name: string;
  readonly summary: string;
  /** What is special about it, for `--help`. */
  readonly about: string;
  /** Installs what the contenders need, then gives them. `folder` is removed at the end. */
  prepare(folder: string, io: Io, short: boolean): Promise<Bench<Facts>>;
}

export function rigCommand<Facts>(rig: RigBench<Facts>): Command {
  const usage = `./everboot bench ${rig.name} [--rounds N] [--seconds N] [--short] [--case WORD] [--contender A,B] [--out DIR]
${rig.about}
  --rounds N        each measures every contender once, in another order (default ${OPTIONS.rounds.default})
  --seconds N       of load for each (default ${OPTIONS.seconds.default})
  --short           one round of one second, of less: only tells whether it works
  --case WORD       cases with this word in their name
  --contender A,B   these alone
  --out DIR         for ${rig.name}.json, .md and .svg (default .cache/bench)
Needs root and two cores. The server is pinned to core 0, the load to core 1: nothing else should run.`;
  return {
    ...{ name: rig.name, summary: rig.summary, usage },
    run: async (args, io) => {
      const { values, positionals } = parseOptions(args, OPTIONS);
      wantPositionals(positionals, 0, 0, usage);
      const plan = values.short
        ? SHORT
        : { rounds: wantCount("rounds", values.rounds), seconds: wantCount("seconds", values.seconds) };
      await using place = await openPlace(rig.name);
      const bench = chosen(await rig.prepare(place.folder, io, values.short ?? false), values);
      const runs = await runBench(bench, plan, place, (run, left) => io.err(lineOf(bench, run, left)));
      report(bench, runs, plan, resolve(io.cwd, values.out ?? RESULTS), io);
      return runs.some(({ failed, units }) => failed > 0 || units === 0) ? 1 : 0;
    },
  };
}

function wantCount(option: string, text: string): number {
  if (/^[1-9]\d{0,4}$/.test(text)) return Number(text);
  throw new EverbootError("usage", { what: `--${option} ${text}: give a whole number from 1 on` });
}

function chosen<Facts>(bench: Bench<Facts>, wanted: { case?: string; contender?: string }): Bench<Facts> {
  const cases = bench.cases.filter(({ name }) => name.includes(wanted.case ?? ""));
  const names = wanted.contender?.split(",");
  const contenders = bench.contenders.filter(({ name }) => names?.includes(name) ?? true);
  if (cases.length > 0 && contenders.length > 0) return { ...bench, cases, contenders };
  const known = `${bench.cases.map(({ name }) => name).join(", ")}; ${bench.contenders.map(({ name }) => name).join(", ")}`;
  throw new EverbootError("usage", { what: `nothing left to measure: there are ${known}` });
}

function lineOf<Facts>(bench: Bench<Facts>, run: Run, left: number): string {
  const unit = bench.cases.find(({ name }) => name === run.case)?.unit;
  const rate = `${shown(run.units / (unit?.scale ?? 1) / run.seconds)} ${unit?.rate}`;
  const lost = run.failed > 0 ? `, ${run.failed} FAILED` : "";
  return `${left} left: ${run.case} ${run.contender} ${rate}, processor ${shown(run.cpu)} s of ${shown(run.seconds)}${lost}`;
}

function report<Facts>(bench: Bench<Facts>, runs: readonly Run[], plan: Plan, folder: string, io: Io): void {
  const figures = figuresOf(bench, runs);
  const machine = { processor: cpus()[0]?.model ?? "", cores: cpus().length, kernel: release(), node: process.version };
  mkdirSync(folder, { recursive: true });
  const put = (ending: string, text: string) => writeFileSync(join(folder, `${bench.name}.${ending}`), text);
  const table = markdownTable(bench, figures);
  put("json", `${JSON.stringify({ bench: bench.name, machine, plan, figures, runs }, null, 1)}\n`);
  put("md", `${table}\n`);
  put("svg", barPlot(bench, figures));
  io.out(table);
  io.out(`results: ${join(folder, `${bench.name}.json`)}, .md, .svg`);
}
