/** `./everboot bench split-brain`: random schedules of partitions, crashes and restarts, with a checker. */
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { clusterObstacle, type LabCluster } from "../../lab/cluster.ts";
import { UNPACKED_PACKAGES, unpackPackages } from "../../lab/unpacked.ts";
import { EverbootError } from "../../src/base/errors.ts";
import type { Command, Io } from "../../src/cli/command.ts";
import { parseOptions, wantPositionals } from "../../src/cli/options.ts";
import { tellTrouble } from "./schedule.ts";
import { openServers, runTrial, type Trial } from "./trial.ts";

const USAGE = `./everboot bench split-brain [--schedules N] [--seed S] [--minutes N] [--out FILE]
  Three whole servers under load; each schedule follows from its seed. Checked after each one: no machine installed twice, no
  address lent twice, no report lost or doubled, all servers equal. Exit code 1 if anything was wrong.
  --schedules N   how many (default 200)
  --seed S        of the first; the next ones count up (default 1). One schedule again: --schedules 1 --seed S
  --minutes N     ends after so long, and says how many are left
  --out FILE      results, a line each; seeds that are in it are not run again (default docs/split-brain.jsonl)`;

const RESULTS = resolve(import.meta.dirname, "../../docs/split-brain.jsonl");

const OPTIONS = {
  schedules: { type: "string", default: "200" },
  seed: { type: "string", default: "1" },
  minutes: { type: "string" },
  out: { type: "string" },
} as const;

export const splitBrainCommand: Command = {
  name: "split-brain",
  summary: "random partitions, crashes and restarts of three servers, with a checker",
  usage: USAGE,
  run: async (args, io) => {
    const { values, positionals } = parseOptions(args, OPTIONS);
    wantPositionals(positionals, 0, 0, USAGE);
    unpackPackages(UNPACKED_PACKAGES, (line) => io.err(line));
    const obstacle = clusterObstacle();
    if (obstacle !== undefined) throw new EverbootError("lab-broken", { reason: obstacle });
    const out = values.out === undefined ? RESULTS : resolve(io.cwd, values.out);
    const first = Number(values.seed);
    const seeds = Array.from({ length: Number(values.schedules) }, (_, place) => first + place);
    const minutes = values.minutes === undefined ? Number.POSITIVE_INFINITY : Number(values.minutes);
    return runAll(
      seeds.filter((seed) => !seedsIn(out).has(seed)),
      out,
      performance.now() + minutes * 60_000,
      io,
    );
  },
};

function seedsIn(file: string): Set<number> {
  const lines = existsSync(file) ? readFileSync(file, "utf8").split("\n").filter(Boolean) : [];
  return new Set(lines.map((line) => (JSON.parse(line) as { readonly seed: number }).seed));
}

async function runAll(seeds: readonly number[], out: string, end: number, io: Io): Promise<number> {
  let wrong = 0;
  let lab: LabCluster | undefined;
  try {
    for (const [place, seed] of seeds.entries()) {
      if (performance.now() > end) {
        io.out(`${seeds.length - place} schedules are left`);
        break;
      }
      lab ??= await openServers();
      const trial = await runTrial(lab, seed);
      appendFileSync(out, `${JSON.stringify(shortened(trial))}\n`);
      for (const line of told(trial)) io.out(line);
      if (trial.wrong.length > 0) wrong += 1;
    }
  } finally {
    await lab?.close();
  }
  return wrong === 0 ? 0 : 1;
}

function shortened({ schedule, ...trial }: Trial): object {
  return { ...trial, schedule: schedule.map(tellTrouble) };
}

function told({ seed, installs, reports, leases, healedMs, wrong, schedule }: Trial): string[] {
  const counts = `${installs} installs, ${reports} reports, ${leases} leases, at one after ${healedMs} ms`;
  if (wrong.length === 0) return [`seed ${seed}: well; ${counts}`];
  return [
    `seed ${seed}: WRONG; ${counts}`,
    ...schedule.map((each) => `  ${tellTrouble(each)}`),
    ...wrong.map((text) => `  ${text}`),
  ];
}
