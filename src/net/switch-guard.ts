/**
 * The folder of a switch-over, and the watchdog that takes it back unless it is confirmed in time. Only the watchdog
 * decides and undoes; whoever wants something of it leaves a file in the folder.
 */
import { execFile, spawn } from "node:child_process";
import { lstat, mkdir, open, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { promisify } from "node:util";
import { EverbootError, errnoOf } from "../base/errors.ts";
import type { FileChange } from "../bond/stacks.ts";
import type { FileMove } from "../bond/switch-over.ts";

const run = promisify(execFile);
const LOOK_MS = 100;

/** How it ended; `lost` = the watchdog has gone without a word, as with the machine's power. */
export type Outcome = "kept" | "taken-back" | "lost";

/**
 * A shell script, so that it needs nothing of this program while the network is in pieces. It runs in a session of its
 * own: when the operator's session is lost, it goes on.
 */
const WATCHDOG = `#!/bin/sh
# Guards a switch-over: takes it back unless it is confirmed in time. \`outcome\` says how it ended.
#   watchdog FOLDER SECONDS PID
# FOLDER/undo holds a script for each step that was begun. Process PID makes the steps; \`waiting\` says they are made.
trap '' HUP
cd "$1" || exit 1
left=120
phase=steps
while [ "$left" -gt 0 ] && [ ! -e back ]; do
	if [ "$phase" = steps ] && [ -e waiting ]; then
		phase=waiting
		left=$2
	fi
	[ "$phase" = waiting ] || kill -0 "$3" 2>/dev/null || [ -e waiting ] || break
	if [ -e confirmed ]; then
		echo kept >outcome.new
		mv outcome.new outcome
		exit 0
	fi
	sleep 1
	left=$((left - 1))
done
for undo in $(ls undo | sort -r); do
	cat "undo/$undo"
	sh "undo/$undo"
done >>log 2>&1
echo taken-back >outcome.new
mv outcome.new outcome
`;

/** Makes the folder anew; that of the switch-over before stays beside it as `FOLDER.old`, with the files of then. */
export async function makeGuardFolder(folder: string): Promise<void> {
  if (await isGuarded(folder)) {
    const reason = "another switch-over waits to be confirmed: run `everboot bond confirm`, or let it be taken back";
    throw new EverbootError("bond-refused", { reason });
  }
  await rm(`${folder}.old`, { recursive: true, force: true });
  if (await exists(folder)) await rename(folder, `${folder}.old`);
  await mkdir(join(folder, "undo"), { recursive: true, mode: 0o700 });
  await writeFile(join(folder, "watchdog"), WATCHDOG, { mode: 0o700 });
}

/** Puts the new texts into `new` and copies of what is there into `old`. */
export async function stageFiles(folder: string, changes: readonly FileChange[]): Promise<FileMove[]> {
  const moves: FileMove[] = [];
  for (const { path, text, mode } of changes) {
    const staged = join(folder, "new", path);
    const backup = join(folder, "old", path);
    await mkdir(dirname(staged), { recursive: true, mode: 0o700 });
    await mkdir(dirname(backup), { recursive: true, mode: 0o700 });
    if (text !== undefined) await writeFile(staged, text, { mode });
    const isThere = await exists(path);
    if (isThere) await run("cp", ["-p", path, backup]);
    moves.push({ path, ...(text !== undefined && { staged }), ...(isThere && { backup }) });
  }
  return moves;
}

/** From now on process `pid` must live until it says that the steps are made. */
export async function startWatchdog(folder: string, seconds: number, pid: number): Promise<void> {
  const log = await open(join(folder, "log"), "a", 0o600);
  const args = [join(folder, "watchdog"), folder, String(seconds), String(pid)];
  const child = spawn("/bin/sh", args, { detached: true, stdio: ["ignore", log.fd, log.fd], cwd: "/" });
  child.unref();
  await log.close();
  await writeFile(join(folder, "pid"), String(child.pid));
}

/** Is there a watchdog that has not yet decided? */
export async function isGuarded(folder: string): Promise<boolean> {
  return !(await exists(join(folder, "outcome"))) && (await isAlive(folder));
}

/** Can it be confirmed: are the steps made? */
export async function isWaiting(folder: string): Promise<boolean> {
  return (await exists(join(folder, "waiting"))) && (await isGuarded(folder));
}

/** `waiting`: the steps are made, and the time to confirm begins. */
export async function tellWatchdog(folder: string, word: "waiting" | "confirmed" | "back"): Promise<void> {
  await writeFile(join(folder, word), "");
}

/** Resolves when the watchdog has decided; rejects when `signal` is aborted. */
export async function outcomeOf(folder: string, signal?: AbortSignal): Promise<Outcome> {
  for (;;) {
    // Asked first: it may write the outcome and end between the two looks.
    const alive = await isAlive(folder);
    const word = (await textOf(join(folder, "outcome")))?.trim();
    if (word === "kept" || word === "taken-back") return word;
    if (!alive) return "lost";
    await pause(LOOK_MS, undefined, signal ? { signal } : {});
  }
}

async function isAlive(folder: string): Promise<boolean> {
  const pid = await textOf(join(folder, "pid"));
  if (pid === undefined) return false;
  // A process of that number that is no watchdog was given it after a restart.
  const command = await textOf(`/proc/${pid}/cmdline`);
  return command?.includes(join(folder, "watchdog")) ?? false;
}

async function exists(path: string): Promise<boolean> {
  return (await unlessAbsent(lstat(path))) !== undefined;
}

function textOf(path: string): Promise<string | undefined> {
  return unlessAbsent(readFile(path, "utf8"));
}

async function unlessAbsent<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading;
  } catch (error) {
    // ESRCH: a process that ended while /proc was read.
    if (["ENOENT", "ESRCH"].includes(errnoOf(error) ?? "")) return undefined;
    throw error;
  }
}
