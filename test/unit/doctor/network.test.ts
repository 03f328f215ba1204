/** What checks of addresses, DHCP and other servers make of the facts. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Ipv4, Mac } from "../../../src/base/address.ts";
import type { MachineLink } from "../../../src/bond/machine-network.ts";
import { judgeAddresses } from "../../../src/doctor/addresses.ts";
import { judgeClock } from "../../../src/doctor/clock.ts";
import { judgeAnswers, type OwnedAddress } from "../../../src/doctor/conflicts.ts";
import { judgeOffers, type ToldOffer } from "../../../src/doctor/dhcp.ts";
import type { Finding } from "../../../src/doctor/findings.ts";
import { judgePaths } from "../../../src/doctor/mtu.ts";
import { judgeNameServers, judgeNames, namesOf } from "../../../src/doctor/names.ts";
import { judgePorts } from "../../../src/doctor/ports.ts";
import { judgeReach, type PortState } from "../../../src/doctor/reach.ts";
import { interfacesOf } from "../../../src/doctor/scene.ts";
import { type Service, servicesOf } from "../../../src/doctor/services.ts";
import { judgeAdverts } from "../../../src/doctor/vrrp.ts";
import type { Site } from "../../../src/site/model.ts";
import { exampleSite } from "../../support/sites.ts";
import { INTERFACES, local, OWN_MAC, scene } from "./scene.ts";

const ids = (findings: readonly Finding[]) => findings.map(({ id }) => id);
const mac = (last: string) => `02:00:00:00:00:${last}` as Mac;
const ip = (text: string) => text as Ipv4;

function link(name: string, state: Partial<MachineLink> = {}): MachineLink {
  return { name, mac: OWN_MAC, up: true, carrier: true, mtu: 1500, addresses: [], ...state };
}

test("addresses and interfaces: each that is missing or dead", () => {
  const { site, server } = scene();
  const [own, linked] = INTERFACES;
  assert.ok(own && linked);
  const rows: ReadonlyArray<readonly [typeof INTERFACES, readonly MachineLink[], readonly string[]]> = [
    [[own, linked], [link("eth0"), link("eth1")], []],
    [[own, linked], [link("eth0", { carrier: false })], ["link-down"]],
    [[own, linked], [link("eth0", { up: false }), link("eth2", { carrier: false })], ["link-down"]],
    [[own], [], ["heartbeat-link-missing"]],
    [[local("eth0", "192.168.0.99", "192.168.0.0"), linked], [], ["address-missing"]],
    [[{ ...own, name: "eth7" }, linked], [], ["interface-missing"]],
    [[], [], ["address-missing", "interface-missing", "heartbeat-link-missing"]],
  ];
  for (const [interfaces, links, expected] of rows)
    assert.deepEqual(ids(judgeAddresses(site, server, interfaces, links)), expected);
});

test("an address without a link is this machine's all the same", () => {
  const address = { version: 4, address: "10.1.2.3", prefix: 20, dynamic: false } as const;
  const six = { version: 6, address: "fd00::1", prefix: 64, dynamic: false } as const;
  const found = interfacesOf(link("eth0", { carrier: false, addresses: [address, six] }));
  assert.deepEqual(found, [local("eth0", "10.1.2.3", "10.1.0.0", 20)]);
});

const offer = (server: string, more: Partial<ToldOffer> = {}): ToldOffer => ({
  ...{ server: ip(server), mac: mac("aa"), boots: false, ...more },
});
const lends = { address: ip("192.168.0.77") };

test("other DHCP servers, by the mode of the subnet", () => {
  const own = new Set([ip("192.168.0.11"), ip("192.168.0.253")]);
  const [authoritative] = exampleSite("pair").subnets;
  assert.ok(authoritative);
  const proxy = { ...authoritative, dhcp: "proxy" } as const;
  const rows = [
    [authoritative, [], []],
    [authoritative, [offer("192.168.0.253", { ...lends, boots: true })], []],
    [authoritative, [offer("192.168.0.1", lends)], ["dhcp-rogue"]],
    [authoritative, [offer("192.168.0.1", { ...lends, boots: true })], ["dhcp-rogue"]],
    [authoritative, [offer("192.168.0.1", { boots: true })], ["proxy-rogue"]],
    [proxy, [offer("192.168.0.1", lends)], []],
    [proxy, [], ["dhcp-silent"]],
    [proxy, [offer("192.168.0.1", lends), offer("192.168.0.2", lends)], ["dhcp-several"]],
    [proxy, [offer("192.168.0.1", lends), offer("192.168.0.1", { ...lends, mac: mac("bb") })], []],
    [proxy, [offer("192.168.0.1", { ...lends, boots: true })], ["proxy-rogue"]],
  ] as const;
  for (const [subnet, offers, expected] of rows)
    assert.deepEqual(ids(judgeOffers("eth0", [subnet], offers, own)), expected, JSON.stringify(offers));
  const [found] = judgeOffers("eth0", [authoritative], [offer("192.168.0.1", { ...lends, vendor: "Acme" })], own);
  assert.equal(
    found?.evidence,
    "192.168.0.1 at 02:00:00:00:00:aa (Acme) offered 192.168.0.77 to a machine that does not exist",
  );
});

test("addresses that others answer for", async () => {
  const own: OwnedAddress = { address: ip("192.168.0.11"), owner: "server server1", by: "self", isHere: true };
  const peer: OwnedAddress = { address: ip("192.168.0.12"), owner: "server server2", by: "server", isHere: false };
  const floating: OwnedAddress = {
    address: ip("192.168.0.254"),
    owner: "server server2 (floating)",
    by: "floating",
    isHere: false,
  };
  const host: OwnedAddress = {
    address: ip("192.168.0.128"),
    owner: "host cli128",
    by: [mac("c1"), mac("c2")],
    isHere: false,
  };
  const rows: ReadonlyArray<readonly [Readonly<Record<string, readonly Mac[]>>, readonly string[]]> = [
    [{}, []],
    [{ [peer.address]: [mac("12")], [floating.address]: [mac("12")], [host.address]: [mac("c2")] }, []],
    [{ [own.address]: [mac("aa")] }, ["address-taken"]],
    [{ [own.address]: [OWN_MAC] }, []],
    [{ [peer.address]: [mac("12"), mac("aa")] }, ["address-twice"]],
    [{ [peer.address]: [mac("12")], [floating.address]: [mac("aa")] }, ["address-taken"]],
    [
      { [peer.address]: [mac("12"), mac("13")], [floating.address]: [mac("12"), mac("13")] },
      ["address-twice", "address-twice"],
    ],
    [{ [host.address]: [mac("c1"), mac("aa")] }, ["address-taken"]],
    [{ [host.address]: [mac("c1"), mac("c2")] }, []],
  ];
  for (const [answers, expected] of rows) {
    const found = new Map(Object.entries(answers).map(([address, macs]) => [ip(address), macs]));
    const told = await judgeAnswers([own, peer, floating, host], found, new Set([OWN_MAC]), async () => undefined);
    assert.deepEqual(ids(told), expected, JSON.stringify(answers));
  }
  const held = new Map([peer, floating].map(({ address }) => [address, [mac("12")]]));
  const [twice] = await judgeAnswers([peer, { ...floating, isHere: true }], held, new Set(), async () => "Acme");
  assert.equal(twice?.what, "2 machines use address 192.168.0.254 of server server2 (floating)");
  assert.equal(twice.evidence, "this machine has it, and 02:00:00:00:00:12 (Acme) answers ARP");
  const elsewhere = await judgeAnswers(
    [floating],
    new Map([[floating.address, [mac("aa")]]]),
    new Set(),
    async () => "Acme",
  );
  assert.deepEqual(elsewhere, [], "where no server has its own address a holder is not known by it");
});

test("ports of another server: silent, closed, or its daemon away", () => {
  const { site, server } = scene();
  const services = servicesOf(site, server).filter(({ protocol }) => protocol === "tcp");
  const stateOf = (states: Readonly<Record<number, PortState>>, other: PortState) => (service: Service) => ({
    service,
    state: states[service.port] ?? other,
  });
  const rows: ReadonlyArray<readonly [Readonly<Record<number, PortState>>, PortState, readonly string[]]> = [
    [{}, "open", []],
    [{}, "silent", ["server-silent"]],
    [{}, "closed", ["daemon-away"]],
    [{ 2379: "open" }, "closed", ["daemon-away"]],
    [{ 2379: "closed" }, "silent", ["daemon-away"]],
    [{ 80: "silent" }, "open", ["port-silent"]],
    [{ 514: "closed" }, "open", ["port-closed"]],
    [{ 2379: "closed" }, "open", []],
  ];
  for (const [states, other, expected] of rows)
    assert.deepEqual(ids(judgeReach(server, services.map(stateOf(states, other)))), expected);
});

test("the ports that a server needs are those of its site", () => {
  const shown = (site: Site, name: string) => {
    const server = site.servers.get(name);
    assert.ok(server);
    return servicesOf(site, server)
      .map(({ protocol, port }) => `${protocol}/${port}`)
      .join(" ");
  };
  const withApi = (name: "single" | "pair", listen = "") =>
    exampleSite(name, (text) => `${text}\napi: {port: 8443${listen}}\n`);
  const withFiles = exampleSite("single", (text) =>
    `${text}\napi: off\n`
      .replace("interface: br0", "interface: br0, ftp: true")
      .replace("    tree: debian-12", "    tree: debian-12\n    via: nfs"),
  );
  const nfs = "tcp/2049 tcp/20048 tcp/111 udp/20048 udp/111";
  assert.equal(shown(withFiles, "one"), `udp/67 udp/4011 udp/69 tcp/80 tcp/21 ${nfs} udp/514 tcp/514`);
  const ofOne = "udp/67 udp/4011 udp/69 tcp/80 udp/514 tcp/514";
  assert.equal(shown(withApi("single"), "one"), `${ofOne} tcp/8443`);
  assert.equal(shown(withApi("single", ", listen: [192.168.77.1]"), "one"), `${ofOne} tcp/8443`);
  assert.equal(shown(withApi("single", ", listen: [127.0.0.1]"), "one"), ofOne);
  // It hands out the install name, so it answers for it.
  assert.equal(
    shown(withApi("pair"), "server1"),
    `${ofOne} udp/53 tcp/53 tcp/8443 udp/694 udp/7069 vrrp/0 tcp/2379 tcp/2380`,
  );
});

test("a port that is taken is told with who has it, as far as that can be seen", () => {
  const [service] = servicesOf(exampleSite("single"), scene().server);
  assert.ok(service);
  const owners = [{ pid: 7, program: "dnsmasq" }];
  const told = judgePorts([
    { service, where: "eth0", owners },
    { service, where: "eth1", owners: [] },
  ]);
  assert.deepEqual(
    told.map(({ what }) => what),
    [
      "UDP port 67 (DHCP) on eth0 is taken by dnsmasq (pid 7)",
      "UDP port 67 (DHCP) on eth1 is taken by another program",
    ],
  );
});

test("long packets that get lost, where short ones come back", () => {
  const path = { server: "server2", address: ip("192.168.0.12"), interface: "eth0", mtu: 9000 };
  const judged = (small: boolean, full: boolean) => ids(judgePaths([{ ...path, small, full }]));
  assert.deepEqual([judged(true, true), judged(true, false), judged(false, false)], [[], ["mtu-path"], []]);
});

test("clocks: within the doubt nothing is told", () => {
  const of = (ahead: number, doubt = 500, isKept: boolean | undefined = true) =>
    judgeClock({ isKept, offsets: [{ server: "server2", ahead, doubt }] });
  assert.deepEqual(ids(of(2400)), []);
  assert.deepEqual(ids(of(4000, 2500)), []);
  assert.equal(of(3000)[0]?.what, "the clock of server2 is 3 s ahead of this one's");
  assert.equal(of(-3000)[0]?.what, "the clock of server2 is 3 s behind this one's");
  assert.deepEqual(ids(of(-86_400_000)), ["clock-far"]);
  assert.equal(of(-86_400_000)[0]?.what, "the clock of server2 is 24 h behind this one's");
  assert.deepEqual(ids(of(0, 500, false)), ["clock-unkept"]);
  assert.deepEqual(ids(of(0, 500, undefined)), []);
});

test("names: those that this machine asks for, and the servers that machines ask", () => {
  const site = exampleSite("pair", (text) =>
    text
      .replace("http://192.168.0.12:2379", "http://etcd2.example:2379")
      .replace("release: bookworm,", "release: bookworm, upstream: http://deb.example/debian,"),
  );
  const names = namesOf(site);
  assert.deepEqual(names, [
    { name: "etcd2.example", use: "etcd" },
    { name: "deb.example", use: "upstream of tree debian-12" },
  ]);
  const told = judgeNames(names.map((each, index) => ({ ...each, trouble: index === 0 ? "ENOTFOUND" : undefined })));
  assert.deepEqual(
    told.map(({ what }) => what),
    ["name etcd2.example (etcd) is not known to this machine's DNS"],
  );
  const server = { address: ip("192.168.0.1"), subnet: "192.168.0.0/24" };
  assert.deepEqual(ids(judgeNameServers([{ ...server, trouble: undefined }])), []);
  assert.deepEqual(ids(judgeNameServers([{ ...server, trouble: "ETIMEOUT" }])), ["dns-silent"]);
});

test("adverts of VRRP that do not come from who holds an address", () => {
  const held = { server: "server2", from: ip("192.168.0.12"), address: ip("192.168.0.254"), interface: "eth0" };
  const heard = (...senders: string[]) => new Map([["eth0", new Set(senders.map(ip))]]);
  assert.deepEqual(ids(judgeAdverts([held], heard("192.168.0.12"))), []);
  const [told] = judgeAdverts([held], heard("192.168.0.13"));
  assert.equal(told?.what, "server2 holds 192.168.0.254, and its VRRP is not heard on eth0");
  assert.equal(told?.evidence, "in 1000 ms heard 192.168.0.13");
});
