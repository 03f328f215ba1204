/** The machines that wait to be let in, the longest first; and whose turn it is. */
import type { Server, Subnet } from "../site/model.ts";
import type { Limited } from "./admission-places.ts";

export interface Waiter {
  readonly host: string;
  readonly subnet: Subnet;
  /** The server that it waits for; undefined = whichever has a place first. */
  readonly server: Server | undefined;
  /** When it began to wait, milliseconds since 1970. */
  readonly since: number;
  /** When it loses its place if it has not asked again. */
  readonly until: number;
}

/** Of one waiter among those that want what it wants: a place at the same server, or in the same network. */
export interface Standing {
  /** 1 = nobody is before it. */
  readonly place: number;
  /** With itself. */
  readonly of: number;
  /** There is a place for it, after all that were given to those before it. */
  readonly isNext: boolean;
}

/** What is left of one thing while places are given in thought; `walk` tells for which of these walks it is good. */
interface Stock {
  readonly what: Limited | undefined;
  left: number;
  walk: number;
}

/** A waiter with what it wants at hand: thousands are walked over at each question. */
interface Queued {
  readonly waiter: Waiter;
  readonly server: Stock;
  readonly subnet: Stock;
}

/** Milliseconds between two looks for those who do not ask any more. */
const FORGET_MS = 1_000;

export class Line {
  /** By the time they began to wait, then by name. */
  private queue: Queued[] = [];
  private readonly byHost = new Map<string, Waiter>();
  private readonly stocks = new Map<Limited | undefined, Stock>();
  private walk = 0;
  private forgottenAt = Number.NEGATIVE_INFINITY;

  get length(): number {
    return this.queue.length;
  }

  find(host: string): Waiter | undefined {
    return this.byHost.get(host);
  }

  /** In place of what was known of this host. */
  put(waiter: Waiter): void {
    this.remove(waiter.host);
    this.byHost.set(waiter.host, waiter);
    const queued = { waiter, server: this.stockOf(waiter.server), subnet: this.stockOf(waiter.subnet) };
    this.queue.splice(this.indexFor(waiter), 0, queued);
  }

  remove(host: string): void {
    const waiter = this.byHost.get(host);
    if (waiter === undefined) return;
    this.byHost.delete(host);
    this.queue.splice(this.indexFor(waiter), 1);
  }

  /** Takes out who has not asked in time, and tells how many. */
  forgetSilent(now: number): number {
    if (now >= this.forgottenAt && now - this.forgottenAt < FORGET_MS) return 0;
    this.forgottenAt = now;
    const silent = this.queue.filter(({ waiter }) => now > waiter.until);
    for (const { waiter } of silent) this.remove(waiter.host);
    return silent.length;
  }

  /**
   * Free places are given in thought to those before it, each one that can have all it needs. The first of all keeps what
   * it can get while the rest of what it needs is taken: so nobody waits for ever between two limits that are never
   * free at the same moment. `free`: places that may be given now, at any server for undefined.
   */
  standingOf(asker: Waiter, free: (what: Limited | undefined) => number): Standing {
    this.walk += 1;
    const [server, subnet] = [this.stockOf(asker.server), this.stockOf(asker.subnet)];
    const isLimited = asker.subnet.installs !== undefined;
    const isRival = (other: Queued) => other.server === server || (isLimited && other.subnet === subnet);
    let place = 0;
    let of = 0;
    let isNext = false;
    let isFirst = true;
    for (const queued of this.queue) {
      if (isRival(queued)) of += 1;
      if (place > 0) continue;
      const fits = this.leftOf(queued.server, free) > 0 && this.leftOf(queued.subnet, free) > 0;
      if (queued.waiter === asker) {
        place = of;
        isNext = fits;
      } else if (fits || isFirst) {
        queued.server.left -= 1;
        queued.subnet.left -= 1;
      }
      isFirst = false;
    }
    return { place, of, isNext };
  }

  private stockOf(what: Limited | undefined): Stock {
    const stock = this.stocks.get(what) ?? { what, left: 0, walk: 0 };
    this.stocks.set(what, stock);
    return stock;
  }

  private leftOf(stock: Stock, free: (what: Limited | undefined) => number): number {
    if (stock.walk !== this.walk) {
      stock.walk = this.walk;
      stock.left = free(stock.what);
    }
    return stock.left;
  }

  /** Where it is in the queue, or would be. */
  private indexFor(waiter: Waiter): number {
    let [low, high] = [0, this.queue.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      const other = this.queue[middle];
      if (other && isBefore(other.waiter, waiter)) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function isBefore(a: Waiter, b: Waiter): boolean {
  return a.since < b.since || (a.since === b.since && a.host < b.host);
}
