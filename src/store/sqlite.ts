/**
 * The store of a single server: one SQLite file. Commits of one turn of the event loop share one transaction, and so
 * one sync of the disk; each is still judged on its own and sees those before it.
 */
import type { DatabaseSync } from "node:sqlite";
import { DELETIONS_KEPT, firstConflict, prefixEnd, rowOf, storeUnavailable, writesOf } from "./change.ts";
import { createPulse, follow } from "./follow.ts";
import { openDatabase } from "./sqlite-file.ts";
import type { Change, CommitResult, Deleted, Entry, Revision, Store } from "./store.ts";

interface Waiting {
  readonly change: Change;
  resolve(result: CommitResult): void;
  reject(error: Error): void;
}

/** Rejects with EverbootError `state-broken` or `state-unwritable`. */
export async function openSqliteStore(path: string): Promise<Store> {
  const table = createTable(openDatabase(path));
  const pulse = createPulse();
  let waiting: Waiting[] = [];
  let closed = false;

  function whileOpen<T>(work: () => T): T {
    if (closed) throw storeUnavailable(new Error("the store is closed"));
    try {
      return work();
    } catch (error) {
      throw storeUnavailable(error);
    }
  }

  function commitWaiting(): void {
    const group = waiting;
    if (group.length === 0) return;
    waiting = [];
    try {
      const results = table.commitAll(group.map((one) => one.change));
      for (const [index, result] of results.entries()) group[index]?.resolve(result);
      pulse.beat();
    } catch (error) {
      for (const one of group) one.reject(storeUnavailable(error));
    }
  }

  return {
    get: async (key) => whileOpen(() => table.get(key)),
    list: async (prefix) => whileOpen(() => table.list(prefix)),
    commit: (change) =>
      new Promise((resolve, reject) => {
        if (closed) return reject(storeUnavailable(new Error("the store is closed")));
        if (waiting.length === 0) setImmediate(commitWaiting);
        waiting.push({ change, resolve, reject });
      }),
    watch: (prefix, after, signal) =>
      follow((position) => whileOpen(() => table.changesSince(prefix, position)), pulse, after, signal),
    async close() {
      if (closed) return;
      commitWaiting();
      closed = true;
      table.close();
      pulse.beat();
    },
  };
}

/** The SQL. Throws what `node:sqlite` throws. */
function createTable(database: DatabaseSync) {
  const select = database.prepare("SELECT key, value, revision FROM kv WHERE key = ? AND value IS NOT NULL");
  // The end is NULL for the prefixes that have none.
  const inPrefix = "key >= ?1 AND (?2 IS NULL OR key < ?2)";
  const selectPrefix = database.prepare(`SELECT * FROM kv WHERE ${inPrefix} AND value IS NOT NULL ORDER BY key`);
  const selectSince = database.prepare(
    `SELECT * FROM kv INDEXED BY kv_by_revision WHERE revision > ?3 AND ${inPrefix} ORDER BY revision, key`,
  );
  const insert = database.prepare(
    "INSERT INTO kv VALUES (?1, ?2, ?3) ON CONFLICT (key) DO UPDATE SET value = ?2, revision = ?3",
  );
  const remove = database.prepare("UPDATE kv SET value = NULL, revision = ?2 WHERE key = ?1 AND value IS NOT NULL");
  const forgetDeletions = database.prepare("DELETE FROM kv WHERE value IS NULL AND revision <= ?");
  const saveRevision = database.prepare("UPDATE meta SET number = ? WHERE name = 'revision'");
  let durable = Number(database.prepare("SELECT number FROM meta WHERE name = 'revision'").get()?.number ?? 0);

  function get(key: string): Entry | undefined {
    const row = select.get(key);
    return row === undefined ? undefined : (parseRow(row) as Entry);
  }

  function applyOne(change: Change, revision: Revision): CommitResult {
    const conflict = firstConflict(change, (key) => get(key)?.revision ?? 0);
    if (conflict !== undefined) return { kind: "conflict", key: conflict };
    for (const [key, value] of writesOf(change)) {
      if (value === undefined) remove.run(key, revision);
      else insert.run(key, value, revision);
    }
    return { kind: "committed", revision };
  }

  function applyAll(changes: readonly Change[]): CommitResult[] {
    let revision = durable;
    const results = changes.map((change) => {
      const result = applyOne(change, revision + 1);
      if (result.kind === "committed") revision = result.revision;
      return result;
    });
    saveRevision.run(revision);
    forgetDeletions.run(revision - DELETIONS_KEPT);
    return results;
  }

  return {
    get,
    list: (prefix: string) => selectPrefix.all(prefix, prefixEnd(prefix) ?? null).map((row) => parseRow(row) as Entry),
    changesSince: (prefix: string, after: Revision) => ({
      rows: selectSince.all(prefix, prefixEnd(prefix) ?? null, after).map(parseRow),
      upTo: durable,
    }),
    /** One transaction; nothing of it is there when it throws. */
    commitAll(changes: readonly Change[]): CommitResult[] {
      database.exec("BEGIN IMMEDIATE");
      try {
        const results = applyAll(changes);
        database.exec("COMMIT");
        for (const result of results) if (result.kind === "committed") durable = result.revision;
        return results;
      } catch (error) {
        // After some failures, a full disk for one, SQLite has rolled back by itself.
        if (database.isTransaction) database.exec("ROLLBACK");
        throw error;
      }
    },
    close: () => database.close(),
  };
}

function parseRow(row: Record<string, unknown>): Entry | Deleted {
  const value = row.value === null ? undefined : String(row.value);
  return rowOf(String(row.key), value, Number(row.revision));
}
