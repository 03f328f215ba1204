import assert from "node:assert/strict";
import { test } from "node:test";
import type { Ipv4 } from "../../../src/base/address.ts";
import { cutOffs, sessionOf } from "../../../src/bond/cut-off.ts";
import type { MachineNetwork } from "../../../src/bond/machine-network.ts";
import type { NetworkPlan } from "../../../src/bond/model.ts";
import { ADDRESS, ipv4, link, machineOf, planOf, ROUTER } from "./machine.ts";

const IPV6 = { version: 6, address: "2001:db8::5", prefix: 64, dynamic: false } as const;
const moved = { kind: "static", address: "10.0.0.6" as Ipv4, prefix: 24, router: ROUTER, dns: [] } as const;
const planWith = (addressing: NetworkPlan["devices"][number]["addressing"]) =>
  planOf({}, { devices: [{ name: "bond0", addressing }] });
const tagged = planOf(
  {},
  {
    devices: [
      { name: "bond0", addressing: { kind: "none" } },
      { name: "bond0.7", vlan: { id: 7, parent: "bond0" }, addressing: { ...moved, address: ADDRESS } },
    ],
  },
);

const CASES: ReadonlyArray<{
  readonly name: string;
  readonly machine?: MachineNetwork;
  readonly plan?: NetworkPlan;
  readonly ssh?: string;
  /** Of the first finding; none = it may go ahead. */
  readonly what?: RegExp;
}> = [
  { name: "an address that goes along" },
  { name: "a session that goes along", ssh: `10.0.0.9 5000 ${ADDRESS} 22` },
  { name: "a session from far away, by the router", ssh: `192.0.2.9 5000 ${ADDRESS} 22` },
  {
    name: "a session by another interface",
    machine: machineOf([link("eth2", { addresses: [ipv4("10.5.0.5")] })]),
    ssh: "10.5.0.9 5000 10.5.0.5 22",
  },
  {
    name: "a lease that goes along",
    machine: machineOf([link("eth0", { addresses: [ipv4(ADDRESS, { dynamic: true })] })]),
    plan: planWith({ kind: "dhcp" }),
  },
  {
    name: "an address of IPv6 that a router gave",
    machine: machineOf([link("eth0", { addresses: [ipv4(ADDRESS), { ...IPV6, dynamic: true }] })]),
  },
  {
    name: "a name that is taken",
    machine: machineOf([link("bond0", { kind: "bond" })]),
    what: /^there is a bond0 already$/,
  },
  {
    name: "a member of a bridge",
    machine: machineOf([link("eth1", { master: "br0" })]),
    what: /^eth1 belongs to br0$/,
  },
  {
    name: "a VLAN on a member",
    machine: machineOf([link("eth0.5", { kind: "vlan", parent: "eth0" })]),
    what: /^eth0.5 lies on eth0 and would stop$/,
  },
  {
    name: "a bridge for a member",
    machine: machineOf([link("eth1", { kind: "bridge" })]),
    what: /^eth1 is no port of Ethernet$/,
  },
  {
    name: "an address that stays elsewhere",
    machine: machineOf([link("eth0"), link("eth2", { addresses: [ipv4(ADDRESS)] })], { routes: [] }),
    what: /^10.0.0.5 is on eth2, which is no member$/,
  },
  {
    name: "a second address",
    machine: machineOf([link("eth0", { addresses: [ipv4(ADDRESS), ipv4("10.0.0.8")] })]),
    what: /^eth0 would lose 10.0.0.8\/24/,
  },
  {
    name: "a fixed address of IPv6",
    machine: machineOf([link("eth0", { addresses: [ipv4(ADDRESS), IPV6] })]),
    what: /^eth0 would lose 2001:db8::5\/64/,
  },
  { name: "a fixed address, and then DHCP", plan: planWith({ kind: "dhcp" }), what: /^eth0 would lose 10.0.0.5\/24/ },
  {
    name: "a default route by another interface",
    machine: machineOf([link("eth2")], { routes: [{ to: "default", device: "eth2", words: [] }] }),
    what: /^the default route is by eth2, which is no member$/,
  },
  {
    name: "a session whose address would go",
    plan: planWith(moved),
    ssh: `10.0.0.9 5000 ${ADDRESS} 22`,
    what: /^eth0 would lose 10.0.0.5\/24/,
  },
  {
    name: "a session into a tagged network",
    plan: tagged,
    ssh: `10.0.0.9 5000 ${ADDRESS} 22`,
    what: /^your SSH session uses 10.0.0.5, which would move to a tagged network$/,
  },
  {
    name: "a session without a way back",
    plan: planWith({ kind: "static", address: ADDRESS, prefix: 24, dns: [] }),
    ssh: `192.0.2.9 5000 ${ADDRESS} 22`,
    what: /^your SSH session comes from 192.0.2.9, and the bond would have no router/,
  },
];

for (const { name, machine = machineOf(), plan = planOf(), ssh, what } of CASES) {
  test(`${what ? "refused" : "allowed"}: ${name}`, () => {
    const [first, ...more] = cutOffs(plan, machine, sessionOf(ssh));
    if (what) assert.match(first?.what ?? "", what);
    else assert.deepEqual([first, ...more], [undefined]);
  });
}

test("the session whose address would go is told of as such", () => {
  const findings = cutOffs(planWith(moved), machineOf(), sessionOf(`10.0.0.9 5000 ${ADDRESS} 22`));
  assert.ok(findings.some(({ what }) => what === "your SSH session uses 10.0.0.5, which would go"));
});

test("without SSH there is no session", () => {
  assert.equal(sessionOf(undefined), undefined);
  assert.equal(sessionOf(""), undefined);
});
