/** etcd as a child: one that is left from before is ended first, one that dies is started again, the last is ended in order. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { type Clock, sleep, type Timer } from "../../base/clock.ts";
import type { Log } from "../../base/log.ts";
import type { EtcdPaths } from "./member-file.ts";

export interface EtcdProcessOptions {
  readonly program: string;
  /** With the data folder of `paths` among them. */
  readonly args: readonly string[];
  readonly paths: EtcdPaths;
  /** As PATH has it. */
  readonly searchPath: string;
  readonly clock: Clock;
  readonly log: Log;
}

const FIRST_BACKOFF_MS = 100;
const LONGEST_BACKOFF_MS = 5000;
/** One that ran for so long starts again at once. */
const STEADY_MS = 10_000;
/** It hands its leadership over first; where nobody is left to take it, it waits for that in vain. */
const END_WITHIN_MS = 5000;
const LOOK_MS = 20;
/** What etcd says when it learns that the cluster has removed it (`ErrMemberRemoved`, etcd 3.4 to 3.6). */
const REMOVED = /permanently removed from the cluster/;

export class EtcdProcess {
  private readonly options: EtcdProcessOptions;
  private child: ChildProcess | undefined;
  private backoffMs = FIRST_BACKOFF_MS;
  private retry: Timer | undefined;
  private stopping: boolean = false;
  private removed: boolean = false;
  private told = "";

  constructor(options: EtcdProcessOptions) {
    this.options = options;
  }

  /** What it said last: mostly why it ended. */
  get lastLine(): string {
    return this.told;
  }

  /** One that a killed daemon left is on its way down; it has the ports and the data until it is gone. */
  async endRemains(): Promise<void> {
    const { paths, clock } = this.options;
    const pid = readPid(paths.pidFile);
    if (pid === undefined) return;
    for (let waited = 0; isRunning(pid, paths.data); waited += LOOK_MS) {
      signal(pid, waited < END_WITHIN_MS ? "SIGTERM" : "SIGKILL");
      await sleep(clock, LOOK_MS);
    }
    rmSync(paths.pidFile, { force: true });
  }

  /**
   * It ends with this process, however that ends: nobody would watch it or read its log, and an init system ends what is
   * left of a service anyway. The other members go on after an election, and the next start brings it back. Its
   * environment is empty, as etcd reads settings from there too; its session is its own, so that Ctrl-C at a terminal
   * ends the daemon first.
   */
  launch(): void {
    const { program, args, paths, searchPath, clock } = this.options;
    mkdirSync(paths.data, { recursive: true, mode: 0o700 });
    const child = spawn("setpriv", ["--pdeathsig", "TERM", program, ...args], {
      stdio: ["ignore", "pipe", "pipe"],
      // etcd 3.4 asks for it on everything but amd64.
      env: { PATH: searchPath, ...(process.arch === "arm64" && { ETCD_UNSUPPORTED_ARCH: "arm64" }) },
      detached: true,
    });
    this.child = child;
    const startedAt = clock.now();
    for (const stream of [child.stdout, child.stderr]) createInterface(stream).on("line", (line) => this.heard(line));
    child.once("error", (error) => this.heard(error.message));
    child.once("close", () => this.ended(clock.now() - startedAt));
    if (child.pid !== undefined) writeFileSync(paths.pidFile, `${child.pid}\n`, { mode: 0o600 });
  }

  /** Resolves when it has ended; it is not started again. */
  async stop(): Promise<void> {
    this.stopping = true;
    this.retry?.cancel();
    const child = this.child;
    if (!child) return;
    const timer = this.options.clock.after(END_WITHIN_MS, () => child.kill("SIGKILL"));
    const closed = once(child, "close");
    child.kill("SIGTERM");
    await closed;
    timer.cancel();
  }

  private heard(line: string): void {
    this.told = line;
    if (REMOVED.test(line)) this.removed = true;
    this.options.log.debug({ line }, "etcd");
  }

  private ended(ranMs: number): void {
    const { clock, log, paths } = this.options;
    this.child = undefined;
    rmSync(paths.pidFile, { force: true });
    if (this.stopping) return;
    if (this.removed) {
      log.error(
        {},
        "this machine's member of etcd was removed from its cluster: `everboot cluster join` or `witness` takes it back",
      );
      return;
    }
    if (ranMs > STEADY_MS) this.backoffMs = FIRST_BACKOFF_MS;
    log.error({ lastLine: this.told, againInMs: this.backoffMs }, "etcd has ended");
    this.retry = clock.after(this.backoffMs, () => this.launch());
    this.backoffMs = Math.min(this.backoffMs * 2, LONGEST_BACKOFF_MS);
  }
}

function readPid(file: string): number | undefined {
  const pid = existsSync(file) ? Number.parseInt(readFileSync(file, "utf8"), 10) : 0;
  return pid > 1 ? pid : undefined;
}

/** The id may be another program's by now. A zombie has no command line, and does not count. */
function isRunning(pid: number, data: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").includes(data);
  } catch {
    return false;
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // it has ended in between, which is what was wanted
  }
}
