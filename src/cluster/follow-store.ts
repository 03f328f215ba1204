/** Keeps a copy in memory up with what other servers commit. */
import { type Clock, sleep } from "../base/clock.ts";
import type { Deleted, Entry, Store } from "../store/store.ts";

export interface Following {
  /** Ends it. */
  readonly signal: AbortSignal;
  readonly clock: Clock;
}

const RETRY_MS = 1000;

/**
 * Hands what is committed below `prefix` after `known` was read to `apply`, in order; this server's own commits too.
 * Goes on after an outage of the store. Never rejects.
 */
export async function followStore(
  store: Pick<Store, "watch">,
  prefix: string,
  known: readonly Entry[],
  apply: (row: Entry | Deleted) => void,
  { signal, clock }: Following,
): Promise<void> {
  let after = known.reduce((newest, { revision }) => Math.max(newest, revision), 0);
  while (!signal.aborted) {
    try {
      for await (const row of store.watch(prefix, after, signal)) {
        apply(row);
        after = row.revision;
      }
    } catch {
      // An outage, or the end: either way the loop's condition decides.
    }
    await sleep(clock, RETRY_MS, signal).catch(() => undefined);
  }
}
