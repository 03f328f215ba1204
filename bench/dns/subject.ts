/** What is measured: a name server in a process of its own, on the loopback interface. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Told } from "./server.ts";

export interface Subject {
  readonly port: number;
  readonly pid: number;
  /** @returns what it has counted, if it counts */
  stop(): Promise<Readonly<Record<string, number>>>;
}

export async function startEverboot(): Promise<Subject> {
  const child = fork(join(import.meta.dirname, "server.ts"), { stdio: ["ignore", "inherit", "inherit", "ipc"] });
  const [{ port = 0 }] = (await once(child, "message")) as [Told];
  return {
    ...{ port, pid: child.pid ?? 0 },
    stop: async () => {
      child.send("end");
      const [{ counters = {} }] = (await once(child, "message")) as [Told];
      await once(child, "exit");
      return counters;
    },
  };
}

/** Linux tells times of processes in these, whatever its own clock does: `getconf CLK_TCK`. */
const TICKS_PER_SECOND = 100;

/** Seconds of processor time that all threads of a process have used: proc(5), `stat`, fields 14 and 15. */
export function processorSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  // The name of the program, in brackets, may hold blanks.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}
