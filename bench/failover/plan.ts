/** Which runs the failover matrix is made of, and what is random in each: all of it follows from a seed. */
import { createHash } from "node:crypto";
import { EverbootError } from "../../src/base/errors.ts";

/** `none` breaks nothing: what is measured then is the measurement's own share. */
export const FAULTS = [
  "none",
  "kill-daemon",
  "kill-server",
  "cut",
  "freeze",
  "disk-full",
  "etcd-member",
  "etcd-leader",
  "keepalived",
  "clock-jump",
  "heartbeat-cut",
  "lan-cut",
] as const;
export type Fault = (typeof FAULTS)[number];

export const STAGES = [
  "offer",
  "request",
  "tftp",
  "script",
  "kernel",
  "initrd",
  "answer",
  "packages",
  "report",
] as const;
export type Stage = (typeof STAGES)[number];

export const SIZES = [2, 3] as const;
export type Size = (typeof SIZES)[number];

/** `papers`: two plain servers with keepalived as it comes and vsftpd, for comparison. */
export const ARRANGEMENTS = ["everboot", "papers"] as const;
export type Arrangement = (typeof ARRANGEMENTS)[number];

export interface Run {
  readonly arrangement: Arrangement;
  readonly servers: Size;
  readonly fault: Fault;
  readonly stage: Stage;
  /** From 0, in its cell and size. */
  readonly number: number;
  readonly seed: number;
}

/** What the command line asks for; absent = all of it. */
export interface Choice {
  readonly arrangements?: readonly Arrangement[] | undefined;
  readonly servers?: readonly Size[] | undefined;
  readonly faults?: readonly Fault[] | undefined;
  readonly stages?: readonly Stage[] | undefined;
  /** Runs of each cell and size, instead of the specified ones. */
  readonly runs?: number | undefined;
  /** This run of each cell and size alone. */
  readonly only?: number | undefined;
  readonly seed: number;
}

const RUNS_OF_A_CELL = 3;
const RUNS_OF_A_HEAVY_CELL = 20;
const HEAVY_FAULTS: ReadonlySet<Fault> = new Set(["kill-server", "cut", "freeze"]);
const HEAVY_STAGES: ReadonlySet<Stage> = new Set(["tftp", "initrd", "packages"]);
const PAPERS_FAULTS: ReadonlySet<Fault> = new Set(["kill-server", "cut"]);
const RUNS_OF_THE_PAPERS = 10;

/** In the order in which they are run: first runs of all cells first, so that a part of the matrix says something of all. */
export function planRuns(choice: Choice): Run[] {
  const runs = ARRANGEMENTS.flatMap((arrangement) =>
    SIZES.flatMap((servers) =>
      FAULTS.flatMap((fault) => STAGES.flatMap((stage) => runsOf(choice, { arrangement, servers, fault, stage }))),
    ),
  );
  return runs.filter((run) => isChosen(run, choice)).sort((a, b) => groupOf(a) - groupOf(b) || a.number - b.number);
}

type Cell = Pick<Run, "arrangement" | "servers" | "fault" | "stage">;

function runsOf({ runs, only, seed }: Choice, cell: Cell): Run[] {
  const specified = specifiedRuns(cell);
  const count = specified === 0 ? 0 : (runs ?? specified);
  if (only !== undefined) return specified === 0 ? [] : [{ ...cell, number: only, seed }];
  return Array.from({ length: count }, (_, number) => ({ ...cell, number, seed }));
}

/** Of one size: the runs of a cell are shared out over the sizes, the smaller one getting what is left over. */
function specifiedRuns({ arrangement, servers, fault, stage }: Cell): number {
  if (arrangement === "papers")
    return servers === 2 && stage === "packages" && PAPERS_FAULTS.has(fault) ? RUNS_OF_THE_PAPERS : 0;
  const isHeavy = HEAVY_FAULTS.has(fault) && HEAVY_STAGES.has(stage);
  const runs = isHeavy ? RUNS_OF_A_HEAVY_CELL : RUNS_OF_A_CELL;
  return servers === SIZES[0] ? Math.ceil(runs / 2) : Math.floor(runs / 2);
}

function isChosen(run: Run, { arrangements, servers, faults, stages }: Choice): boolean {
  const among = <T>(chosen: readonly T[] | undefined, value: T) => chosen === undefined || chosen.includes(value);
  return (
    among(arrangements, run.arrangement) &&
    among(servers, run.servers) &&
    among(faults, run.fault) &&
    among(stages, run.stage)
  );
}

/** How the servers must be prepared for a fault: a change of it costs a fresh start of all of them. */
export type Preparation = "plain" | "small-disks" | "own-clocks";

export function preparationFor(fault: Fault): Preparation {
  if (fault === "disk-full") return "small-disks";
  return fault === "clock-jump" ? "own-clocks" : "plain";
}

/** Runs of one group share their servers. */
export function groupOf({ arrangement, servers, fault }: Run): number {
  const preparations: readonly Preparation[] = ["plain", "small-disks", "own-clocks"];
  const preparation = preparations.indexOf(preparationFor(fault));
  return (ARRANGEMENTS.indexOf(arrangement) * 10 + servers) * preparations.length + preparation;
}

/** Names a run for good: runs with the same name are the same, down to their random moments. */
export function nameOf({ arrangement, servers, fault, stage, number, seed }: Run): string {
  return [arrangement, servers, fault, stage, number, seed].join("/");
}

/** How to do this run again. */
export function replayOf(run: Run): string {
  const { arrangement, servers, fault, stage, number, seed } = run;
  const choice = `--arrangements ${arrangement} --servers ${servers} --faults ${fault} --stages ${stage}`;
  return `./everboot bench failover ${choice} --only ${number} --seed ${seed} --out FILE`;
}

/** Numbers from 0 up to, not including, 1, one after the other. */
export type Chance = () => number;

export function chanceOf(name: string): Chance {
  let count = 0;
  return () => {
    count += 1;
    return createHash("sha256").update(`${name}#${count}`).digest().readUInt32BE(0) / 2 ** 32;
  };
}

export function pick<T>(chance: Chance, from: readonly T[]): T {
  const found = from[Math.floor(chance() * from.length)];
  if (found === undefined) throw new RangeError("nothing to pick from");
  return found;
}

/** `a,b` as some of `known`, or undefined. Throws EverbootError `usage`. */
export function parseList<T extends string | number>(
  option: string,
  text: string | undefined,
  known: readonly T[],
): T[] | undefined {
  return text?.split(",").map((word) => {
    const found = known.find((each) => String(each) === word);
    if (found === undefined)
      throw new EverbootError("usage", { what: `--${option}: no ${word}: there are ${known.join(", ")}` });
    return found;
  });
}
