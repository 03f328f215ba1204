import assert from "node:assert/strict";
import { test } from "node:test";
import { parse } from "yaml";
import type { Ipv4, Mac } from "../../../src/base/address.ts";
import type { NetworkPlan, Nic } from "../../../src/bond/model.ts";
import { netplanLacks, netplanNetwork, netplanYaml, renderNetplan } from "../../../src/bond/netplan.ts";

const first: Nic = { name: "nic0", mac: "52:54:00:00:00:01" as Mac };
const second: Nic = { name: "nic1", mac: "52:54:00:00:00:02" as Mac };
const targets = ["10.20.0.1", "10.20.0.2"] as Ipv4[];

const bonded: NetworkPlan = {
  hostname: "h1",
  nics: [first, second],
  bond: {
    name: "bond0",
    mode: "active-backup",
    arp_interval: 1000,
    arp_ip_target: targets,
    arp_validate: "all",
    num_grat_arp: 3,
    members: [first, second],
    primary: second,
    mac: first.mac,
  },
  devices: [
    { name: "bond0", addressing: { kind: "none" }, mtu: 9000 },
    {
      name: "bond0.100",
      vlan: { id: 100, parent: "bond0" },
      addressing: {
        kind: "static",
        address: "10.20.1.7" as Ipv4,
        prefix: 16,
        router: "10.20.0.1" as Ipv4,
        dns: targets,
        domain: "rack.example",
      },
    },
    { name: "bond0.200", vlan: { id: 200, parent: "bond0" }, addressing: { kind: "dhcp" } },
  ],
};

test("a bond watched by ARP, with a VLAN by hand and one by DHCP", () => {
  const [file, ...others] = renderNetplan(bonded);
  assert.deepEqual(others, []);
  assert.equal(file?.path, "/etc/netplan/01-everboot.yaml");
  assert.equal(file?.mode, 0o600);
  assert.equal(
    file?.text,
    `network:
  version: 2
  ethernets:
    nic0:
      match:
        macaddress: "52:54:00:00:00:01"
      set-name: nic0
      optional: true
      link-local: []
    nic1:
      match:
        macaddress: "52:54:00:00:00:02"
      set-name: nic1
      optional: true
      link-local: []
  bonds:
    bond0:
      interfaces:
        - nic0
        - nic1
      macaddress: "52:54:00:00:00:01"
      parameters:
        mode: active-backup
        arp-interval: 1000
        arp-ip-targets:
          - 10.20.0.1
          - 10.20.0.2
        arp-validate: all
        gratuitous-arp: 3
        primary: nic1
      mtu: 9000
      optional: true
      link-local: []
  vlans:
    bond0.100:
      id: 100
      link: bond0
      addresses:
        - 10.20.1.7/16
      routes:
        - to: 0.0.0.0/0
          via: 10.20.0.1
      nameservers:
        addresses:
          - 10.20.0.1
          - 10.20.0.2
        search:
          - rack.example
    bond0.200:
      id: 200
      link: bond0
      dhcp4: true
      dhcp-identifier: mac
`,
  );
});

test("one port has neither bonds nor VLANs", () => {
  const plan: NetworkPlan = {
    hostname: "h1",
    nics: [first],
    devices: [{ name: "nic0", addressing: { kind: "dhcp" } }],
  };
  assert.deepEqual(netplanNetwork(plan), {
    version: 2,
    ethernets: {
      nic0: { match: { macaddress: first.mac }, "set-name": "nic0", dhcp4: true, "dhcp-identifier": "mac" },
    },
  });
});

test("no value turns into a number or a boolean for a reader of YAML 1.1", () => {
  const value = { macs: ["52:54:00:00:00:01", "00:00:00:00:00:10", "aa:bb:cc:dd:ee:ff"], names: ["no", "on", "1e3"] };
  assert.deepEqual(parse(netplanYaml(value), { version: "1.1" }), value);
});

test("what netplan loses is told", () => {
  assert.deepEqual(netplanLacks({ mode: "active-backup", num_grat_arp: 3, arp_validate: "all" }), []);
  assert.deepEqual(netplanLacks({ mode: "active-backup", num_grat_arp: 0 }), ["num_grat_arp"]);
  assert.deepEqual(netplanLacks({ mode: "active-backup", arp_validate: "filter" }), ["arp_validate"]);
});
