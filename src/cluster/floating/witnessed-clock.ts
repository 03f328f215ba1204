/** The clock by which a supervisor measures silence: it counts only the time in which the supervisor itself ran. */
import type { Clock } from "../../base/clock.ts";

export interface WitnessedClock extends Clock {
  /** Moves it on. Call it often, at regular intervals, after what has arrived was read. */
  look(): void;
}

/**
 * A pause of the whole machine counts as `longestStepMs` at most: whoever could not run while this process could not
 * either was not frozen.
 */
export function witnessedClock(clock: Clock, longestStepMs: number): WitnessedClock {
  let seen = 0;
  let last = clock.now();
  return {
    ...clock,
    now: () => seen,
    look() {
      const now = clock.now();
      seen += Math.min(now - last, longestStepMs);
      last = now;
    },
  };
}
