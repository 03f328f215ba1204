/**
 * The thread that has the SQLite file: a disk that takes a second for a sync holds nobody up who serves. Started by
 * sqlite.ts. Commits that have come by the time it turns to them share one transaction, and so one sync; each is still
 * judged on its own and sees those before it.
 */
import { parentPort, workerData } from "node:worker_threads";
import { EverbootError, errnoOf } from "../base/errors.ts";
import { openDatabase } from "./sqlite-file.ts";
import type { SqliteCall, SqliteReply, SqliteTrouble } from "./sqlite-messages.ts";
import { createTable, type SqliteTable } from "./sqlite-table.ts";
import type { Change } from "./store.ts";

let waiting: { readonly id: number; readonly change: Change }[] = [];

function reply(message: SqliteReply): void {
  parentPort?.postMessage(message);
}

function troubleOf(error: unknown): SqliteTrouble {
  const text = error instanceof Error ? error.message : String(error);
  const errno = errnoOf(error);
  const about = errno === undefined ? {} : { errno };
  return error instanceof EverbootError
    ? { text, ...about, code: error.code, details: error.details }
    : { text, ...about };
}

function commitWaiting(table: SqliteTable): void {
  const group = waiting;
  waiting = [];
  try {
    const results = table.commitAll(group.map(({ change }) => change));
    for (const [index, result] of results.entries()) reply({ id: group[index]?.id ?? 0, result });
  } catch (error) {
    const trouble = troubleOf(error);
    for (const { id } of group) reply({ id, trouble });
  }
}

function read(table: SqliteTable, call: Exclude<SqliteCall, { kind: "commit" | "close" }>): unknown {
  if (call.kind === "get") return table.get(call.key);
  return call.kind === "list" ? table.list(call.prefix) : table.changesSince(call.prefix, call.after);
}

function close(table: SqliteTable): void {
  if (waiting.length > 0) commitWaiting(table);
  table.close();
  // Nothing more is heard: the thread ends.
  parentPort?.unref();
}

function handle(table: SqliteTable, call: SqliteCall): void {
  const { id } = call;
  if (call.kind === "commit") {
    if (waiting.length === 0) setImmediate(() => commitWaiting(table));
    waiting.push({ id, change: call.change });
    return;
  }
  try {
    reply({ id, result: call.kind === "close" ? close(table) : read(table, call) });
  } catch (error) {
    reply({ id, trouble: troubleOf(error) });
  }
}

try {
  const table = createTable(openDatabase(String(workerData)));
  parentPort?.on("message", (call: SqliteCall) => handle(table, call));
  reply({ id: 0, result: undefined });
} catch (error) {
  reply({ id: 0, trouble: troubleOf(error) });
}
