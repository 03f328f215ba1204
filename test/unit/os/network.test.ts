/** From a host's declaration to the plan that every network stack is written from. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Mac } from "../../../src/base/address.ts";
import { hostNetwork } from "../../../src/os/network.ts";
import type { Host } from "../../../src/site/model.ts";
import { exampleSite } from "../../support/sites.ts";

const FIRST = "52:54:00:00:00:01" as Mac;
const SECOND = "52:54:00:00:00:02" as Mac;
const ADDRESS = {
  kind: "static",
  address: "192.168.77.101",
  prefix: 24,
  router: "192.168.77.1",
  dns: ["192.168.77.1"],
  domain: "lab.example",
};
const { router: _router, ...UNROUTED } = ADDRESS;

function hostWith(bond: string, more = ""): Host {
  const site = exampleSite("single", (text) =>
    text.replace(
      "    bond: {mode: active-backup, miimon: 100}\n",
      `${bond === "" ? "" : `    bond: ${bond}\n`}${more}`,
    ),
  );
  const host = site.hosts.get("vm1");
  assert.ok(host);
  return host;
}

test("without a bond the address is on the NIC that booted", () => {
  assert.deepEqual(hostNetwork(hostWith(""), SECOND), {
    hostname: "vm1",
    nics: [{ name: "nic1", mac: SECOND }],
    devices: [{ name: "nic1", addressing: ADDRESS }],
  });
});

test("a bond has the address, and the MAC of the NIC that booted", () => {
  const plan = hostNetwork(hostWith(`{primary: ${JSON.stringify(FIRST)}}`), SECOND);
  assert.deepEqual(plan.bond, {
    name: "bond0",
    mode: "active-backup",
    miimon: 100,
    members: [
      { name: "nic0", mac: FIRST },
      { name: "nic1", mac: SECOND },
    ],
    primary: { name: "nic0", mac: FIRST },
    mac: SECOND,
  });
  assert.deepEqual(plan.devices, [{ name: "bond0", addressing: ADDRESS }]);
});

test("a NIC outside the bond that booted does not give it its MAC: primary or first member do", () => {
  const third = "52:54:00:00:00:0a" as Mac;
  const bond = `{members: [${JSON.stringify(FIRST)}, ${JSON.stringify(SECOND)}], primary: ${JSON.stringify(SECOND)}}`;
  const host = { ...hostWith(bond), nics: [FIRST, SECOND, third] as [Mac, ...Mac[]] };
  assert.equal(hostNetwork(host, third).bond?.mac, SECOND);
  assert.equal(hostNetwork({ ...hostWith("{}"), nics: [third] }, third).bond?.mac, FIRST);
});

test("with fail_over_mac active the MAC moves with the active member: it is not pinned", () => {
  assert.equal(hostNetwork(hostWith("{fail_over_mac: active}"), FIRST).bond?.mac, undefined);
});

test("`vlan` takes the address to a tagged device; the bond itself has none", () => {
  const plan = hostNetwork(hostWith("{mode: 802.3ad, vlan: 100, mtu: 9000, device: bond7}"), FIRST);
  assert.deepEqual(plan.devices, [
    { name: "bond7", addressing: { kind: "none" }, mtu: 9000 },
    { name: "bond7.100", vlan: { id: 100, parent: "bond7" }, addressing: ADDRESS, mtu: 9000 },
  ]);
});

test("further VLANs beside it; the default gateway is where it was said", () => {
  const plan = hostNetwork(hostWith("{vlans: [{id: 5}, {id: 6, address: 10.0.6.7/24, router: 10.0.6.1}]}"), FIRST);
  assert.deepEqual(plan.devices, [
    { name: "bond0", addressing: UNROUTED },
    { name: "bond0.5", vlan: { id: 5, parent: "bond0" }, addressing: { kind: "dhcp" } },
    {
      name: "bond0.6",
      vlan: { id: 6, parent: "bond0" },
      addressing: { kind: "static", address: "10.0.6.7", prefix: 24, dns: [], router: "10.0.6.1" },
    },
  ]);
});

test("by DHCP where the host or its profile says so", () => {
  assert.deepEqual(hostNetwork(hostWith("{}", "    network: dhcp\n"), FIRST).devices, [
    { name: "bond0", addressing: { kind: "dhcp" } },
  ]);
});

test("NICs can be named otherwise", () => {
  const plan = hostNetwork(hostWith("{}"), FIRST, (mac) => `@${mac}@`);
  assert.deepEqual(
    plan.nics.map(({ name }) => name),
    [`@${FIRST}@`, `@${SECOND}@`],
  );
});
