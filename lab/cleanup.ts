/**
 * What the lab has made on this computer and must take away again, however the process ends. Clean-ups are synchronous,
 * because `exit` leaves no time for anything else; only SIGKILL gets past them.
 */
import { spawnSync } from "node:child_process";

const pending: Array<() => void> = [];
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
let watching = false;

/**
 * Runs `task` when the process ends or is told to end, last added first. Call the returned function once the thing is
 * gone by ordinary means.
 */
export function addCleanup(task: () => void): () => void {
  watch();
  pending.push(task);
  return () => {
    const index = pending.indexOf(task);
    if (index >= 0) pending.splice(index, 1);
  };
}

/** Runs a program to its end, whatever comes of it: for clean-ups, where the thing may be gone already. */
export function runQuietly(program: string, args: readonly string[]): void {
  spawnSync(program, args, { stdio: "ignore", timeout: 10_000 });
}

/** Ends a process and does not mind when it has ended by itself. */
export function kill(pid: number | undefined, signal: NodeJS.Signals = "SIGKILL"): void {
  if (pid === undefined) return;
  try {
    process.kill(pid, signal);
  } catch {
    // it is gone, which is what was wanted
  }
}

function watch(): void {
  if (watching) return;
  watching = true;
  process.on("exit", runAll);
  for (const signal of SIGNALS) process.on(signal, onSignal);
}

function runAll(): void {
  for (let task = pending.pop(); task; task = pending.pop()) task();
}

/** A program with a handler of its own ends in its own time, and `exit` comes then; any other one ends here. */
function onSignal(signal: NodeJS.Signals): void {
  if (process.listenerCount(signal) > 1) return;
  runAll();
  for (const name of SIGNALS) process.off(name, onSignal);
  process.kill(process.pid, signal);
}
