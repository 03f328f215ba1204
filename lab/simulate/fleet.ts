/** Starts a fleet of simulated machines in the clients' namespace, and gathers what they tell. */
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { extname, join, resolve } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import { kill } from "../cleanup.ts";
import type { Namespace } from "../netns.ts";
import type { DhcpClient } from "./patience.ts";

export interface FleetMachine {
  readonly name: string;
  readonly mac: string;
  /** Which DHCP must give it. */
  readonly address: string;
  /** When it is switched on, milliseconds from the start. */
  readonly onMs: number;
  /** After each package. */
  readonly pauseMs: number;
  /** How many of the tree's packages it wants; absent = all. */
  readonly packages?: number;
}

export interface FleetOrder {
  /** The clients' NIC, on the servers' LAN. */
  readonly device: string;
  readonly machines: readonly FleetMachine[];
}

/** What one machine went through; times in milliseconds from the fleet's start. */
export interface MachineLog {
  readonly name: string;
  readonly on: number;
  /** When the last boot script before the install came. */
  script?: number;
  /** When the script came that had an install in it. */
  begun?: number;
  /** When it had the list of packages. */
  packages?: number;
  /** When it had all packages, and was about to say so. */
  finish?: number;
  /** When a server had taken note that it is installed. */
  done?: number;
  /** When it was told to boot from its disk. */
  disk?: number;
  readonly dhcp: { readonly client: DhcpClient; readonly ms: number; readonly sent: number }[];
  /** How often iPXE was told to sleep. */
  waits: number;
  /** Programs that gave up. */
  readonly timeouts: string[];
  /** Fetched, by the address that it came from. */
  readonly bytes: Record<string, number>;
}

export interface FleetProgress {
  readonly at: number;
  readonly on: number;
  readonly installing: number;
  /** Of these, at their packages. */
  readonly fetching: number;
  readonly installed: number;
  readonly timeouts: number;
}

/** One line of the program's output. */
export type FleetLine = { readonly log: MachineLog } | { readonly progress: FleetProgress };

export interface Fleet {
  /** The newest; undefined until the first second is over. */
  progress(): FleetProgress | undefined;
  /** All machines' logs, when the last one was told to boot from its disk; rejects with the program's complaint. */
  readonly ended: Promise<readonly MachineLog[]>;
  stop(): void;
}

const PROGRAM = resolve(import.meta.dirname, `fleet-program${extname(import.meta.filename)}`);

/** `folder`: for the order's file. */
export function startFleet(space: Namespace, folder: string, order: FleetOrder): Fleet {
  const file = join(folder, "fleet.json");
  writeFileSync(file, JSON.stringify(order));
  const child = space.spawn(process.execPath, ["--disable-warning=ExperimentalWarning", PROGRAM, file]);
  const logs: MachineLog[] = [];
  let progress: FleetProgress | undefined;
  const take = (line: FleetLine) => {
    if ("log" in line) logs.push(line.log);
    else progress = line.progress;
  };
  if (child.stdout) createInterface({ input: child.stdout }).on("line", (line) => take(JSON.parse(line) as FleetLine));
  return { progress: () => progress, ended: outcome(child, logs), stop: () => kill(child.pid) };
}

async function outcome(child: ChildProcess, logs: readonly MachineLog[]): Promise<readonly MachineLog[]> {
  let complaint = "";
  child.stderr?.on("data", (chunk: Buffer) => {
    complaint += chunk;
  });
  const [code] = (await once(child, "close")) as [number | null];
  if (code !== 0) throw new Error(`the fleet broke off: ${complaint.trim() || `exit code ${code}`}`);
  return logs;
}
