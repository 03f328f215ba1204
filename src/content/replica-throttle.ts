/** Keeps reading and fetching below a rate. */
import { type Clock, sleep } from "../base/clock.ts";

export class Throttle {
  private readonly clock: Clock;
  private readonly rate: number | undefined;
  private free = 0;

  /** @param rate bytes a second; absent = as fast as may be */
  constructor(clock: Clock, rate?: number) {
    this.clock = clock;
    this.rate = rate;
  }

  /** Resolves when these bytes, which have been taken already, fit in; rejects when aborted. */
  async take(bytes: number, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    if (this.rate === undefined) return;
    const now = this.clock.now();
    // Time that went by unused is lost: no burst comes after a pause.
    this.free = Math.max(this.free, now) + (bytes / this.rate) * 1000;
    if (this.free - now >= 1) await sleep(this.clock, this.free - now, signal);
  }
}
