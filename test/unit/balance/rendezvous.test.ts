import assert from "node:assert/strict";
import { test } from "node:test";
import { rendezvous } from "../../../src/balance/rendezvous.ts";
import { clientsOf } from "./fleet.ts";
import { countFirst, ordersOf, UNTOLD, weighted } from "./orders.ts";

const HOSTS = clientsOf(64);

test("two servers share 64 hosts evenly", () => {
  assert.deepEqual(countFirst(ordersOf(rendezvous, HOSTS, weighted(1, 1))), { server1: 32, server2: 32 });
});

test("weights 1:3 are 16 hosts and 48", () => {
  assert.deepEqual(countFirst(ordersOf(rendezvous, HOSTS, weighted(1, 3))), { server1: 16, server2: 48 });
});

test("what cannot be shared evenly goes to the first by name", () => {
  assert.deepEqual(countFirst(ordersOf(rendezvous, HOSTS, weighted(1, 1, 1))), {
    server1: 22,
    server2: 21,
    server3: 21,
  });
});

test("a dead server's hosts are shared by weight as well", () => {
  const orders = ordersOf(rendezvous, clientsOf(120), weighted(1, 1, 2));
  assert.deepEqual(countFirst(orders), { server1: 30, server2: 30, server3: 60 });
  assert.deepEqual(countFirst(orders, ["server3"]), { server1: 60, server2: 60 });
  assert.deepEqual(countFirst(orders, ["server1"]), { server2: 40, server3: 80 });
});

test("two of four servers dead: chance is even enough", () => {
  const orders = ordersOf(rendezvous, clientsOf(1000), weighted(1, 1, 1, 1));
  const { server2 = 0, server4 = 0 } = countFirst(orders, ["server1", "server3"]);
  assert.equal(server2 + server4, 1000);
  assert.ok(Math.abs(server2 - 500) < 25, `${server2} and ${server4}`);
});

test("machines that are no hosts are ordered too, by weight", () => {
  const orders = rendezvous.prepare(HOSTS, weighted(1, 3));
  const strangers = clientsOf(4000, "52:54:00:");
  const { server1 = 0 } = countFirst(new Map(strangers.map((client) => [client.name, orders(client, UNTOLD)])));
  assert.ok(Math.abs(server1 - 1000) < 100, `${server1}`);
});

test("one server answers everybody", () => {
  const orders = rendezvous.prepare(HOSTS, weighted(1));
  for (const client of [...HOSTS, ...clientsOf(1, "stranger")]) assert.deepEqual(orders(client, UNTOLD), ["server1"]);
});

test("a site without hosts orders strangers", () => {
  const [stranger] = clientsOf(1, "52:54:00:");
  assert.equal(stranger && rendezvous.prepare([], weighted(1, 1))(stranger, UNTOLD).length, 2);
});

test("orders are the same in every version: servers of two versions must agree while one is updated", () => {
  const orders = ordersOf(rendezvous, clientsOf(6), weighted(1, 2, 1));
  assert.deepEqual(Object.fromEntries(orders), {
    cli1: ["server3", "server2", "server1"],
    cli2: ["server2", "server1", "server3"],
    cli3: ["server2", "server3", "server1"],
    cli4: ["server2", "server1", "server3"],
    cli5: ["server1", "server2", "server3"],
    cli6: ["server1", "server3", "server2"],
  });
});
