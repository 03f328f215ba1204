/** `./everboot bench failover`: the matrix, run by run into a file, and the tables made of it. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { clusterObstacle } from "../../lab/cluster.ts";
import { installPackages } from "../../lab/prerequisites.ts";
import { UNPACKED_PACKAGES, unpackPackages } from "../../lab/unpacked.ts";
import { EverbootError } from "../../src/base/errors.ts";
import type { Command, Io } from "../../src/cli/command.ts";
import { parseOptions, wantPositionals } from "../../src/cli/options.ts";
import { CLOCK_PACKAGE } from "./clocks.ts";
import { runIdleLoad } from "./idle-load.ts";
import { FTP_PACKAGE, PapersRig } from "./papers.ts";
import {
  ARRANGEMENTS,
  FAULTS,
  groupOf,
  nameOf,
  parseList,
  planRuns,
  preparationFor,
  type Run,
  SIZES,
  STAGES,
} from "./plan.ts";
import { withTables } from "./report.ts";
import { appendResult, type Outcome, readResults, runsLeft } from "./results.ts";
import { Rig } from "./rig.ts";
import { runTrial } from "./trial.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const RESULTS = join(ROOT, "docs/failover.jsonl");
const DOCUMENT = join(ROOT, "docs/failover.md");

/** Server logs of runs that went wrong. */
const LOGS = join(ROOT, ".cache/failover");
/** Plain curl and wget are to go on within it. */
const SLOW_MS = 3000;

const USAGE = `./everboot bench failover [--minutes N] [options]
  --servers 2,3          sizes; default both
  --faults A,B           ${FAULTS.join(" ")}
  --stages A,B           ${STAGES.join(" ")}
  --arrangements A,B     everboot, papers (keepalived as it comes and vsftpd, for comparison)
  --runs N               runs of each cell and size, instead of as many as the project asks for
  --only N               run number N of each cell and size alone, to see it again
  --seed S               all random moments follow from it; default 1
  --minutes N            ends after so long, and says how much is left
  --out FILE             results, a line each; runs that are in it are not done again; default docs/failover.jsonl
  --idle-load MINUTES    instead: all processors busy, nothing broken, addresses that move are counted
  --report               instead: writes the tables of docs/failover.md from the results
Needs root. May be broken off by Ctrl-C at any time and called again.`;

const OPTIONS = {
  servers: { type: "string" },
  faults: { type: "string" },
  stages: { type: "string" },
  arrangements: { type: "string" },
  runs: { type: "string" },
  only: { type: "string" },
  seed: { type: "string" },
  minutes: { type: "string" },
  out: { type: "string" },
  "idle-load": { type: "string" },
  report: { type: "boolean" },
} as const;

export const failoverCommand: Command = {
  name: "failover",
  summary: "servers break in every way at every stage of an install; how long their clients wait",
  usage: USAGE,
  run: async (args, io) => {
    const { values, positionals } = parseOptions(args, OPTIONS);
    wantPositionals(positionals, 0, 0, USAGE);
    const out = values.out === undefined ? RESULTS : resolve(io.cwd, values.out);
    if (values.report === true) return writeReport(out, io);
    const choice = {
      servers: parseList("servers", values.servers, SIZES),
      faults: parseList("faults", values.faults, FAULTS),
      stages: parseList("stages", values.stages, STAGES),
      arrangements: parseList("arrangements", values.arrangements, ARRANGEMENTS),
      runs: wantNumber("runs", values.runs),
      only: wantNumber("only", values.only),
      seed: wantNumber("seed", values.seed) ?? 1,
    };
    const minutes = wantNumber("minutes", values.minutes);
    const idleMinutes = wantNumber("idle-load", values["idle-load"]);
    await prepare(io);
    if (idleMinutes === undefined) return runAll(planRuns(choice), out, minutes, io);
    for (const servers of choice.servers ?? SIZES) await measureIdleLoad(servers, idleMinutes, out, io);
    return 0;
  },
};

function wantNumber(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new EverbootError("usage", { what: `--${option} ${text}: give a whole number` });
}

function writeReport(out: string, io: Io): number {
  writeFileSync(DOCUMENT, withTables(readFileSync(DOCUMENT, "utf8"), readResults(out)));
  io.out(`wrote ${DOCUMENT}`);
  return 0;
}

async function prepare(io: Io): Promise<void> {
  await installPackages(["clients"], (line) => io.err(line));
  const absent = unpackPackages([...UNPACKED_PACKAGES, FTP_PACKAGE, CLOCK_PACKAGE], (line) => io.err(line));
  for (const name of absent) io.err(`${name} cannot be had: runs that need it cannot be made`);
  const obstacle = clusterObstacle();
  if (obstacle !== undefined) throw new EverbootError("lab-broken", { reason: obstacle });
}

async function measureIdleLoad(servers: (typeof SIZES)[number], minutes: number, out: string, io: Io): Promise<void> {
  const load = await runIdleLoad(servers, minutes);
  appendResult(out, load);
  io.out(`${servers} servers, ${minutes} minutes of full load: ${load.moves} addresses moved`);
}

/** Exit code 1 when a client failed in this call. */
async function runAll(runs: readonly Run[], out: string, minutes: number | undefined, io: Io): Promise<number> {
  mkdirSync(dirname(out), { recursive: true });
  const left = runsLeft(runs, readResults(out));
  io.out(`${runs.length} runs, ${left.length} left; results in ${out}, logs of what goes wrong in ${LOGS}`);
  const end = minutes === undefined ? Number.POSITIVE_INFINITY : performance.now() + minutes * 60_000;
  const bench = new Bench();
  let failed = 0;
  try {
    for (let run = left[0]; run && performance.now() < end; run = left[0]) {
      const outcome = await bench.runTwice(run, (line) => io.err(line));
      appendResult(out, outcome);
      left.shift();
      if (outcome.trouble !== undefined) failed += 1;
      io.out(tell(outcome, left.length));
    }
  } finally {
    await bench.close();
  }
  io.out(`${left.length} runs left${left.length > 0 ? ": call it again" : ""}; ${failed} clients failed`);
  return failed > 0 ? 1 : 0;
}

function tell(outcome: Outcome, left: number): string {
  const { client, at, pauseMs, addressMs, mendMs, trouble, mendTrouble } = outcome;
  const times = `went on after ${pauseMs} ms, address back after ${addressMs ?? "?"} ms, mended after ${mendMs} ms`;
  const ills = [trouble, mendTrouble && `NOT WELL AGAIN: ${mendTrouble}`].filter((ill) => ill !== undefined);
  return `${left} ${nameOf(outcome)} ${client} at ${at}: ${ills.length > 0 ? `FAILED: ${ills.join("; ")}` : times}`;
}

/** What the servers said, where a client failed or was slow. */
function keepLogs(logs: string, outcome: Outcome): void {
  const isOdd = outcome.trouble !== undefined || outcome.mendTrouble !== undefined || outcome.pauseMs > SLOW_MS;
  if (!isOdd) return;
  mkdirSync(LOGS, { recursive: true });
  writeFileSync(join(LOGS, `${nameOf(outcome).replaceAll("/", "-")}.log`), `${JSON.stringify(outcome)}\n${logs}`);
}

/** Servers that live as long as the next run can use them. */
class Bench {
  private group: number | undefined;
  private rig: Rig | undefined;
  private papers: PapersRig | undefined;

  /** A run that could not begin is tried once more, with fresh servers; rejects when that does not help. */
  async runTwice(run: Run, tell: (line: string) => void): Promise<Outcome> {
    return this.run(run).catch(async (error: unknown) => {
      tell(
        `${nameOf(run)} could not begin, once more with fresh servers: ${error instanceof Error ? error.message : error}`,
      );
      await this.close();
      return this.run(run);
    });
  }

  private async run(run: Run): Promise<Outcome> {
    if (groupOf(run) !== this.group) await this.close();
    this.group = groupOf(run);
    if (run.arrangement === "papers") {
      this.papers ??= await PapersRig.open();
      return this.papers.trial(run);
    }
    this.rig ??= await Rig.open(run.servers, preparationFor(run.fault));
    const before = this.rig.logSizes();
    const outcome = await runTrial(this.rig, run);
    keepLogs(this.rig.logsSince(before), outcome);
    // What cannot be mended does not spoil the next run.
    if (outcome.mendTrouble !== undefined) await this.close();
    return outcome;
  }

  async close(): Promise<void> {
    const { rig, papers } = this;
    this.rig = undefined;
    this.papers = undefined;
    await rig?.close();
    await papers?.close();
  }
}
