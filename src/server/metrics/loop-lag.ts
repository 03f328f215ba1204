/** How late timers come: while the daemon computes, or waits for a processor, no client is answered. */
import type { Clock, Timer } from "../../base/clock.ts";
import { Histogram, type HistogramSnapshot, QUICK_BOUNDS } from "../histogram.ts";

const EVERY_MS = 250;

export class LoopLag {
  private readonly clock: Clock;
  private readonly now: () => number;
  private readonly lags = new Histogram(QUICK_BOUNDS);
  private timer: Timer | undefined;

  /** @param now milliseconds of a clock that is never set */
  constructor(clock: Clock, now: () => number) {
    this.clock = clock;
    this.now = now;
  }

  start(): void {
    const due = this.now() + EVERY_MS;
    this.timer = this.clock.after(EVERY_MS, () => {
      this.lags.add((this.now() - due) / 1000);
      this.start();
    });
  }

  stop(): void {
    this.timer?.cancel();
  }

  snapshot(): HistogramSnapshot {
    return this.lags.snapshot();
  }
}
