/** Keeps reading and fetching below a rate. */
import { type Clock, sleep } from "../base/clock.ts";

export class Throttle {
  private readonly clock: Clock;
  private readonly rate: () => number | undefined;
  private free = 0;

  /** @param rate bytes a second, asked each time where it may change; undefined = as fast as may be */
  constructor(clock: Clock, rate?: number | (() => number | undefined)) {
    this.clock = clock;
    this.rate = typeof rate === "function" ? rate : () => rate;
  }

  /** Resolves when these bytes, which have been taken already, fit in; rejects when aborted. */
  async take(bytes: number, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    const rate = this.rate();
    if (rate === undefined) return;
    const now = this.clock.now();
    // Time that went by unused is lost: no burst comes after a pause.
    this.free = Math.max(this.free, now) + (bytes / rate) * 1000;
    if (this.free - now >= 1) await sleep(this.clock, this.free - now, signal);
  }
}
