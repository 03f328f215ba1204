/** The reference store: everything in memory, gone with the process. For tests and for trying things out. */
import { compareKeys, DELETIONS_KEPT, firstConflict, rowOf, storeUnavailable, writesOf } from "./change.ts";
import { type Changes, createPulse, follow } from "./follow.ts";
import type { Change, CommitResult, Deleted, Entry, Revision, Store } from "./store.ts";

export function createMemoryStore(): Store {
  /** In order of revision: a write moves its key to the end. */
  const rows = new Map<string, Entry | Deleted>();
  const pulse = createPulse();
  let revision: Revision = 0;
  let closed = false;

  function assertOpen(): void {
    if (closed) throw storeUnavailable(new Error("the store is closed"));
  }

  function entryOf(key: string): Entry | undefined {
    const row = rows.get(key);
    return row?.value === undefined ? undefined : row;
  }

  function write(key: string, value: string | undefined): void {
    if (value === undefined && entryOf(key) === undefined) return;
    rows.delete(key);
    rows.set(key, rowOf(key, value, revision));
  }

  function forgetDeletions(): void {
    for (const row of rows.values()) {
      if (row.revision > revision - DELETIONS_KEPT) return;
      if (row.value === undefined) rows.delete(row.key);
    }
  }

  function commit(change: Change): CommitResult {
    assertOpen();
    const conflict = firstConflict(change, (key) => entryOf(key)?.revision ?? 0);
    if (conflict !== undefined) return { kind: "conflict", key: conflict };
    revision += 1;
    for (const [key, value] of [...writesOf(change)].sort(byKey)) write(key, value);
    if (revision % DELETIONS_KEPT === 0) forgetDeletions();
    pulse.beat();
    return { kind: "committed", revision };
  }

  function changesSince(prefix: string, after: Revision): Changes {
    assertOpen();
    const changed = [...rows.values()].filter((row) => row.revision > after && row.key.startsWith(prefix));
    return { rows: changed, upTo: revision };
  }

  function list(prefix: string): readonly Entry[] {
    assertOpen();
    const entries = [...rows.values()].filter((row): row is Entry => row.value !== undefined);
    return entries.filter((row) => row.key.startsWith(prefix)).sort((a, b) => compareKeys(a.key, b.key));
  }

  return {
    async get(key) {
      assertOpen();
      return entryOf(key);
    },
    list: async (prefix) => list(prefix),
    commit: async (change) => commit(change),
    watch: (prefix, after, signal) => follow(async (position) => changesSince(prefix, position), pulse, after, signal),
    async close() {
      closed = true;
      pulse.beat();
    },
  };
}

function byKey([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return compareKeys(a, b);
}
