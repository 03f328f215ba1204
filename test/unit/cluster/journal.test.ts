import assert from "node:assert/strict";
import { test } from "node:test";
import type { NewEvent } from "../../../src/cluster/events.ts";
import { openJournal } from "../../../src/cluster/journal.ts";
import { createMemoryStore } from "../../../src/store/memory.ts";
import { createFakeClock } from "../../support/fake-clock.ts";
import { createFlakyStore } from "../../support/flaky-store.ts";

function served(host: string, path: string): NewEvent {
  return { host, stage: "packages", what: "served", facts: { path } };
}

function firmwareAsks(host: string): NewEvent {
  return { host, stage: "dhcp", what: "offer", facts: { asking: "firmware" } };
}

async function setUp(keep?: { boots: number; events: number }) {
  const store = createFlakyStore(createMemoryStore());
  const clock = createFakeClock();
  const options = { store, clock, ...(keep && { keep }) };
  return { store, clock, open: () => openJournal(options), journal: await openJournal(options) };
}

test("an appended event is in the store when the call resolves, and there after a restart", async () => {
  const { journal, open, clock } = await setUp();
  await journal.append(served("vm1", "a"));
  clock.advance(5);
  await journal.append({ ...served("vm1", "b"), at: 17 });
  const expected = [
    { ...served("vm1", "b"), at: 17, boot: 0 },
    { ...served("vm1", "a"), at: clock.now() - 5, boot: 0 },
  ];
  assert.deepEqual(journal.events("vm1"), expected);
  assert.deepEqual((await open()).events("vm1"), expected);
  assert.deepEqual(journal.events("vm2"), []);
});

test("events of one millisecond keep their order, also across a restart", async () => {
  const { journal, open } = await setUp();
  for (const path of ["a", "b", "c"]) journal.record(served("vm1", path));
  await journal.flush();
  const later = await open();
  later.record(served("vm1", "d"));
  await later.flush();
  for (const one of [later, await open()]) {
    assert.deepEqual(
      one.events("vm1").map(({ facts }) => facts.path),
      ["a", "b", "c", "d"],
    );
  }
});

test("a host whose name begins another's, or holds a slash, keeps its own events", async () => {
  const { journal, open } = await setUp();
  for (const host of ["vm", "vm1", "vm/1", "vm%2F1"]) await journal.append(served(host, host));
  const again = await open();
  for (const host of ["vm", "vm1", "vm/1", "vm%2F1"]) {
    assert.deepEqual(
      again.events(host).map(({ facts }) => facts.path),
      [host],
    );
  }
});

test("a recorded event is seen at once, and written once the store is back", async () => {
  const { journal, open, store, clock } = await setUp();
  store.mood = "down";
  journal.record(served("vm1", "a"));
  journal.record(served("vm1", "b"));
  assert.equal(journal.events("vm1").length, 2);
  await journal.flush();
  assert.deepEqual(journal.counters(), { failures: 1, unsaved: 2, lost: 0 });
  clock.advance(1000);
  await journal.flush();
  assert.equal(journal.counters().unsaved, 2);
  store.mood = "unsure";
  clock.advance(1000);
  await journal.flush();
  store.mood = "well";
  clock.advance(1000);
  await journal.flush();
  assert.deepEqual(journal.counters(), { failures: 3, unsaved: 0, lost: 0 });
  assert.deepEqual((await open()).events("vm1"), journal.events("vm1"));
});

test("an append that fails is an error for its caller and leaves nothing behind", async () => {
  const { journal, store, clock, open } = await setUp();
  store.mood = "down";
  await assert.rejects(journal.append(served("vm1", "a")), { code: "store-unavailable" });
  store.mood = "well";
  clock.advance(60_000);
  await journal.flush();
  assert.deepEqual(journal.events("vm1"), []);
  assert.deepEqual((await open()).events("vm1"), []);
});

test("what waits for the store is bounded, and what is given up is counted", async () => {
  const { journal, store } = await setUp();
  store.mood = "down";
  for (let n = 0; n < 10_003; n++) journal.record(served(`vm${n % 100}`, String(n)));
  await journal.flush();
  assert.deepEqual(journal.counters(), { failures: 21, unsaved: 10_000, lost: 3 });
});

test("the last boots of each host are kept, in memory and in the store, and numbers go on", async () => {
  const { journal, open, clock, store } = await setUp({ boots: 3, events: 1000 });
  for (let boot = 1; boot <= 5; boot++) {
    clock.advance(3_600_000);
    await journal.append(firmwareAsks("vm1"));
    await journal.append(served("vm1", `package ${boot}`));
  }
  await journal.append(firmwareAsks("vm2"));
  const kept = [3, 3, 4, 4, 5, 5];
  assert.deepEqual(
    journal.events("vm1").map(({ boot }) => boot),
    kept,
  );
  assert.equal((await store.list("journal/vm1/")).length, kept.length);
  const again = await open();
  clock.advance(3_600_000);
  again.record(firmwareAsks("vm1"));
  assert.equal(again.events("vm1").at(-1)?.boot, 6);
  assert.equal(again.events("vm2").at(-1)?.boot, 1);
});

test("a boot that never ends is bounded by its number of events", async () => {
  const { journal, store } = await setUp({ boots: 3, events: 10 });
  for (let n = 0; n < 25; n++) await journal.append(served("vm1", String(n)));
  assert.equal(journal.events("vm1").length, 10);
  assert.equal(journal.events("vm1").at(-1)?.facts.path, "24");
  assert.equal((await store.list("journal/")).length, 10);
});

test("the newest events of all hosts come by time", async () => {
  const { journal, clock } = await setUp();
  for (const host of ["b", "a", "c", "a"]) {
    clock.advance(1);
    journal.record(served(host, "x"));
  }
  assert.deepEqual(
    journal.latest(3).map(({ host }) => host),
    ["a", "c", "a"],
  );
  assert.deepEqual(journal.latest(0), []);
  assert.equal(journal.latest(99).length, 4);
});

test("a recorded event comes back with its boot, and all of one boot have its id, after a restart too", async () => {
  const { journal, open, clock } = await setUp();
  const first = journal.record(firmwareAsks("vm1"));
  assert.match(String(first.trace), /^[0-9a-f]{8}$/);
  assert.equal(journal.record(served("vm1", "a")).trace, first.trace);
  await journal.flush();
  const again = await open();
  assert.equal(again.bootId("vm1"), first.trace);
  clock.advance(1000);
  assert.equal(again.record(served("vm1", "b")).trace, first.trace);
  assert.equal(again.bootId("vm2"), undefined);
});

test("an event that the machine brought an id with begins its boot where that is not known", async () => {
  const { journal } = await setUp();
  journal.record(firmwareAsks("vm1"));
  const { boot, trace } = journal.record({ ...served("vm1", "a"), trace: "0123abcd" });
  assert.deepEqual([boot, trace, journal.bootId("vm1")], [1, "0123abcd", "0123abcd"]);
});

test("the boots that are kept are told, the oldest first", async () => {
  const { journal, clock } = await setUp();
  for (let boot = 0; boot < 3; boot++) {
    journal.record(firmwareAsks("vm1"));
    clock.advance(100_000);
  }
  assert.deepEqual(
    journal.boots("vm1").map(({ number, stages }) => [number, stages.map(({ stage }) => stage)]),
    [1, 2, 3].map((number) => [number, ["dhcp"]]),
  );
  assert.deepEqual(journal.boots("vm2"), []);
});

test("listeners hear of each event once it is to be seen, until they leave", async () => {
  const { journal, store } = await setUp();
  const heard: Array<readonly [unknown, number]> = [];
  const end = journal.subscribe(({ facts, host }) => heard.push([facts.path, journal.events(host).length]));
  const before = journal.version("vm1");
  journal.record(served("vm1", "a"));
  await journal.append(served("vm1", "b"));
  store.mood = "down";
  await assert.rejects(journal.append(served("vm1", "lost")));
  end();
  journal.record(served("vm1", "c"));
  assert.deepEqual(heard, [
    ["a", 1],
    ["b", 2],
  ]);
  assert.notEqual(journal.version("vm1"), before);
  assert.deepEqual(journal.hosts(), ["vm1"]);
});
