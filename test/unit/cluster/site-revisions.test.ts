import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { systemClock } from "../../../src/base/clock.ts";
import { followAppliedSite, publishSite, readAppliedSite } from "../../../src/cluster/site-revisions.ts";
import { createMemoryStore } from "../../../src/store/memory.ts";

function site(number: number) {
  return { text: `site: ${number}\n`, revision: `r${number}`, at: number, by: "one", expected: number - 1 };
}

test("each applied site has the next number, and names those before it", async () => {
  const store = createMemoryStore();
  assert.equal(await readAppliedSite(store), undefined);
  for (const number of [1, 2, 3]) assert.equal((await publishSite(store, site(number))).number, number);
  const { expected: _expected, ...third } = site(3);
  assert.deepEqual(await readAppliedSite(store), {
    ...third,
    number: 3,
    earlier: [
      { number: 2, revision: "r2" },
      { number: 1, revision: "r1" },
    ],
  });
});

test("what follows another revision than the newest is a conflict, also when both are sent at once", async () => {
  const store = createMemoryStore();
  const both = await Promise.allSettled([publishSite(store, site(1)), publishSite(store, site(1))]);
  assert.deepEqual(both.map(({ status }) => status).toSorted(), ["fulfilled", "rejected"]);
  await assert.rejects(publishSite(store, site(1)), /^EverbootError: revision 1 was applied meanwhile, at one: /);
  await assert.rejects(publishSite(store, site(3)), { code: "site-conflict" });
});

test("a site file that no request to etcd could hold is refused", async () => {
  const text = randomBytes(2_000_000).toString("base64");
  await assert.rejects(
    publishSite(createMemoryStore(), { ...site(1), text }),
    /^EverbootError: the site file takes \d+/,
  );
});

test("a follower is told of the one that is there, then of each next one; what cannot be read stops nothing", async () => {
  const store = createMemoryStore();
  await publishSite(store, site(1));
  const [ended, told] = [new AbortController(), new EventTarget()];
  const seen: string[] = [];
  const tell = (what: string) => {
    seen.push(what);
    told.dispatchEvent(new Event("told"));
  };
  const next = () => new Promise((done) => told.addEventListener("told", done, { once: true }));
  const first = next();
  void followAppliedSite(
    store,
    ({ number }) => tell(`revision ${number}`),
    () => tell("unreadable"),
    {
      ...{ signal: ended.signal, clock: systemClock },
    },
  );
  await first;
  for (const write of [
    () => publishSite(store, site(2)),
    () => store.commit({ put: [{ key: "site/current", value: '{"text":"bm8="}' }] }),
  ]) {
    const heard = next();
    await write();
    await heard;
  }
  ended.abort();
  assert.deepEqual(seen, ["revision 1", "revision 2", "unreadable"]);
});
