/**
 * Watching, for stores that can read what changed since a revision. Nothing is queued: a watcher that was slow reads
 * the newest value of each key once it comes round, so no watcher can fill the memory.
 */
import type { Deleted, Entry, Revision } from "./store.ts";

/** Wakes everyone who waits for something to happen. */
export interface Pulse {
  beat(): void;
  next(): Promise<void>;
}

export function createPulse(): Pulse {
  let waiting = Promise.withResolvers<void>();
  return {
    beat() {
      waiting.resolve();
      waiting = Promise.withResolvers<void>();
    },
    next: () => waiting.promise,
  };
}

/** Changes in order of revision, then key; complete up to revision `upTo`. */
export interface Changes {
  readonly rows: ReadonlyArray<Entry | Deleted>;
  readonly upTo: Revision;
}

/** Ends when the signal aborts; rejects as `read` does. The pulse must beat after every commit. */
export async function* follow(
  read: (after: Revision) => Promise<Changes>,
  pulse: Pulse,
  after: Revision,
  signal: AbortSignal,
): AsyncGenerator<Entry | Deleted, void, void> {
  const wake = () => pulse.beat();
  signal.addEventListener("abort", wake);
  try {
    let position = after;
    while (!signal.aborted) {
      // Taken before reading: a commit that comes while it goes on must not be slept over.
      const next = pulse.next();
      const { rows, upTo } = await read(position);
      position = upTo;
      for (const row of rows) {
        if (signal.aborted) return;
        yield row;
      }
      if (rows.length === 0) await next;
    }
  } finally {
    signal.removeEventListener("abort", wake);
  }
}
