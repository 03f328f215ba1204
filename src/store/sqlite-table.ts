/** The SQL of the store. */
import type { DatabaseSync } from "node:sqlite";
import { DELETIONS_KEPT, firstConflict, prefixEnd, rowOf, writesOf } from "./change.ts";
import type { Changes } from "./follow.ts";
import type { Change, CommitResult, Deleted, Entry, Revision } from "./store.ts";

export type SqliteTable = ReturnType<typeof createTable>;

/** Throws what `node:sqlite` throws. */
export function createTable(database: DatabaseSync) {
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
    changesSince: (prefix: string, after: Revision): Changes => ({
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
