/** Opening the SQLite file of the store: its schema, its permissions, and what is wrong with it when it is no good. */
import { chmodSync, closeSync, mkdirSync, openSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { EverbootError, errnoOf } from "../base/errors.ts";

/** `PRAGMA application_id`, "EVRB": tells our files from other programs' databases. */
const APPLICATION_ID = 0x45565242;
const SCHEMA_VERSION = 1;
/** Milliseconds to wait for another program (a backup, a curious operator) that holds the file. */
const BUSY_TIMEOUT = 2_000;

/** A `value` of NULL is a deletion, kept for watchers. */
const SCHEMA = `
  CREATE TABLE kv (key TEXT PRIMARY KEY, value TEXT, revision INTEGER NOT NULL) WITHOUT ROWID;
  CREATE INDEX kv_by_revision ON kv (revision);
  CREATE INDEX kv_deleted ON kv (revision) WHERE value IS NULL;
  CREATE TABLE meta (name TEXT PRIMARY KEY, number INTEGER NOT NULL) WITHOUT ROWID;
  INSERT INTO meta VALUES ('revision', 0);
  PRAGMA application_id = ${APPLICATION_ID};
  PRAGMA user_version = ${SCHEMA_VERSION};
`;

/** SQLite's result codes (sqlite.org/rescode.html) that mean: these bytes are no sound database. */
const BROKEN_CODES: ReadonlySet<number> = new Set([11 /* CORRUPT */, 26 /* NOTADB */]);

/**
 * Opens or creates the file (0600, its folder 0700). Every commit is synced to the disk before it returns.
 * @throws EverbootError `state-broken`: not ours, damaged or of a newer version; `state-unwritable`: all else.
 */
export function openDatabase(path: string): DatabaseSync {
  let database: DatabaseSync | undefined;
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    // SQLite would create the file with 0644; its -wal and -shm files take over the permissions of this one.
    closeSync(openSync(path, "a", 0o600));
    chmodSync(path, 0o600);
    database = new DatabaseSync(path, { timeout: BUSY_TIMEOUT });
    prepareSchema(path, database);
    return database;
  } catch (error) {
    database?.close();
    throw openingError(path, error);
  }
}

function prepareSchema(path: string, database: DatabaseSync): void {
  const isOurs = pragma(database, "application_id") === APPLICATION_ID;
  const isEmpty = database.prepare("SELECT count(*) AS n FROM sqlite_schema").get()?.n === 0;
  if (!isOurs && !isEmpty) throw broken(path, "the database of another program");
  const version = pragma(database, "user_version");
  if (isOurs && version !== SCHEMA_VERSION) throw broken(path, versionText(version));
  database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;");
  if (isEmpty) database.exec(`BEGIN IMMEDIATE; ${SCHEMA} COMMIT;`);
  if (pragma(database, "quick_check(1)") !== "ok") throw broken(path, "damaged");
}

function versionText(version: unknown): string {
  return `schema ${version}, this version knows ${SCHEMA_VERSION}: was it written by a newer everboot?`;
}

function pragma(database: DatabaseSync, name: string): unknown {
  return Object.values(database.prepare(`PRAGMA ${name}`).get() ?? {})[0];
}

function openingError(path: string, error: unknown): EverbootError {
  if (error instanceof EverbootError) return error;
  const code = sqliteCode(error);
  if (code !== undefined && BROKEN_CODES.has(code)) return broken(path, "damaged, or no database at all", error);
  return new EverbootError("state-unwritable", { path, reason: errnoOf(error) ?? String(error) }, error);
}

function broken(path: string, reason: string, cause?: unknown): EverbootError {
  return new EverbootError("state-broken", { path, reason }, cause);
}

/** Primary result code; `node:sqlite` gives the extended one in `errcode`. */
function sqliteCode(error: unknown): number | undefined {
  const code = error instanceof Error && "errcode" in error ? error.errcode : undefined;
  return typeof code === "number" ? code & 0xff : undefined;
}
