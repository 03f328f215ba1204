/**
 * What is on its way to one web hook. Of one host one after the other, in order; hosts beside each other, some at a time.
 * Tried again for an hour, ever more seldom.
 */
import { type Clock, sleep } from "../../base/clock.ts";
import type { Log } from "../../base/log.ts";

export interface Delivery {
  readonly host: string;
  /** Rejects, or resolves with an HTTP status; only 200 to 299 is success. Never takes for ever. */
  readonly send: () => Promise<number>;
}

export interface DeliveryCounters {
  readonly sent: number;
  /** Tries that failed. */
  readonly failures: number;
  /** Not delivered within an hour, or too many waited. */
  readonly lost: number;
  readonly waiting: number;
}

export interface DeliveriesOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** For the log: without what may be secret in a URL. */
  readonly name: string;
  readonly signal: AbortSignal;
}

export const PATIENCE_MS = 3_600_000;
const LONGEST_PAUSE_MS = 300_000;
const MOST_WAITING = 1_000;
const AT_ONCE = 8;

export class Deliveries {
  private readonly options: DeliveriesOptions;
  private readonly byHost = new Map<string, Delivery[]>();
  private readonly turns: Array<() => void> = [];
  private busy = 0;
  private waiting = 0;
  private sent = 0;
  private failures = 0;
  private lost = 0;

  constructor(options: DeliveriesOptions) {
    this.options = options;
  }

  add(delivery: Delivery): void {
    if (this.waiting >= MOST_WAITING) {
      this.lose(delivery, "too many wait");
      return;
    }
    this.waiting += 1;
    const queue = this.byHost.get(delivery.host);
    if (queue) queue.push(delivery);
    else void this.work(delivery);
  }

  counters(): DeliveryCounters {
    const { sent, failures, lost, waiting } = this;
    return { sent, failures, lost, waiting };
  }

  /** Never rejects. */
  private async work(first: Delivery): Promise<void> {
    const queue = [first];
    this.byHost.set(first.host, queue);
    for (let next = queue[0]; next && !this.options.signal.aborted; next = queue[0]) {
      await this.deliver(next);
      queue.shift();
      this.waiting -= 1;
    }
    this.byHost.delete(first.host);
  }

  private async deliver(delivery: Delivery): Promise<void> {
    const { clock, signal } = this.options;
    const end = clock.now() + PATIENCE_MS;
    for (let pause = 1000; !signal.aborted; pause = Math.min(2 * pause, LONGEST_PAUSE_MS)) {
      const trouble = await this.inTurn(() => this.once(delivery));
      if (trouble === undefined) return;
      if (clock.now() + pause > end) return this.lose(delivery, trouble);
      await sleep(clock, pause, signal).catch(() => undefined);
    }
  }

  /** Undefined = it is delivered; else why not, in words. */
  private async once({ send, host }: Delivery): Promise<string | undefined> {
    const trouble = await send().then(
      (status) => (status >= 200 && status < 300 ? undefined : `HTTP status ${status}`),
      (error: unknown) => (error instanceof Error ? error.message : String(error)),
    );
    if (trouble === undefined) this.sent += 1;
    else {
      this.failures += 1;
      this.options.log.debug({ hook: this.options.name, host, trouble }, "a web hook was not delivered: tried again");
    }
    return trouble;
  }

  private async inTurn<T>(task: () => Promise<T>): Promise<T> {
    if (this.busy >= AT_ONCE) await new Promise<void>((resolve) => this.turns.push(resolve));
    this.busy += 1;
    try {
      return await task();
    } finally {
      this.busy -= 1;
      this.turns.shift()?.();
    }
  }

  private lose({ host }: Delivery, trouble: string): void {
    this.lost += 1;
    this.options.log.warn({ hook: this.options.name, host, trouble }, "a web hook is given up");
  }
}
