import assert from "node:assert/strict";
import { test } from "node:test";
import { EverbootError } from "../../../src/base/errors.ts";
import { type Lease, LeaseTable } from "../../../src/cluster/leases.ts";
import { createMemoryStore } from "../../../src/store/memory.ts";
import type { Store } from "../../../src/store/store.ts";
import { ip, mac } from "../../support/dhcp-site.ts";

const A = mac("02:00:00:00:00:0a");
const B = mac("02:00:00:00:00:0b");
const FIRST = ip("10.0.0.1");
const SECOND = ip("10.0.0.2");

const lease = (address: Lease["address"], owner: Lease["mac"], expires: number): Lease => ({
  address,
  mac: owner,
  state: "bound",
  expires,
});

test("a committed lease is in the store and survives a restart", async () => {
  const store = createMemoryStore();
  const table = await LeaseTable.open(store);
  assert.equal(await table.commit(lease(FIRST, A, 1000)), true);
  assert.equal(await table.commit(lease(FIRST, A, 2000)), true);
  assert.equal(await table.commit(lease(SECOND, A, 3000)), true);
  assert.equal((await store.get("lease/10.0.0.1"))?.value, `{"mac":"${A}","state":"bound","expires":2000}`);
  const again = await LeaseTable.open(store);
  assert.deepEqual(again.at(FIRST), lease(FIRST, A, 2000));
  assert.deepEqual(
    again.of(A).map(({ address }) => address),
    [SECOND, FIRST],
  );
});

test("an address that changes hands leaves its former owner", async () => {
  const table = await LeaseTable.open(createMemoryStore());
  await table.commit(lease(FIRST, A, 1000));
  await table.commit(lease(FIRST, B, 2000));
  assert.deepEqual(table.of(A), []);
  assert.deepEqual(table.of(B), [lease(FIRST, B, 2000)]);
});

test("two servers: the later writer is told, and learns of the other's lease", async () => {
  const store = createMemoryStore();
  const one = await LeaseTable.open(store);
  const two = await LeaseTable.open(store);
  assert.equal(await one.commit(lease(FIRST, A, 1000)), true);
  assert.equal(await two.commit(lease(FIRST, B, 1000)), false);
  assert.deepEqual(two.at(FIRST), lease(FIRST, A, 1000));
  await store.commit({ remove: ["lease/10.0.0.1"] });
  assert.equal(await two.commit(lease(FIRST, B, 1000)), false);
  assert.equal(two.at(FIRST), undefined);
  assert.equal(await two.commit(lease(FIRST, B, 1000)), true);
});

test("two commits of one table at the same time: only one holds", async () => {
  const table = await LeaseTable.open(createMemoryStore());
  const results = await Promise.all([table.commit(lease(FIRST, A, 1000)), table.commit(lease(FIRST, B, 1000))]);
  assert.deepEqual(results, [true, false]);
  assert.equal(table.at(FIRST)?.mac, A);
});

test("an outage of the store leaves the table as it was", async () => {
  const store = createMemoryStore();
  const table = await LeaseTable.open(store);
  await store.close();
  await assert.rejects(table.commit(lease(FIRST, A, 1000)), { code: "store-unavailable" });
  assert.equal(table.at(FIRST), undefined);
});

for (const value of ["{}", "[", '{"mac":"02:00:00:00:00:0a","state":"lent","expires":1}', "null"]) {
  test(`a record that is no lease is told: ${value}`, async () => {
    const store: Store = createMemoryStore();
    await store.commit({ put: [{ key: "lease/10.0.0.1", value }] });
    await assert.rejects(LeaseTable.open(store), (error) => {
      return (
        error instanceof EverbootError && error.code === "state-broken" && error.message.includes("lease/10.0.0.1")
      );
    });
  });
}

test("holds: one a machine and one an address, until they are over", async () => {
  const table = await LeaseTable.open(createMemoryStore());
  table.hold({ address: FIRST, mac: A, until: 60 }, 0);
  assert.equal(table.holdAt(FIRST, 59)?.mac, A);
  assert.equal(table.holdAt(FIRST, 60), undefined);
  table.hold({ address: SECOND, mac: A, until: 70 }, 10);
  assert.equal(table.holdAt(FIRST, 10), undefined);
  assert.equal(table.holdOf(A, 10)?.address, SECOND);
  table.hold({ address: SECOND, mac: B, until: 80 }, 75);
  assert.equal(table.holdOf(A, 20), undefined);
  assert.equal(table.holdAt(SECOND, 75)?.mac, B);
});
