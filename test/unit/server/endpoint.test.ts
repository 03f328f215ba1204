import assert from "node:assert/strict";
import { test } from "node:test";
import { siteOrders } from "../../../src/balance/site-orders.ts";
import { type Ipv4, type Mac, parseCidr } from "../../../src/base/address.ts";
import { EverbootError } from "../../../src/base/errors.ts";
import type { LocalInterface } from "../../../src/net/interfaces.ts";
import { POLICIES } from "../../../src/registry.ts";
import {
  bootServerFor,
  chooseServer,
  floatingAddressesHere,
  installViewFor,
  lastingViewFor,
  listenAddresses,
  serverFor,
} from "../../../src/server/endpoint.ts";
import { exampleSite } from "../../support/sites.ts";

function nic(name: string, address: string, cidr: string): LocalInterface {
  const parsed = parseCidr(cidr);
  if (!parsed) throw new Error(cidr);
  return { name, address: address as Ipv4, cidr: parsed, mac: "02:00:00:00:00:01" as Mac };
}

const single = exampleSite("single");
const pair = exampleSite("pair");
const two = exampleSite("single", (text) =>
  text
    .replace("unknown: ignore", "  - {cidr: 192.168.78.0/24}\nunknown: ignore")
    .replace("interface: br0", "interface: [br0, br1]"),
);
const br0 = nic("br0", "192.168.77.1", "192.168.77.0/24");
const br1 = nic("br1", "192.168.78.1", "192.168.78.0/24");
const other = nic("eth9", "10.0.0.5", "10.0.0.0/24");

const failsWith = (message: RegExp) => (error: unknown) =>
  error instanceof EverbootError && message.test(error.message);

test("the only server needs no name", () => assert.equal(chooseServer(single, undefined, []).name, "one"));

test("of several, the one whose address this machine has", () => {
  assert.equal(chooseServer(pair, undefined, [nic("eth0", "192.168.0.12", "192.168.0.0/24")]).name, "server2");
  assert.equal(chooseServer(pair, "server1", []).name, "server1");
});

test("when it cannot be told, the names are listed", () => {
  assert.throws(() => chooseServer(pair, undefined, [other]), failsWith(/name one with --server \(server1, server2\)/));
  assert.throws(() => chooseServer(pair, "server3", []), failsWith(/no server server3/));
});

test("a server without its address is told before a socket opens", () => {
  const [server] = single.servers.values();
  assert.ok(server);
  assert.throws(() => listenAddresses(single, server, [other]), failsWith(/192\.168\.77\.1 is on no interface/));
});

test("it listens on its own address and in each subnet that it is connected to by a named interface", () => {
  const [server] = two.servers.values();
  assert.ok(server);
  assert.deepEqual(listenAddresses(two, server, [other, br1, br0]), ["192.168.77.1", "192.168.78.1"]);
  const [only] = single.servers.values();
  assert.ok(only);
  assert.deepEqual(listenAddresses(single, only, [br0, br1, other]), ["192.168.77.1"]);
});

test("a client is given the address in its own subnet, one behind a relay the server's own", () => {
  const [server] = two.servers.values();
  assert.ok(server);
  const addresses = listenAddresses(two, server, [br0, br1]);
  assert.equal(serverFor(two, server, addresses, "192.168.78.9").address, "192.168.78.1");
  assert.equal(serverFor(two, server, addresses, "10.9.9.9").address, "192.168.77.1");
});

test("a host reaches the servers by the floating address of its first one, a stranger by our own", () => {
  const own = { address: "192.168.0.11" as Ipv4, httpPort: 80 };
  const order = siteOrders(pair, POLICIES);
  const view = lastingViewFor({ site: pair, self: "server1", fit: order, isAlive: () => false, own: () => own });
  // Even addresses are server2's, odd ones server1's.
  assert.deepEqual(view("192.168.0.128"), { address: "192.168.0.254", httpPort: 80, name: "server2" });
  assert.deepEqual(view("192.168.0.129"), { address: "192.168.0.253", httpPort: 80, name: "server1" });
  assert.equal(view("192.168.0.77"), own);
});

test("an install reaches the server that it was sent to by its floating address, dead or alive", () => {
  const [own, usual] = [
    { address: "192.168.0.11" as Ipv4, httpPort: 80 },
    { address: "192.168.0.253" as Ipv4, httpPort: 80 },
  ];
  const view = installViewFor({
    site: pair,
    self: "server1",
    isAlive: () => false,
    isFit: () => true,
    own: () => own,
    usual: () => usual,
  });
  assert.deepEqual(view("192.168.0.129", "server1"), { address: "192.168.0.253", httpPort: 80, name: "server1" });
  assert.deepEqual(view("192.168.0.129", "server2"), { address: "192.168.0.254", httpPort: 80, name: "server2" });
  for (const sentTo of [undefined, "server9"]) assert.equal(view("192.168.0.129", sentTo), usual);
});

test("without floating addresses an install reaches a living server by its own address, and passes a dead one over", () => {
  const plain = [...pair.servers.values()].map(({ floating: _, ...server }) => [server.name, server] as const);
  const [own, usual] = [
    { address: "192.168.0.77" as Ipv4, httpPort: 80 },
    { address: "192.168.0.78" as Ipv4, httpPort: 80 },
  ];
  const isAlive = (name: string) => name === "server1";
  const site = { servers: new Map(plain) };
  const isFit = () => true;
  const by = (self: string) => installViewFor({ site, self, isAlive, isFit, own: () => own, usual: () => usual });
  assert.equal(by("server1")("192.168.0.129", "server1"), own);
  assert.equal(by("server1")("192.168.0.129", "server2"), usual);
  assert.equal(by("server2")("192.168.0.129", "server1").address, "192.168.0.11");
});

test("floating addresses may come here that lie in a subnet that this server is on", () => {
  assert.deepEqual(floatingAddressesHere(pair, ["192.168.0.12" as Ipv4]), ["192.168.0.253", "192.168.0.254"]);
  assert.deepEqual(floatingAddressesHere(pair, ["10.0.0.4" as Ipv4]), []);
  assert.deepEqual(floatingAddressesHere(single, ["192.168.77.1" as Ipv4]), []);
});

const pairServers = () => [...pair.servers.values()];
const named = (name: string) => pair.servers.get(name) ?? assert.fail(name);
const bare = (name: string) => {
  const { floating: _floating, ...server } = named(name);
  return server;
};

test("an install is not sent to a server that lacks its version, whatever its permit says", () => {
  const [own, usual] = [
    { address: "192.168.0.11" as Ipv4, httpPort: 80 },
    { address: "192.168.0.254" as Ipv4, httpPort: 80 },
  ];
  const isFit = (server: string, client: string, version?: string) =>
    server === "server2" || client !== "192.168.0.129" || version !== "v2";
  const about = { site: pair, self: "server1", isAlive: () => true, isFit, own: () => own, usual: () => usual };
  const view = installViewFor(about);
  assert.equal(view("192.168.0.129", "server1", "v2"), usual);
  assert.equal(view("192.168.0.129", "server1", "v1").address, "192.168.0.253");
  assert.equal(view("192.168.0.129", "server2", "v2").address, "192.168.0.254");
});

test("without floating addresses a server that lacks the version tells one that has it, if one lives", () => {
  const own = { address: "192.168.0.77" as Ipv4, httpPort: 80 };
  const view = (fit: readonly string[], isAlive: boolean) =>
    lastingViewFor({
      ...{ site: pair, self: "server1", isAlive: () => isAlive, own: () => own },
      fit: () => fit.map(bare),
    })("192.168.0.129").address;
  assert.equal(view(["server1", "server2"], true), own.address);
  assert.equal(view(["server2", "server1"], true), own.address);
  assert.equal(view(["server2"], true), "192.168.0.12");
  assert.equal(view(["server2"], false), own.address);
});

const bootServers: ReadonlyArray<readonly [what: string, told: string | undefined, ...Parameters<typeof toldBy>]> = [
  ["all are fit: as DHCP has it", undefined, "server1", pairServers(), "12"],
  ["the first that is fit, living", "192.168.0.254", "server1", [named("server2")], "12"],
  ["the same, dead: its address has an heir", "192.168.0.254", "server1", [named("server2")], "1"],
  ["the same, by the server itself", "192.168.0.254", "server2", [named("server2")], "12"],
  ["without floating addresses a living one", "192.168.0.12", "server1", [bare("server2")], "12"],
  ["or the server itself", "192.168.0.12", "server2", [bare("server2")], ""],
  ["or, when it is dead, as DHCP has it", undefined, "server1", [bare("server2")], "1"],
];
function toldBy(self: string, fit: readonly ReturnType<typeof bare>[], alive: string): string | undefined {
  const host = [...pair.hosts.values()][0] ?? assert.fail();
  const isAlive = (name: string) => name !== self && alive.includes(name.slice(-1));
  return bootServerFor(pair, self, () => fit, isAlive)(host)?.address;
}
for (const [what, told, ...given] of bootServers) {
  test(`the server to boot from: ${what}`, () => assert.equal(toldBy(...given), told));
}
