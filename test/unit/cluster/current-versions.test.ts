import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { systemClock } from "../../../src/base/clock.ts";
import { type CurrentVersions, judgeLink, openCurrentVersions } from "../../../src/cluster/current-versions.ts";
import { createMemoryStore } from "../../../src/store/memory.ts";

test("a link that differs from what was said is behind, or was switched by an operator", () => {
  const cases = [
    // link, said, served, verdict
    [undefined, undefined, undefined, "agreed"],
    ["a", "a", undefined, "agreed"],
    ["a", "a", ["b"], "agreed"],
    [undefined, "a", undefined, "follow"],
    [undefined, "a", ["b"], "follow"],
    ["b", "a", ["b"], "follow"],
    ["b", "a", ["c", "b"], "follow"],
    ["b", "a", undefined, "follow"],
    ["a", undefined, undefined, "say"],
    ["a", undefined, ["a"], "say"],
    ["b", "a", ["a"], "say"],
    ["b", "a", [], "say"],
  ] as const;
  for (const [link, said, served, verdict] of cases)
    assert.equal(judgeLink({ link, said, served }), verdict, JSON.stringify({ link, said, served }));
});

const version = fc.constantFrom("a", "b", "c");

test("what was said is never replaced by a version that this server was put on by the cluster's word", () => {
  fc.assert(
    fc.property(version, version, fc.array(version), (link, said, others) => {
      assert.notEqual(judgeLink({ link, said, served: [...others, link] }), "say");
    }),
  );
});

interface Opened {
  readonly current: CurrentVersions;
  readonly heard: string[];
}

async function open(store = createMemoryStore(), signal = new AbortController().signal): Promise<Opened> {
  const current = await openCurrentVersions({ store, following: { signal, clock: systemClock } });
  const heard: string[] = [];
  current.follow((tree) => heard.push(`${tree} ${current.of(tree)?.version}`));
  return { current, heard };
}

async function until(is: () => boolean): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!is()) {
    assert.ok(Date.now() < deadline, "never");
    await new Promise((done) => setTimeout(done, 2));
  }
}

test("what one server says all hear, also those that start later; of two at once the first", async () => {
  const ended = new AbortController();
  const store = createMemoryStore();
  const [a, b] = [await open(store, ended.signal), await open(store, ended.signal)];
  assert.equal(a.current.of("deb/12"), undefined);
  const said = [a, b].map(({ current }, place) =>
    current.say("deb/12", { version: `v${place}`, at: 5, by: `server${place}` }),
  );
  assert.deepEqual((await Promise.all(said)).sort(), [false, true]);
  await until(() => a.heard.length === 1 && b.heard.length === 1);
  const winner = a.current.of("deb/12");
  assert.deepEqual(b.current.of("deb/12"), winner);
  // The one that was slower knows now, and may say it again.
  assert.equal(await b.current.say("deb/12", { version: "v9", at: 6, by: "server1" }), true);
  await until(() => a.current.of("deb/12")?.version === "v9");
  assert.deepEqual((await open(store)).current.of("deb/12"), { version: "v9", at: 6, by: "server1" });
  ended.abort();
});

test("what another version of the program has written is nothing that was said", async () => {
  const store = createMemoryStore();
  await store.commit({ put: [{ key: "tree-version/deb", value: '{"of":"the future"}' }] });
  const { current } = await open(store);
  assert.equal(current.of("deb"), undefined);
  assert.equal(await current.say("deb", { version: "v1", at: 1, by: "server1" }), true);
});
