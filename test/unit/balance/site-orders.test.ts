import assert from "node:assert/strict";
import { test } from "node:test";
import type { Client, Loads } from "../../../src/balance/policy.ts";
import { agreedOrders, ordersByLoad, siteOrders } from "../../../src/balance/site-orders.ts";
import { POLICIES } from "../../../src/registry.ts";
import { exampleSite } from "../../support/sites.ts";
import { clientsOf } from "./fleet.ts";

const STRANGER = { name: "52:54:00:00:00:09", address: "192.168.0.201" } as Client;

function namesBy(balance: string, client: Client, loads?: () => Loads): string[] {
  const site = exampleSite("pair", (text) => text.replace("balance: parity", `balance: ${balance}`));
  return siteOrders(site, POLICIES, loads)(client).map(({ name }) => name);
}

test("the policy of the site file orders hosts and strangers", () => {
  assert.deepEqual(namesBy("parity", STRANGER), ["server1", "server2"]);
  assert.deepEqual(namesBy("parity", { ...STRANGER, address: "192.168.0.202" } as Client), ["server2", "server1"]);
  for (const balance of POLICIES.keys()) {
    assert.deepEqual(namesBy(balance, STRANGER).sort(), ["server1", "server2"], balance);
  }
});

test("weights of the site file count", () => {
  const site = exampleSite("pair", (text) =>
    text.replace("balance: parity", "balance: rendezvous").replace("serves: even", "weight: 3"),
  );
  const order = siteOrders({ ...site, hosts: new Map() }, POLICIES);
  const firsts = clientsOf(1000, "52:54:00:").map((client) => order(client)[0]?.name);
  const heavy = firsts.filter((name) => name === "server2").length;
  assert.ok(heavy > 700 && heavy < 800, `${heavy}`);
});

test("figures are asked for at each order", () => {
  const busy = { rate: 0, installs: 1000 };
  const idle = { rate: 0, installs: 0 };
  const told: Loads[] = [
    new Map([
      ["server1", busy],
      ["server2", idle],
    ]),
    new Map([
      ["server1", idle],
      ["server2", busy],
    ]),
  ];
  const site = { ...exampleSite("pair"), balance: "least-loaded" };
  const order = siteOrders(site, POLICIES, () => told.shift() ?? new Map());
  assert.equal(order(STRANGER)[0]?.name, "server2");
  assert.equal(order(STRANGER)[0]?.name, "server1");
});

test("what all servers name alike is the policy's own order, and rendezvous where that goes by load", () => {
  const site = exampleSite("pair");
  const rendezvous = siteOrders({ ...site, balance: "rendezvous" }, POLICIES);
  for (const balance of POLICIES.keys()) {
    const expected = balance === "least-loaded" ? rendezvous : siteOrders({ ...site, balance }, POLICIES);
    const agreed = agreedOrders({ ...site, balance }, POLICIES);
    for (const host of site.hosts.values()) assert.deepEqual(agreed(host), expected(host), balance);
    assert.equal(ordersByLoad({ ...site, balance }, POLICIES) !== undefined, balance === "least-loaded", balance);
  }
});

test("a policy that there is not is a bug", () => {
  assert.throws(() => siteOrders({ ...exampleSite("pair"), balance: "fair" }, POLICIES), /no balance policy fair/);
});
