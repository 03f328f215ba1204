/** Time that tests move by hand. */
import type { Clock } from "../../src/base/clock.ts";

export interface FakeClock extends Clock {
  /** Moves time on and runs what is due on the way, in order of time; equal times in the order they were asked for. */
  advance(ms: number): void;
  /** Sets the time as a wrong or corrected clock would: timers keep the time they have left. */
  jump(ms: number): void;
}

interface Waiting {
  /** On the clock that `jump` does not touch. */
  readonly due: number;
  readonly task: () => void;
}

/** `start` in milliseconds since 1970; the default is 2026-01-01T00:00Z. */
export function createFakeClock(start: number = Date.UTC(2026, 0, 1)): FakeClock {
  let elapsed = 0;
  let offset = start;
  let waiting: Waiting[] = [];

  function nextDue(until: number): Waiting | undefined {
    const due = waiting.filter((one) => one.due <= until);
    return due.reduce<Waiting | undefined>((first, one) => (first && first.due <= one.due ? first : one), undefined);
  }

  function forget(one: Waiting): void {
    waiting = waiting.filter((other) => other !== one);
  }

  return {
    now: () => offset + elapsed,
    after(ms, task) {
      const one = { due: elapsed + Math.max(0, ms), task };
      waiting.push(one);
      return { cancel: () => forget(one) };
    },
    advance(ms) {
      const until = elapsed + ms;
      for (let one = nextDue(until); one; one = nextDue(until)) {
        forget(one);
        elapsed = one.due;
        one.task();
      }
      elapsed = until;
    },
    jump(ms) {
      offset += ms;
    },
  };
}
