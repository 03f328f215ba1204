/**
 * Keys and values with revisions. Knows nothing of hosts. One contract suite (test/contract/store.ts) holds every
 * implementation to what is written here.
 */

/** Grows with every commit; the same for all keys of one commit. */
export type Revision = number;

export interface Entry {
  readonly key: string;
  /** JSON text. */
  readonly value: string;
  /** Revision of the commit that last wrote the key. */
  readonly revision: Revision;
}

export interface Deleted {
  readonly key: string;
  readonly value: undefined;
  readonly revision: Revision;
}

export interface Change {
  /** Nothing is written unless each key's revision is the one given (0 = the key must be absent). */
  readonly expect?: ReadonlyArray<{ readonly key: string; readonly revision: Revision }>;
  readonly put?: ReadonlyArray<{ readonly key: string; readonly value: string }>;
  readonly remove?: readonly string[];
}

export type CommitResult =
  | { readonly kind: "committed"; readonly revision: Revision }
  /** The first expectation that did not hold. */
  | { readonly kind: "conflict"; readonly key: string };

/** An outage rejects with EverbootError `store-unavailable`, and nothing else does. */
export interface Store {
  /** Absent keys are `undefined`. */
  get(key: string): Promise<Entry | undefined>;
  /** Sorted by key, bytewise. */
  list(prefix: string): Promise<readonly Entry[]>;
  /** All or nothing, and durable (survives loss of power) when it resolves. */
  commit(change: Change): Promise<CommitResult>;
  /**
   * What was committed after `after`, in order, without end until the signal aborts. Values that were overwritten
   * before the watcher came round may be left out; removals older than 10,000 commits are.
   */
  watch(prefix: string, after: Revision, signal: AbortSignal): AsyncIterable<Entry | Deleted>;
  close(): Promise<void>;
}
