import assert from "node:assert/strict";
import { test } from "node:test";
import { parity } from "../../../src/balance/parity.ts";
import type { Client, ServerShare } from "../../../src/balance/policy.ts";
import { exampleSite } from "../../support/sites.ts";
import { clientsOf } from "./fleet.ts";
import { countFirst, ordersOf, UNTOLD } from "./orders.ts";

const site = exampleSite("pair");

/** `odd odd even` are server1, server2 and server3. */
function halves(...serves: Array<"odd" | "even">): ServerShare[] {
  return serves.map((half, index) => ({ name: `server${index + 1}`, weight: 1, serves: half }));
}

function unmarked(count: number): ServerShare[] {
  return Array.from({ length: count }, (_, index) => ({ name: `server${index + 1}`, weight: 1 }));
}

function orderOf(servers: readonly ServerShare[], address: string): string {
  const client = { name: "cli", address } as Client;
  return parity.prepare([], servers)(client, UNTOLD).join(" ");
}

test("the papers' clients: even addresses by server2, odd ones by server1, and by the other when it is dead", () => {
  const orders = ordersOf(parity, [...site.hosts.values()], [...site.servers.values()]);
  assert.deepEqual(Object.fromEntries(orders), {
    cli128: ["server2", "server1"],
    cli129: ["server1", "server2"],
    fileserver: ["server1", "server2"],
  });
});

test("it is `serves` that counts, not the servers' names or sequence", () => {
  assert.equal(orderOf(halves("even", "odd"), "192.168.0.129"), "server2 server1");
  assert.equal(orderOf(halves("even", "odd").reverse(), "192.168.0.128"), "server1 server2");
});

test("the papers' whole range is shared evenly", () => {
  const range = clientsOf(252).slice(127);
  const counts = countFirst(ordersOf(parity, range, halves("odd", "even")));
  assert.deepEqual(counts, { server1: 62, server2: 63 });
});

test("servers of one half share it by remainder, and never take the other half's clients first", () => {
  const servers = halves("odd", "even", "odd", "even");
  const firsts = ["0.1", "0.2", "0.3", "0.4", "0.5", "0.6"].map((end) =>
    orderOf(servers, `192.168.${end}`).slice(0, 7),
  );
  assert.deepEqual(firsts, ["server1", "server2", "server3", "server4", "server1", "server2"]);
  const all = countFirst(ordersOf(parity, clientsOf(240), servers));
  assert.deepEqual(all, { server1: 60, server2: 60, server3: 60, server4: 60 });
});

test("with two servers for the odd and one for the even ones, that one has half of all", () => {
  const counts = countFirst(ordersOf(parity, clientsOf(240), halves("odd", "odd", "even")));
  assert.deepEqual(counts, { server1: 60, server2: 60, server3: 120 });
});

test("servers without a half take turns by the remainder of the address's last number", () => {
  const cases = [
    { address: "10.0.0.1", first: "server1" },
    { address: "10.0.0.2", first: "server2" },
    { address: "10.0.0.3", first: "server3" },
    { address: "10.0.0.4", first: "server1" },
    { address: "10.0.1.4", first: "server1" },
    { address: "10.0.0.129", first: "server3" },
    { address: "10.0.0.0", first: "server3" },
  ];
  for (const { address, first } of cases) assert.equal(orderOf(unmarked(3), address).slice(0, 7), first, address);
  assert.equal(orderOf(unmarked(2), "192.168.0.129"), "server1 server2");
});

test("a dead server's clients are spread over all others", () => {
  for (const servers of [unmarked(4), halves("odd", "even", "odd", "even")]) {
    const counts = countFirst(ordersOf(parity, clientsOf(240), servers), ["server1"]);
    for (const name of ["server2", "server3", "server4"]) {
      assert.ok(Math.abs((counts[name] ?? 0) - 80) <= 4, JSON.stringify(counts));
    }
  }
});

test("a half that nobody serves any more is shared by all", () => {
  const servers = halves("odd", "odd");
  assert.deepEqual(countFirst(ordersOf(parity, clientsOf(240), servers)), { server1: 120, server2: 120 });
});
