/**
 * Who has changed what: rows `audit/<time>-<count>-<server>` of the common state, the last 10,000 or somewhat more. No
 * change waits for its row, and each is also a line of the daemon's log.
 */
import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import type { Store } from "../store/store.ts";

export interface AuditRow {
  /** Milliseconds since 1970. */
  readonly at: number;
  /** The server that was asked. */
  readonly server: string;
  /** A token's name, `control socket`, or the address of somebody unknown. */
  readonly who: string;
  /** In a word: `permit`, `cancel`, `apply`, `drain`, `accept`, `token add`, `token revoke`, `log in`. */
  readonly what: string;
  readonly target?: string;
  /** In short, without secrets. */
  readonly before?: string;
  readonly after?: string;
  /** `done`, or the code of the error (base/errors.ts). */
  readonly outcome: string;
}

export interface Audit {
  /** Returns at once: kept and tried again while the store is away. */
  note(row: Omit<AuditRow, "at" | "server">): void;
  /** Newest first. `after`: where the page before ended. Rejects with `store-unavailable`. */
  page(limit: number, after?: string): Promise<AuditPage>;
  /** Resolves when all rows so far were written, or wait to be tried again. */
  flush(): Promise<void>;
  /** Rows given up because too many waited. */
  lost(): number;
}

export interface AuditPage {
  readonly items: readonly AuditRow[];
  /** Absent = these were the last. */
  readonly next?: string;
}

export interface AuditOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  /** Name of this server. */
  readonly server: string;
  /** Rows to keep, default 10,000. */
  readonly keep?: number;
}

const PREFIX = "audit/";
const KEEP = 10_000;
/** Rows written between two looks at how many there are. */
const PRUNE_EACH = 100;
const MAX_WAITING = 1_000;
const RETRY_MS = 2_000;
/** Characters of a row's texts. */
const LONGEST = 300;

interface WaitingRow {
  readonly key: string;
  readonly value: string;
}

export function createAudit(options: AuditOptions): Audit {
  return new AuditLog(options);
}

class AuditLog implements Audit {
  private readonly options: AuditOptions;
  private waiting: WaitingRow[] = [];
  private writing: Promise<void> | undefined;
  private count = 0;
  private unpruned = PRUNE_EACH;
  private given = 0;

  constructor(options: AuditOptions) {
    this.options = options;
  }

  note(given: Omit<AuditRow, "at" | "server">): void {
    const { clock, log, server } = this.options;
    const texts = Object.entries(given).filter(([, text]) => text !== undefined);
    const short = Object.fromEntries(texts.map(([name, text]) => [name, shorten(text)])) as typeof given;
    const row: AuditRow = { at: clock.now(), server, ...short };
    log.info({ audit: row }, `${row.what} by ${row.who}: ${row.outcome}`);
    this.count += 1;
    this.waiting.push({ key: keyOf(row, this.count), value: JSON.stringify(row) });
    this.given += this.waiting.splice(0, Math.max(0, this.waiting.length - MAX_WAITING)).length;
    this.writing ??= this.write();
  }

  async page(limit: number, after?: string): Promise<AuditPage> {
    const rows = (await this.options.store.list(PREFIX)).toReversed();
    const older = after === undefined ? rows : rows.filter(({ key }) => key < PREFIX + after);
    const page = older.slice(0, limit);
    const last = older.length > limit ? page.at(-1) : undefined;
    return {
      items: page.map(({ value }) => JSON.parse(value) as AuditRow),
      ...(last && { next: last.key.slice(PREFIX.length) }),
    };
  }

  async flush(): Promise<void> {
    await this.writing;
  }

  lost(): number {
    return this.given;
  }

  private async write(): Promise<void> {
    const { store, clock } = this.options;
    while (this.waiting.length > 0) {
      const put = this.waiting;
      this.waiting = [];
      try {
        const remove = await this.surplus(put.length);
        await store.commit({ put, remove });
        this.unpruned = remove.length > 0 ? put.length : this.unpruned + put.length;
      } catch {
        this.waiting = [...put, ...this.waiting];
        clock.after(RETRY_MS, () => {
          this.writing ??= this.write();
        });
        break;
      }
    }
    this.writing = undefined;
  }

  /** The oldest rows, when it is time to look. */
  private async surplus(added: number): Promise<string[]> {
    const { store, keep = KEEP } = this.options;
    if (this.unpruned < PRUNE_EACH) return [];
    const rows = await store.list(PREFIX);
    this.unpruned = 0;
    return rows.slice(0, Math.max(0, rows.length + added - keep)).map(({ key }) => key);
  }
}

/** Sorts by time, then by what this server wrote first. */
function keyOf({ at, server }: AuditRow, count: number): string {
  return `${PREFIX}${String(at).padStart(15, "0")}-${String(count).padStart(10, "0")}-${server}`;
}

function shorten(text: string): string {
  const line = text.replace(/[\p{Cc}\s]+/gu, " ").trim();
  return line.length > LONGEST ? `${line.slice(0, LONGEST - 1)}\u{2026}` : line;
}
