/** The log of changes: kept, bounded, and never in anyone's way. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLog } from "../../../src/base/log.ts";
import { createAudit } from "../../../src/cluster/audit.ts";
import { storeUnavailable } from "../../../src/store/change.ts";
import { createMemoryStore } from "../../../src/store/memory.ts";
import type { Store } from "../../../src/store/store.ts";
import { createFakeClock } from "../../support/fake-clock.ts";

function audit(store: Store, clock = createFakeClock(), keep?: number, server = "one") {
  return createAudit({ store, clock, log: silentLog, server, ...(keep !== undefined && { keep }) });
}

function row(target: string) {
  return { who: "anna", what: "permit", target, outcome: "done" };
}

test("rows come newest first, in pages, from all servers", async () => {
  const [store, clock] = [createMemoryStore(), createFakeClock()];
  const [one, two] = [audit(store, clock), audit(store, clock, undefined, "two")];
  for (let count = 0; count < 5; count++) {
    (count % 2 === 0 ? one : two).note(row(`vm${count}`));
    clock.advance(1);
  }
  await Promise.all([one.flush(), two.flush()]);
  const first = await one.page(2);
  const second = await one.page(2, first.next);
  const last = await one.page(2, second.next);
  const targets = [first, second, last].map(({ items }) => items.map(({ target }) => target));
  assert.deepEqual(targets, [["vm4", "vm3"], ["vm2", "vm1"], ["vm0"]]);
  assert.equal(last.next, undefined);
  assert.deepEqual(first.items[0], { at: clock.now() - 1, server: "one", ...row("vm4") });
});

test("the oldest go: never many more than are to be kept", async () => {
  const store = createMemoryStore();
  const kept = audit(store, undefined, 200);
  for (let count = 0; count < 1000; count++) {
    kept.note(row(`vm${count}`));
    if (count % 7 === 0) await kept.flush();
  }
  await kept.flush();
  const rows = (await store.list("audit/")).length;
  assert.ok(rows >= 200 && rows <= 310, `${rows} rows`);
  const { items } = await kept.page(1);
  assert.equal(items[0]?.target, "vm999");
});

test("while the store is away rows wait, and are written once it is back", async () => {
  const [store, clock] = [createMemoryStore(), createFakeClock()];
  let isAway: boolean = true;
  const flaky: Store = {
    ...store,
    list: (prefix) => store.list(prefix),
    commit: async (change) => {
      if (isAway) throw storeUnavailable("test");
      return store.commit(change);
    },
  };
  const kept = audit(flaky, clock);
  kept.note(row("vm1"));
  await kept.flush();
  kept.note(row("vm2"));
  await kept.flush();
  assert.deepEqual(await store.list("audit/"), []);
  isAway = false;
  clock.advance(2000);
  await kept.flush();
  const { items } = await kept.page(10);
  assert.deepEqual(
    items.map(({ target }) => target),
    ["vm2", "vm1"],
  );
  assert.equal(kept.lost(), 0);
});

test("texts are one short line", async () => {
  const store = createMemoryStore();
  const kept = audit(store);
  kept.note({ who: "anna\n[31m", what: "accept", after: "x".repeat(5000), outcome: "done" });
  await kept.flush();
  const [found] = (await kept.page(1)).items;
  assert.equal(found?.who, "anna [31m");
  assert.equal(found?.after?.length, 300);
});
