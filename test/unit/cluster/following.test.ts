/** Two servers over one store: what one writes, the other knows. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Ipv4, Mac } from "../../../src/base/address.ts";
import { type Clock, systemClock } from "../../../src/base/clock.ts";
import type { JournalEvent, NewEvent } from "../../../src/cluster/events.ts";
import { openJournal } from "../../../src/cluster/journal.ts";
import { LeaseTable } from "../../../src/cluster/leases.ts";
import { openPermits } from "../../../src/cluster/permits.ts";
import { createMemoryStore } from "../../../src/store/memory.ts";
import type { Store } from "../../../src/store/store.ts";

const HOST = "vm1";
/** Tries again at once. */
const clock: Clock = { now: () => Date.now(), after: (_ms, task) => systemClock.after(0, task) };

async function serverOn(store: Store, name: string, signal: AbortSignal) {
  const following = { signal, clock };
  const journal = await openJournal({ store, clock, server: name, following });
  let count = 0;
  const random = (bytes: number) => new Uint8Array(bytes).fill(name.charCodeAt(0) + count++);
  const permits = await openPermits({ store, clock, journal, random, following });
  return { journal, permits, leases: await LeaseTable.open(store, { following }) };
}

async function pair(store: Store) {
  const ended = new AbortController();
  const [a, b] = [await serverOn(store, "a", ended.signal), await serverOn(store, "b", ended.signal)];
  return { a, b, end: () => ended.abort() };
}

/** The watch hands things on behind the caller's back: looked for until it is there. */
async function until<T>(look: () => T | undefined): Promise<T> {
  const deadline = performance.now() + 10_000;
  for (;;) {
    const found = look();
    if (found !== undefined) return found;
    if (performance.now() > deadline) throw new Error("it never came");
    await new Promise((done) => setImmediate(done));
  }
}

const asked = (server: string): NewEvent => ({ host: HOST, stage: "dhcp", what: "offer", facts: { server } });

test("a permit that one server issues is handed out by the other, once", async () => {
  const { a, b, end } = await pair(createMemoryStore());
  const issued = await a.permits.issue(HOST);
  const known = await until(() => b.permits.newestOf(HOST));
  assert.deepEqual(known, issued);
  assert.equal((await b.permits.handOut(HOST)).kind, "permit");
  await b.permits.advance(issued.token, "done");
  await until(() => (a.permits.newestOf(HOST)?.state === "used" ? true : undefined));
  assert.deepEqual(await a.permits.handOut(HOST), { kind: "none", reason: "used" });
  assert.equal(a.permits.byToken(issued.token)?.state, "used");
  end();
});

test("both have all events of the journal, each once and by time", async () => {
  const { a, b, end } = await pair(createMemoryStore());
  for (let i = 0; i < 20; i += 1) await (i % 2 ? a : b).journal.append({ ...asked(i % 2 ? "a" : "b"), at: 1000 + i });
  const times = (events: readonly JournalEvent[]) => events.map(({ at }) => at);
  const all = Array.from({ length: 20 }, (_, i) => 1000 + i);
  for (const { journal } of [a, b]) {
    await until(() => (journal.events(HOST).length === 20 ? true : undefined));
    assert.deepEqual(times(journal.events(HOST)), all);
  }
  end();
});

test("a boot that one server saw begin goes on at the other", async () => {
  const { a, b, end } = await pair(createMemoryStore());
  await a.journal.append({ ...asked("a"), facts: { asking: "firmware" }, at: 1000 });
  await until(() => b.journal.events(HOST)[0]);
  await b.journal.append({ host: HOST, stage: "loader", what: "served", facts: { path: "x" }, at: 2000 });
  assert.deepEqual(
    b.journal.events(HOST).map(({ boot }) => boot),
    [1, 1],
  );
  end();
});

test("listeners of one server hear what happens at the other, once", async () => {
  const { a, b, end } = await pair(createMemoryStore());
  const heard: unknown[] = [];
  a.journal.subscribe(({ facts }) => heard.push(facts.server));
  await b.journal.append(asked("b"));
  await until(() => a.journal.events(HOST)[0]);
  await a.journal.append(asked("a"));
  await until(() => b.journal.events(HOST)[1]);
  assert.deepEqual(heard, ["b", "a"]);
  end();
});

test("a lease of one server is no free address of the other", async () => {
  const { a, b, end } = await pair(createMemoryStore());
  const lease = {
    address: "10.0.0.7" as Ipv4,
    mac: "52:54:00:00:00:01" as Mac,
    state: "bound",
    expires: 5000,
  } as const;
  assert.equal(await a.leases.commit(lease), true);
  assert.deepEqual(await until(() => b.leases.at(lease.address)), lease);
  assert.deepEqual(b.leases.of(lease.mac), [lease]);
  end();
});

test("after an outage of the store the other's commits are caught up with", async () => {
  const store = createMemoryStore();
  let outages = 3;
  const flaky: Store = {
    ...store,
    watch: (...args) => {
      if (outages-- > 0) throw new Error("the store is away");
      return store.watch(...args);
    },
  };
  const { a, b, end } = await pair(flaky);
  await a.permits.issue(HOST);
  assert.equal((await until(() => b.permits.newestOf(HOST))).host, HOST);
  end();
});
