/** A client at work: how its file grows, how long it stood still, and how long its address was answered by nobody. */
import type { ChildProcess } from "node:child_process";
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { kill } from "../../lab/cleanup.ts";
import type { Namespace } from "../../lab/netns.ts";

const LOOK_MS = 10;

export interface Ended {
  /** `undefined`: it had not ended in its time, and was stopped. */
  readonly code: number | null | undefined;
  readonly printed: string;
  /** Empty when it wrote none. */
  readonly file: Buffer;
  /** When it ended, as `performance.now()` has it. */
  readonly at: number;
}

/** A foreign program in a machine, and the file that it writes. */
export class Client {
  readonly started = performance.now();
  private readonly child: ChildProcess;
  private readonly to: string;
  private readonly closed: Promise<number | null>;
  private output = "";
  private isOver: boolean = false;

  constructor(space: Namespace, [program = "", ...args]: readonly string[], to: string) {
    this.to = to;
    this.child = space.spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
    for (const stream of [this.child.stdout, this.child.stderr])
      stream?.setEncoding("utf8").on("data", (text: string) => {
        this.output += text;
      });
    this.closed = new Promise((done) => {
      this.child.once("close", (code) => {
        this.isOver = true;
        done(code);
      });
    });
  }

  get printed(): string {
    return this.output;
  }

  get size(): number {
    return statSync(this.to, { throwIfNoEntry: false })?.size ?? 0;
  }

  /** Resolves when `look` says so, or the client has ended, or the time is over. */
  async until(look: () => boolean, withinMs: number): Promise<void> {
    const end = performance.now() + withinMs;
    while (!this.isOver && performance.now() < end && !look()) await delay(LOOK_MS);
  }

  /** Milliseconds of the longest time in which its file did not grow, from now until it ends. */
  async longestPause(withinMs: number): Promise<number> {
    let [size, grown, longest] = [this.size, performance.now(), 0];
    const look = () => {
      const now = performance.now();
      longest = Math.max(longest, now - grown);
      if (this.size !== size) [size, grown] = [this.size, now];
      return false;
    };
    await this.until(look, withinMs);
    return longest;
  }

  /** Stops it if it is not over. */
  async end(): Promise<Ended> {
    const inTime = this.isOver;
    const at = performance.now();
    if (!inTime) kill(this.child.pid);
    const code = await this.closed;
    const file = existsSync(this.to) ? readFileSync(this.to) : Buffer.alloc(0);
    return { code: inTime ? code : undefined, printed: this.output, file, at };
  }
}

/** Fresh clients that ask an address, one every 20 ms. */
export class Probe {
  private readonly child: ChildProcess;
  private readonly answers: number[] = [];

  private constructor(child: ChildProcess) {
    this.child = child;
    if (child.stdout) createInterface({ input: child.stdout }).on("line", (line) => this.answers.push(Number(line)));
  }

  /** Resolves when the address has answered; rejects when it does not within a few seconds. */
  static async start(space: Namespace, address: string, path: string): Promise<Probe> {
    const program = join(import.meta.dirname, "probe.ts");
    const args = ["--disable-warning=ExperimentalWarning", program, address, path];
    const probe = new Probe(space.spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] }));
    const end = performance.now() + 10_000;
    while (probe.answers.length === 0) {
      if (performance.now() > end) throw new Error(`nobody answers at ${address}`);
      await delay(LOOK_MS);
    }
    return probe;
  }

  /** Ends it. The longest time without an answer after `from`, in milliseconds; both clocks are the kernel's. */
  stop(from: number): number {
    kill(this.child.pid);
    return longestGap(this.answers, from, monotonicNow());
  }
}

/** Milliseconds of the monotonic clock that all processes share. */
export function monotonicNow(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** The longest time between two answers, and before the first and after the last one, between `from` and `to`. */
export function longestGap(answers: readonly number[], from: number, to: number): number {
  const inside = answers.filter((at) => at > from && at < to).sort((a, b) => a - b);
  return Math.max(...[...inside, to].map((at, index) => at - (inside[index - 1] ?? from)));
}
