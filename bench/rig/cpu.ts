/** Processor time of programs and their children, as Linux tells it (proc(5)). */
import { readdirSync, readFileSync } from "node:fs";

/** USER_HZ: 100 on every architecture that Node runs on. */
const TICKS_A_SECOND = 100;

/** What counts of a line of /proc/<pid>/stat: ticks of the process and of those children that it has waited for. */
export interface ProcessTicks {
  readonly parent: number;
  readonly ticks: number;
}

/** Undefined when it is no such line. The program's name, in brackets, may hold blanks and brackets. */
export function parseStat(line: string): ProcessTicks | undefined {
  const fields = line.slice(line.lastIndexOf(")") + 2).split(" ");
  // After the name: state, parent, ... and from the twelfth on utime, stime, cutime, cstime.
  const [parent, ...times] = [fields[1], ...fields.slice(11, 15)].map(Number);
  if (parent === undefined || times.length < 4 || times.some(Number.isNaN)) return undefined;
  return { parent, ticks: times.reduce((sum, each) => sum + each, 0) };
}

/** Seconds used so far by the processes with these ids and all that descend from them and run, or were waited for. */
export function cpuSeconds(pids: readonly number[]): number {
  const all = readProcesses();
  const family = new Set(pids);
  // A child may have a lower id than its parent, once the ids have gone round.
  for (let size = 0; size !== family.size; ) {
    size = family.size;
    for (const [pid, { parent }] of all) if (family.has(parent)) family.add(pid);
  }
  let ticks = 0;
  for (const pid of family) ticks += all.get(pid)?.ticks ?? 0;
  return ticks / TICKS_A_SECOND;
}

function readProcesses(): Map<number, ProcessTicks> {
  const found = new Map<number, ProcessTicks>();
  for (const name of readdirSync("/proc")) {
    const known = /^\d+$/.test(name) ? readStat(name) : undefined;
    if (known) found.set(Number(name), known);
  }
  return found;
}

function readStat(pid: string): ProcessTicks | undefined {
  try {
    return parseStat(readFileSync(`/proc/${pid}/stat`, "latin1"));
  } catch {
    // It has ended meanwhile; its parent has its time.
    return undefined;
  }
}
