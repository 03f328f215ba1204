/** What every store must do (src/store/store.ts). A store's own test file calls this and adds its own quirks. */
import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";
import fc from "fast-check";
import { EverbootError } from "../../src/base/errors.ts";
import type { Deleted, Entry, Revision, Store } from "../../src/store/store.ts";

type Row = Entry | Deleted;

/** `open` gives an empty store each time. */
export function describeStore(name: string, open: () => Promise<Store>): void {
  describe(`store contract: ${name}`, () => {
    let store: Store;
    beforeEach(async () => {
      store = await open();
    });
    afterEach(() => store.close());

    async function put(key: string, value = "1"): Promise<Revision> {
      const result = await store.commit({ put: [{ key, value }] });
      assert.equal(result.kind, "committed");
      return result.kind === "committed" ? result.revision : 0;
    }

    test("absent keys are undefined, and lists of nothing are empty", async () => {
      assert.equal(await store.get("nothing"), undefined);
      assert.deepEqual(await store.list("nothing/"), []);
      await put("key");
      assert.equal(await store.get("ke"), undefined);
      assert.equal(await store.get("key/"), undefined);
    });

    test("an entry carries the revision of the commit that last wrote it", async () => {
      const first = await put("a", "1");
      const second = await put("b", "2");
      const third = await put("a", "3");
      assert.ok(0 < first && first < second && second < third);
      assert.deepEqual(await store.get("a"), { key: "a", value: "3", revision: third });
      assert.deepEqual(await store.get("b"), { key: "b", value: "2", revision: second });
    });

    test("all keys of one commit have its revision", async () => {
      const result = await store.commit({ put: ["a", "b", "c"].map((key) => ({ key, value: "0" })) });
      const revisions = (await store.list("")).map((entry) => entry.revision);
      assert.deepEqual(result, { kind: "committed", revision: revisions[0] });
      assert.equal(new Set(revisions).size, 1);
    });

    test("lists are sorted by the bytes of the keys, not by UTF-16 units", async () => {
      const keys = ["a", "a/b", "a0", "ab", "b", "é", "\u{ffff}", "\u{1f600}"];
      for (const key of keys.toReversed()) await put(key);
      assert.deepEqual(await keysOf(store, ""), keys);
    });

    test("a prefix takes what begins with it and nothing else", async () => {
      const keys = [
        "host",
        "host/",
        "host/a",
        "host/\u{10ffff}",
        "host/\u{10ffff}z",
        "host0",
        "hosts/a",
        "\u{d7ff}x",
        "\u{e000}",
      ];
      await store.commit({ put: keys.map((key) => ({ key, value: "0" })) });
      assert.deepEqual(await keysOf(store, "host/"), ["host/", "host/a", "host/\u{10ffff}", "host/\u{10ffff}z"]);
      assert.deepEqual(await keysOf(store, "host/\u{10ffff}"), ["host/\u{10ffff}", "host/\u{10ffff}z"]);
      assert.deepEqual(await keysOf(store, "\u{d7ff}"), ["\u{d7ff}x"]);
      assert.deepEqual(await keysOf(store, "\u{10ffff}"), []);
      assert.equal((await keysOf(store, "")).length, keys.length);
    });

    test("wildcards of query languages mean themselves", async () => {
      await store.commit({ put: ["a%", "a_", "a*", "a?", "ab"].map((key) => ({ key, value: "0" })) });
      for (const wild of ["a%", "a_", "a*", "a?"]) assert.deepEqual(await keysOf(store, wild), [wild]);
    });

    test("keys and values hold any well-formed Unicode", async () => {
      const text = fc.string({ unit: "binary" });
      await fc.assert(
        fc.asyncProperty(text, text, async (key, content) => {
          const value = JSON.stringify(content);
          await put(key, value);
          assert.equal((await store.get(key))?.value, value);
        }),
        { numRuns: 50 },
      );
    });

    test("a commit is refused when a revision is not the expected one, and names the key", async () => {
      const revision = await put("a");
      const put2 = [{ key: "a", value: "2" }];
      const stale = await store.commit({ expect: [{ key: "a", revision: revision - 1 }], put: put2 });
      assert.deepEqual(stale, { kind: "conflict", key: "a" });
      assert.equal((await store.get("a"))?.value, "1");
      assert.equal((await store.commit({ expect: [{ key: "a", revision }], put: put2 })).kind, "committed");
      assert.equal((await store.get("a"))?.value, "2");
    });

    test("revision 0 expects the key to be absent, also after it was removed", async () => {
      const create = { expect: [{ key: "a", revision: 0 }], put: [{ key: "a", value: "0" }] };
      assert.equal((await store.commit(create)).kind, "committed");
      assert.deepEqual(await store.commit(create), { kind: "conflict", key: "a" });
      await store.commit({ remove: ["a"] });
      assert.equal((await store.commit(create)).kind, "committed");
    });

    test("nothing of a refused commit is written", async () => {
      await put("old");
      const result = await store.commit({
        expect: [
          { key: "absent", revision: 0 },
          { key: "old", revision: 0 },
        ],
        put: [{ key: "new", value: "1" }],
        remove: ["old"],
      });
      assert.deepEqual(result, { kind: "conflict", key: "old" });
      assert.deepEqual(await keysOf(store, ""), ["old"]);
    });

    test("of many racing commits on one revision exactly one wins", async () => {
      const revision = await put("counter", "0");
      const racers = Array.from({ length: 50 }, (_, racer) =>
        store.commit({ expect: [{ key: "counter", revision }], put: [{ key: "counter", value: String(racer) }] }),
      );
      const results = await Promise.all(racers);
      const winners = results.flatMap((result, racer) => (result.kind === "committed" ? [racer] : []));
      assert.equal(winners.length, 1);
      assert.equal((await store.get("counter"))?.value, String(winners[0]));
    });

    test("commits that were sent together are judged one after the other, in order", async () => {
      const kinds = await Promise.all([
        store.commit({ expect: [{ key: "a", revision: 0 }], put: [{ key: "a", value: "1" }] }),
        store.commit({ expect: [{ key: "a", revision: 0 }], put: [{ key: "b", value: "1" }] }),
        store.commit({ remove: ["a"] }),
        store.commit({ expect: [{ key: "a", revision: 0 }], put: [{ key: "c", value: "1" }] }),
      ]);
      assert.deepEqual(
        kinds.map((result) => result.kind),
        ["committed", "conflict", "committed", "committed"],
      );
      assert.deepEqual(await keysOf(store, ""), ["c"]);
    });

    test("removing wins over putting in one change; removing what is absent does no harm", async () => {
      await store.commit({ put: [{ key: "a", value: "1" }], remove: ["a", "never-there"] });
      assert.deepEqual(await keysOf(store, ""), []);
    });

    describe("watch", () => {
      const abort = () => new AbortController();

      test("begins after the revision given and goes on with what is committed later", async () => {
        const { signal } = abort();
        await put("w/a");
        const seen = await put("w/b");
        await put("w/c");
        const watcher = take(store.watch("w/", seen, signal));
        assert.equal((await watcher.next()).key, "w/c");
        const next = watcher.next();
        const revision = await put("w/d", "4");
        assert.deepEqual(await next, { key: "w/d", value: "4", revision });
      });

      test("tells of removals, also of those made while nobody watched", async () => {
        const seen = await put("w/a");
        const result = await store.commit({ remove: ["w/a"] });
        const watcher = take(store.watch("w/", seen, abort().signal));
        assert.deepEqual(await watcher.next(), {
          key: "w/a",
          value: undefined,
          revision: result.kind === "committed" ? result.revision : 0,
        });
      });

      test("leaves out other prefixes and refused commits", async () => {
        const watcher = take(store.watch("w/", 0, abort().signal));
        await put("v/a");
        await put("x");
        await store.commit({ expect: [{ key: "w/a", revision: 7 }], put: [{ key: "w/a", value: "1" }] });
        await put("w/b");
        assert.equal((await watcher.next()).key, "w/b");
      });

      test("is in order of revision, once each, and ends at the newest state", async () => {
        const controller = abort();
        const rows: Row[] = [];
        const done = (async () => {
          for await (const row of store.watch("w/", 0, controller.signal)) {
            rows.push(row);
            if (row.key === "w/last") return;
          }
        })();
        for (let n = 0; n < 100; n++) await store.commit({ put: [{ key: `w/${n % 7}`, value: String(n) }] });
        await store.commit({ remove: ["w/3"] });
        await put("w/last");
        await done;
        assert.deepEqual(
          rows,
          rows.toSorted((a, b) => a.revision - b.revision),
        );
        assert.equal(new Set(rows.map((row) => `${row.key} ${row.revision}`)).size, rows.length);
        assert.deepEqual(replay(rows), await store.list("w/"));
      });

      test("resumes where another watcher stopped, without gap", async () => {
        for (let n = 0; n < 10; n++) await put(`w/${n}`);
        const first = take(store.watch("w/", 0, abort().signal));
        let position = 0;
        for (let n = 0; n < 4; n++) position = (await first.next()).revision;
        const second = take(store.watch("w/", position, abort().signal));
        assert.equal((await second.next()).key, "w/4");
      });

      test("ends when its signal aborts, in mid-wait too, and leaves others that share the signal alone", async () => {
        const controller = abort();
        const stopped = store.watch("w/", 0, controller.signal)[Symbol.asyncIterator]();
        const other = store.watch("w/", 0, controller.signal)[Symbol.asyncIterator]();
        const [end, otherEnd] = [stopped.next(), other.next()];
        controller.abort();
        assert.equal((await end).done, true);
        assert.equal((await otherEnd).done, true);
        assert.equal((await stopped.next()).done, true);
      });
    });

    test("closing twice is well; after it every call rejects with store-unavailable", async () => {
      const watcher = store.watch("w/", 0, new AbortController().signal)[Symbol.asyncIterator]();
      const waiting = assert.rejects(watcher.next(), isUnavailable);
      const lastCommit = put("a");
      await store.close();
      await store.close();
      await lastCommit;
      await assert.rejects(store.get("a"), isUnavailable);
      await assert.rejects(store.list(""), isUnavailable);
      await assert.rejects(store.commit({}), isUnavailable);
      await waiting.catch(() => assert.fail("a watcher of a closed store must reject"));
    });
  });
}

function isUnavailable(error: unknown): boolean {
  return error instanceof EverbootError && error.code === "store-unavailable";
}

async function keysOf(store: Store, prefix: string): Promise<string[]> {
  return (await store.list(prefix)).map((entry) => entry.key);
}

function take(rows: AsyncIterable<Row>): { next(): Promise<Row> } {
  const iterator = rows[Symbol.asyncIterator]();
  return {
    async next() {
      const { value, done } = await iterator.next();
      if (done) throw new Error("the watch ended");
      return value;
    },
  };
}

/** What is there after all of `rows`, as `list` would give it. */
function replay(rows: readonly Row[]): Entry[] {
  const state = new Map<string, Row>();
  for (const row of rows) state.set(row.key, row);
  return [...state.values()].filter((row) => row.value !== undefined).sort((a, b) => (a.key < b.key ? -1 : 1));
}
