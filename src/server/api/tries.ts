/** Wrong tokens, counted by address: after some of them in a minute the address is not listened to. */
import type { Clock } from "../../base/clock.ts";

const WINDOW_MS = 60_000;
export const MOST_TRIES = 10;
/** Addresses that are remembered: more would be a flood, and all of them begin anew then. */
const MOST_ADDRESSES = 1_000;

interface Tries {
  readonly since: number;
  readonly count: number;
}

export class WrongTries {
  private readonly clock: Pick<Clock, "now">;
  private readonly byAddress = new Map<string, Tries>();

  constructor(clock: Pick<Clock, "now">) {
    this.clock = clock;
  }

  isBlocked(address: string): boolean {
    return this.of(address).count >= MOST_TRIES;
  }

  /** How many there were within the minute, with this one. */
  add(address: string): number {
    const { since, count } = this.of(address);
    if (count === 0 && this.byAddress.size >= MOST_ADDRESSES) this.byAddress.clear();
    this.byAddress.set(address, { since, count: count + 1 });
    return count + 1;
  }

  private of(address: string): Tries {
    const now = this.clock.now();
    const known = this.byAddress.get(address);
    return known && Math.abs(now - known.since) < WINDOW_MS ? known : { since: now, count: 0 };
  }
}
