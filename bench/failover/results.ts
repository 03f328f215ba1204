/** The file of results: a line of JSON for each run, so that a matrix can be left and gone on with at any time. */
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { nameOf, type Run } from "./plan.ts";

export interface Outcome extends Run {
  /** The program that asked. */
  readonly client: string;
  /** When the fault came: `37 %` of the file, or milliseconds before (+) or after (-) the client began. */
  readonly at: string;
  /** Why the client failed; absent = it ended well, with the right bytes. */
  readonly trouble?: string;
  /** The longest time without progress from the fault on; of a single answer, the time until it was there. */
  readonly pauseMs: number;
  /** The longest time, from the fault on, in which no fresh client was answered at the address; absent = not asked. */
  readonly addressMs?: number;
  /** From the end of the client until all servers were well again, addresses with whom they may be. */
  readonly mendMs: number;
  /** Why they were not. */
  readonly mendTrouble?: string;
}

/** Addresses that moved while all processors were busy and nothing was broken. */
export interface IdleLoad {
  readonly idleLoadMinutes: number;
  readonly servers: number;
  readonly moves: number;
}

export interface Results {
  readonly outcomes: readonly Outcome[];
  readonly idleLoads: readonly IdleLoad[];
}

/** A last line that was cut off by a power failure is left out: its run is done again. */
export function readResults(file: string): Results {
  const lines = existsSync(file) ? readFileSync(file, "utf8").split("\n").filter(Boolean) : [];
  const records = lines.flatMap((line, index) => parseLine(line, index === lines.length - 1));
  return {
    outcomes: records.filter((record): record is Outcome => "fault" in record),
    idleLoads: records.filter((record): record is IdleLoad => "idleLoadMinutes" in record),
  };
}

function parseLine(line: string, isLast: boolean): Array<Outcome | IdleLoad> {
  try {
    return [JSON.parse(line) as Outcome | IdleLoad];
  } catch (error) {
    if (isLast) return [];
    throw error;
  }
}

export function appendResult(file: string, record: Outcome | IdleLoad): void {
  appendFileSync(file, `${JSON.stringify(record)}\n`);
}

export function runsLeft(runs: readonly Run[], { outcomes }: Results): Run[] {
  const done = new Set(outcomes.map(nameOf));
  return runs.filter((run) => !done.has(nameOf(run)));
}
