/** Watching keys of etcd: goes on at another member where one broke off, without gap and without repeating. */
import { storeUnavailable } from "./change.ts";
import type { EtcdClient, Patience } from "./etcd-client.ts";
import { readPrefix } from "./etcd-read.ts";
import { byRevision, type KeySpace, rowsOf, type WatchAnswer } from "./etcd-wire.ts";
import type { Deleted, Entry, Revision } from "./store.ts";

export interface EtcdWatchOptions {
  readonly client: EtcdClient;
  readonly space: KeySpace;
  readonly prefix: string;
  readonly after: Revision;
  /** Ends the watch. */
  readonly signal: AbortSignal;
  /** Aborts when the store is closed: the watch then rejects. */
  readonly closed: AbortSignal;
}

interface Batch {
  readonly rows: ReadonlyArray<Entry | Deleted>;
  /** All up to this revision has been told with these rows. */
  readonly upTo: Revision;
}

/**
 * Rows of one commit come in one turn of the event loop. Rejects with EverbootError `store-unavailable` when no member
 * takes the watch within the client's patience.
 */
export async function* watchEtcd(options: EtcdWatchOptions): AsyncGenerator<Entry | Deleted, void, void> {
  const { client, signal, closed } = options;
  const ended = AbortSignal.any([signal, closed]);
  let position = options.after;
  let failing: Patience | undefined;
  try {
    while (!ended.aborted) {
      try {
        for await (const { rows, upTo } of watchMember(options, position, ended)) {
          failing?.end();
          failing = undefined;
          position = upTo;
          yield* untilAborted(rows, signal);
        }
      } catch (error) {
        failing ??= client.patience();
        if (failing.signal.aborted) throw storeUnavailable(error);
        await client.pause(ended);
      }
    }
    if (!signal.aborted) throw storeUnavailable(new Error("the store is closed"));
  } finally {
    failing?.end();
  }
}

function* untilAborted<T>(rows: readonly T[], signal: AbortSignal): Generator<T> {
  for (const row of rows) {
    if (signal.aborted) return;
    yield row;
  }
}

/** Of one stream; ends where etcd has compacted what it asked for, after what is left of that. */
async function* watchMember(
  { client, space, prefix }: EtcdWatchOptions,
  after: Revision,
  signal: AbortSignal,
): AsyncGenerator<Batch, void, void> {
  const request = { create_request: { ...space.rangeOf(prefix), start_revision: String(after + 1) } };
  let upTo = after;
  for await (const result of client.stream("/v3/watch", request, signal)) {
    const answer = result as WatchAnswer;
    if (answer.compact_revision) return yield await readMissed(client, space, prefix, after);
    if (answer.canceled) throw new Error("etcd cancelled the watch");
    const rows = rowsOf(space, answer);
    upTo = rows.at(-1)?.revision ?? upTo;
    yield { rows, upTo };
  }
}

/** The newest value of each key that was written since; removals are lost with what was compacted. */
async function readMissed(client: EtcdClient, space: KeySpace, prefix: string, after: Revision): Promise<Batch> {
  const patience = client.patience();
  try {
    const { entries, revision } = await readPrefix(client, space, prefix, patience);
    return { rows: entries.filter((entry) => entry.revision > after).sort(byRevision), upTo: revision };
  } finally {
    patience.end();
  }
}
