/** Answers of other name servers, for as long as they may be kept. */
import type { Clock } from "../../base/clock.ts";
import type { RelayedAnswer } from "../../wire/dns-relay.ts";

const MOST_ANSWERS = 1000;
/** Longer ones are rare, and would make the memory's bound a large one. */
const LONGEST_ANSWER = 4096;
/** Seconds: names move, and asking once in five minutes costs nobody anything. */
const LONGEST_TTL = 300;

export interface KeptAnswer {
  readonly answer: RelayedAnswer;
  /** Whole seconds since it came. */
  readonly age: number;
}

interface Entry {
  readonly answer: RelayedAnswer;
  /** Milliseconds. */
  readonly came: number;
}

export class AnswerCache {
  private readonly clock: Clock;
  private readonly entries = new Map<string, Entry>();

  /** @param clock one that is never set back */
  constructor(clock: Clock) {
    this.clock = clock;
  }

  get(key: string): KeptAnswer | undefined {
    const entry = this.entries.get(key);
    if (entry === undefined) return undefined;
    const age = Math.floor((this.clock.now() - entry.came) / 1000);
    if (age < Math.min(entry.answer.ttl, LONGEST_TTL)) return { answer: entry.answer, age };
    this.entries.delete(key);
    return undefined;
  }

  put(key: string, answer: RelayedAnswer): void {
    if (answer.ttl === 0 || answer.records.length > LONGEST_ANSWER) return;
    this.entries.delete(key);
    this.entries.set(key, { answer, came: this.clock.now() });
    // The first one is the oldest.
    const [oldest] = this.entries.keys();
    if (this.entries.size > MOST_ANSWERS && oldest !== undefined) this.entries.delete(oldest);
  }
}
