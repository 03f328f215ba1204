/** One moment at which something is due, moved with every packet: the timer behind it is set anew only when it comes too late. */
import type { Clock, Timer } from "../../base/clock.ts";

/** Milliseconds by which it is called too late when the process has more to do than it can. */
const LATE_MS = 20;

export class Deadline {
  private readonly clock: Clock;
  private readonly task: () => void;
  private due = 0;
  /** Put off once, because it came late. */
  private isPutOff: boolean = false;
  private timer: { readonly timer: Timer; readonly at: number } | undefined;

  constructor(clock: Clock, task: () => void) {
    this.clock = clock;
    this.task = task;
  }

  /** @param now by the clock */
  set(due: number, now: number): void {
    this.due = due;
    this.isPutOff = false;
    if (this.timer !== undefined && this.timer.at <= due) return;
    this.timer?.timer.cancel();
    this.arm(now);
  }

  clear(): void {
    this.timer?.timer.cancel();
    this.timer = undefined;
  }

  private arm(now: number): void {
    this.timer = { timer: this.clock.after(Math.max(this.due - now, 0), () => this.fire()), at: this.due };
  }

  private fire(): void {
    this.timer = undefined;
    const now = this.clock.now();
    if (now < this.due) this.arm(now);
    else if (now - this.due < LATE_MS || this.isPutOff) this.task();
    else this.putOff(now);
  }

  /** Late itself, the process has not looked into its sockets for a while either: what was waited for may lie there. */
  private putOff(now: number): void {
    this.isPutOff = true;
    this.due = now + 1;
    this.arm(now);
  }
}
