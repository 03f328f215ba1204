/** A program of the system as a child: one that is left from before is ended first, one that dies is started again. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { type Clock, sleep, type Timer } from "../../base/clock.ts";
import type { Log } from "../../base/log.ts";

export interface ChildProgramOptions {
  /** As the log calls it. */
  readonly name: string;
  /** Absolute path. */
  readonly program: string;
  readonly args: readonly string[];
  /** Gets its process id, as text. In a folder that is there. */
  readonly pidFile: string;
  readonly clock: Clock;
  readonly log: Log;
  /** It has ended by itself, and will be started again. */
  readonly died: () => void;
}

const FIRST_BACKOFF_MS = 100;
const LONGEST_BACKOFF_MS = 5000;
/** One that ran for so long starts again at once. */
const STEADY_MS = 10_000;
const END_WITHIN_MS = 3000;
const LOOK_MS = 20;

export class ChildProgram {
  private readonly options: ChildProgramOptions;
  private child: ChildProcess | undefined;
  private backoffMs = FIRST_BACKOFF_MS;
  private retry: Timer | undefined;
  private wanted: boolean = false;
  private told = "";

  constructor(options: ChildProgramOptions) {
    this.options = options;
  }

  /** One that a killed daemon left is on its way down; it has the ports until it is gone. For before the first start. */
  async endRemains(): Promise<void> {
    const { pidFile, program, args, clock } = this.options;
    const pid = readPid(pidFile);
    if (pid === undefined) return;
    for (let waited = 0; isRunning(pid, [program, ...args]); waited += LOOK_MS) {
      kill(pid, waited < END_WITHIN_MS ? "SIGTERM" : "SIGKILL");
      await sleep(clock, LOOK_MS);
    }
    rmSync(pidFile, { force: true });
  }

  /** Does nothing when it is wanted already. */
  start(): void {
    if (this.wanted) return;
    this.wanted = true;
    this.launch();
  }

  /** Resolves when it has ended; it is not started again. */
  async stop(): Promise<void> {
    this.wanted = false;
    this.retry?.cancel();
    const child = this.child;
    if (!child) return;
    const timer = this.options.clock.after(END_WITHIN_MS, () => child.kill("SIGKILL"));
    const closed = once(child, "close");
    child.kill("SIGTERM");
    await closed;
    timer.cancel();
  }

  /** Nothing happens to one that does not run. */
  signal(name: NodeJS.Signals): void {
    this.child?.kill(name);
  }

  /** It ends with this process, however that ends: nobody would watch it. */
  private launch(): void {
    const { program, args, pidFile, clock } = this.options;
    // Its session is its own, so that Ctrl-C at a terminal ends the daemon first.
    const child = spawn("setpriv", ["--pdeathsig", "TERM", program, ...args], {
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    });
    this.child = child;
    const startedAt = clock.now();
    for (const stream of [child.stdout, child.stderr]) createInterface(stream).on("line", (line) => this.heard(line));
    child.once("error", (error) => this.heard(error.message));
    child.once("close", () => this.ended(clock.now() - startedAt));
    if (child.pid !== undefined) writeFileSync(pidFile, `${child.pid}\n`, { mode: 0o600 });
  }

  private heard(line: string): void {
    this.told = line;
    this.options.log.debug({ line }, this.options.name);
  }

  private ended(ranMs: number): void {
    const { name, clock, log, pidFile, died } = this.options;
    this.child = undefined;
    rmSync(pidFile, { force: true });
    if (!this.wanted) return;
    if (ranMs > STEADY_MS) this.backoffMs = FIRST_BACKOFF_MS;
    log.error({ lastLine: this.told, againInMs: this.backoffMs }, `${name} has ended`);
    this.retry = clock.after(this.backoffMs, () => this.launch());
    this.backoffMs = Math.min(this.backoffMs * 2, LONGEST_BACKOFF_MS);
    died();
  }
}

function readPid(file: string): number | undefined {
  const pid = existsSync(file) ? Number.parseInt(readFileSync(file, "utf8"), 10) : 0;
  return pid > 1 ? pid : undefined;
}

/** The id may be another program's by now. A zombie has no command line, and does not count. */
function isRunning(pid: number, words: readonly string[]): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8") === words.map((word) => `${word}\0`).join("");
  } catch {
    return false;
  }
}

function kill(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // it has ended in between, which is what was wanted
  }
}
