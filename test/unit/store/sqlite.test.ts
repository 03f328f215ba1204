/** What SQLite adds to the contract: a file with its permissions, versions and outages. */
import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, test } from "node:test";
import { EverbootError } from "../../../src/base/errors.ts";
import { DELETIONS_KEPT } from "../../../src/store/change.ts";
import { openSqliteStore } from "../../../src/store/sqlite.ts";

const folder = await mkdtemp(join(tmpdir(), "everboot-sqlite-"));
after(() => rm(folder, { recursive: true }));

const inFolder = (name: string) => join(folder, name);

async function openingFails(path: string): Promise<EverbootError> {
  const error = await openSqliteStore(path).then(
    () => assert.fail("it opened"),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof EverbootError, String(error));
  return error;
}

async function run(path: string, sql: string): Promise<void> {
  const database = new DatabaseSync(path);
  database.exec(sql);
  database.close();
}

test("what was committed is there after reopening, and revisions go on", async () => {
  const path = inFolder("reopen/deep/state.db");
  const first = await openSqliteStore(path);
  await first.commit({ put: [{ key: "a", value: "1" }] });
  await first.commit({});
  await first.close();
  const second = await openSqliteStore(path);
  assert.deepEqual(await second.get("a"), { key: "a", value: "1", revision: 1 });
  assert.deepEqual(await second.commit({}), { kind: "committed", revision: 3 });
  await second.close();
});

test("folder and files are for their owner only, also the files that SQLite adds", async () => {
  const path = inFolder("private/state.db");
  const store = await openSqliteStore(path);
  await store.commit({ put: [{ key: "a", value: "1" }] });
  const mode = async (of: string) => ((await stat(of)).mode & 0o777).toString(8);
  assert.equal(await mode(inFolder("private")), "700");
  assert.deepEqual(await Promise.all([path, `${path}-wal`, `${path}-shm`].map(mode)), ["600", "600", "600"]);
  await store.close();
});

test("a file of a newer version is left as it is, and the error says so", async () => {
  const path = inFolder("newer.db");
  await (await openSqliteStore(path)).close();
  await run(path, "PRAGMA user_version = 7");
  const error = await openingFails(path);
  assert.equal(error.code, "state-broken");
  assert.match(error.message, /schema 7, this version knows 1.*newer/);
});

test("another program's database and files that are none are refused untouched", async () => {
  const foreign = inFolder("foreign.db");
  await run(foreign, "CREATE TABLE theirs (x)");
  const junk = inFolder("junk.db");
  await writeFile(junk, "this is the diary of someone\n".repeat(100));
  const before = await Promise.all([readFile(foreign), readFile(junk)]);
  assert.match((await openingFails(foreign)).message, /another program/);
  assert.equal((await openingFails(junk)).code, "state-broken");
  assert.deepEqual(await Promise.all([readFile(foreign), readFile(junk)]), before);
});

test("a damaged page is found at opening", async () => {
  const path = inFolder("damaged.db");
  const store = await openSqliteStore(path);
  const value = JSON.stringify("x".repeat(2000));
  await store.commit({ put: Array.from({ length: 50 }, (_, n) => ({ key: `key${n}`, value })) });
  await store.close();
  const bytes = await readFile(path);
  bytes.fill(0xff, 4096 * 4, 4096 * 12);
  await writeFile(path, bytes);
  assert.equal((await openingFails(path)).code, "state-broken");
});

test("a path that cannot be written is told from a broken state", async () => {
  const file = inFolder("file");
  await writeFile(file, "");
  assert.equal((await openingFails(join(file, "state.db"))).code, "state-unwritable");
  assert.equal((await openingFails(folder)).code, "state-unwritable");
});

test("while another program holds the file commits reject, and after it they go on", async () => {
  const path = inFolder("held.db");
  const store = await openSqliteStore(path);
  const holder = new DatabaseSync(path);
  holder.exec("BEGIN IMMEDIATE");
  const both = [store.commit({ put: [{ key: "a", value: "1" }] }), store.commit({ put: [{ key: "b", value: "1" }] })];
  const outcomes = await Promise.allSettled(both);
  for (const outcome of outcomes) {
    assert.ok(outcome.status === "rejected" && outcome.reason instanceof EverbootError);
    assert.equal(outcome.reason.code, "store-unavailable");
  }
  assert.deepEqual(await store.list(""), []);
  holder.exec("ROLLBACK");
  holder.close();
  assert.deepEqual(await store.commit({ put: [{ key: "a", value: "1" }] }), { kind: "committed", revision: 1 });
  await store.close();
});

test("deletions are remembered for a bounded number of commits", async () => {
  const path = inFolder("deletions.db");
  const store = await openSqliteStore(path);
  await store.commit({ put: [{ key: "a", value: "1" }] });
  await store.commit({ remove: ["a"] });
  const rowsInFile = () => {
    const database = new DatabaseSync(path, { readOnly: true });
    const count = database.prepare("SELECT count(*) AS n FROM kv").get()?.n;
    database.close();
    return count;
  };
  assert.equal(rowsInFile(), 1);
  await Promise.all(Array.from({ length: DELETIONS_KEPT }, () => store.commit({})));
  assert.equal(rowsInFile(), 0);
  await store.close();
});
