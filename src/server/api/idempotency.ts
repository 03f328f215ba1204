/** Answers that were given, by the request's Idempotency-Key: a request that is sent again is not done again. */
import type { Clock } from "../../base/clock.ts";
import { EverbootError } from "../../base/errors.ts";

const KEPT_MS = 24 * 60 * 60 * 1000;
const MOST_KEPT = 10_000;

interface Given<Answer> {
  readonly request: string;
  readonly at: number;
  readonly answer: Promise<Answer>;
}

export class GivenAnswers<Answer> {
  private readonly clock: Pick<Clock, "now">;
  private readonly given = new Map<string, Given<Answer>>();

  constructor(clock: Pick<Clock, "now">) {
    this.clock = clock;
  }

  /**
   * `request` says in full what is asked for. One that failed may be tried again. Rejects with EverbootError `key-reused`
   * when the key came with another request.
   */
  async once(key: string, request: string, answer: () => Promise<Answer>): Promise<Answer> {
    const known = this.given.get(key);
    if (known && this.clock.now() - known.at < KEPT_MS) {
      if (known.request !== request) throw new EverbootError("key-reused");
      return known.answer;
    }
    const given = { request, at: this.clock.now(), answer: answer() };
    this.given.delete(key);
    this.given.set(key, given);
    const [oldest] = this.given.keys();
    if (this.given.size > MOST_KEPT && oldest !== undefined) this.given.delete(oldest);
    given.answer.catch(() => {
      if (this.given.get(key) === given) this.given.delete(key);
    });
    return given.answer;
  }
}
