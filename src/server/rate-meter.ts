/** How fast a figure grows that only goes up: bytes that were sent. */
import type { Clock } from "../base/clock.ts";

/** Milliseconds that the mean is taken over. */
const SPAN_MS = 5000;

/**
 * To be asked about once a second: each answer is the mean growth a second since the oldest answer of the last five
 * seconds; 0 at first, and when the clock was set back.
 */
export function createRateMeter(figure: () => number, clock: Pick<Clock, "now">): () => number {
  let samples: ReadonlyArray<{ readonly at: number; readonly figure: number }> = [];
  return () => {
    const now = { at: clock.now(), figure: figure() };
    samples = [...samples.filter(({ at }) => at <= now.at && now.at - at <= SPAN_MS), now];
    const [oldest = now] = samples;
    return oldest.at === now.at ? 0 : Math.round(((now.figure - oldest.figure) * 1000) / (now.at - oldest.at));
  };
}
