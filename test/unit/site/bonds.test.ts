/** Bonds in the site file: what the kernel refuses, what disappoints, and what profile and site hand down. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { BOND_MODES, type BondMode } from "../../../src/bond/model.ts";
import { exampleSite, exampleText } from "../../support/sites.ts";
import { linesOf, testBroken, troublesOf } from "./broken.ts";

const BOND = "{mode: active-backup, miimon: 100}";
const bondEdit = (bond: string) => [[BOND, bond]] as const;

testBroken([
  {
    name: "both ways to watch links",
    edits: bondEdit("{miimon: 100, arp_interval: 1000, arp_ip_target: 192.168.77.1}"),
    lines: ["23:25: the kernel watches links by miimon or by arp_interval, not by both, leave one of them out"],
  },
  {
    name: "ARP requests to nobody",
    edits: bondEdit("{arp_interval: 1000}"),
    lines: ["23:12: arp_interval needs somebody to ask, add `arp_ip_target`, the router first"],
  },
  {
    name: "ARP targets without an interval",
    edits: bondEdit("{arp_ip_target: 192.168.77.1, arp_validate: all}"),
    lines: [
      "23:12: arp_ip_target does nothing without arp_interval, add `arp_interval: 1000`",
      "23:41: arp_validate needs arp_interval, add `arp_interval: 1000` and `arp_ip_target`",
    ],
  },
  {
    name: "a delay of miimon beside arp_interval",
    edits: bondEdit("{arp_interval: 1000, arp_ip_target: 192.168.77.1, updelay: 200}"),
    lines: ["23:61: updelay belongs to miimon, and this bond is watched by ARP, leave it out"],
  },
  {
    name: "too many targets",
    edits: bondEdit(
      `{arp_interval: 1000, arp_ip_target: [${Array.from({ length: 17 }, (_, i) => `192.168.77.${i + 1}`)}]}`,
    ),
    lines: ["23:32: the kernel takes 16 targets at most, keep the nearest ones"],
  },
  {
    name: "more links than there are",
    edits: bondEdit("{mode: 4, min_links: 3}"),
    lines: ["23:21: min_links 3 is more than the 2 members: the bond would never be up, lower it"],
  },
  {
    name: "VLANs twice, gateways twice, a gateway beside DHCP",
    edits: bondEdit(
      "{vlan: 7, vlans: [{id: 7}, {id: 8, router: 10.0.0.1}, {id: 9, address: 10.0.0.7/24, router: 10.0.0.1}]}",
    ),
    lines: [
      "23:34: VLAN 7 is listed twice, list it once",
      "23:54: DHCP tells the router here, leave it out, or add `address`",
      "23:103: there is one default gateway, and another VLAN has it, leave it out",
    ],
  },
  {
    name: "a device whose VLAN has no room for its name",
    edits: bondEdit("{device: storage-bond, vlan: 4000}"),
    lines: ["23:20: the VLAN's device storage-bond.4000 would have more than 15 characters, choose a shorter `device`"],
  },
  {
    name: "a device that a shell would mind",
    edits: bondEdit("{device: bond;0}"),
    lines: [
      '23:20: "bond;0" is no interface name, use up to 15 letters, digits, dots, hyphens and underscores, as in eth0',
    ],
  },
  {
    name: "values of no sense",
    edits: bondEdit("{mode: 7, miimon: 0, vlan: 4095, vlans: [{id: 1, address: 10.0.0.7}]}"),
    lines: [
      '23:18: `mode` cannot be "7", write one of balance-rr, active-backup, balance-xor, broadcast, 802.3ad, balance-tlb, balance-alb, 0, 1, 2, 3, 4, 5, 6, none',
      "23:29: `miimon` is 0, the least is 1",
      "23:38: `vlan` is 4095, the most is 4094",
      '23:69: "10.0.0.7" is no address with its network, write address and prefix length as in 10.0.100.7/24',
    ],
  },
]);

test("every option of every mode: the kernel's refusals are errors, and no others", () => {
  const arp: readonly BondMode[] = ["balance-rr", "active-backup", "balance-xor", "broadcast"];
  const primary: readonly BondMode[] = ["active-backup", "balance-tlb", "balance-alb"];
  const cases: ReadonlyArray<readonly [option: string, modes: readonly BondMode[]]> = [
    ["arp_interval: 1000, arp_ip_target: [192.168.77.1]", arp],
    ["arp_interval: 1000, arp_ip_target: [192.168.77.1], arp_validate: all", arp],
    ['primary: "52:54:00:00:00:01"', primary],
    ["primary_reselect: better", primary],
    ["lacp_rate: fast", ["802.3ad"]],
    ["xmit_hash_policy: layer3+4", BOND_MODES],
    ["ad_select: count", BOND_MODES],
    ["min_links: 1", BOND_MODES],
    ["num_grat_arp: 2", BOND_MODES],
    ["fail_over_mac: active", BOND_MODES],
    ["updelay: 200, downdelay: 300", BOND_MODES],
  ];
  for (const [option, modes] of cases) {
    for (const mode of BOND_MODES) {
      const lines = linesOf(withBond(`{mode: ${mode}, ${option}}`)).filter((line) => !/: (warning|hint): /.test(line));
      assert.equal(lines.length === 0, modes.includes(mode), `${mode}, ${option}: ${lines}`);
    }
  }
});

test("what boots badly is a warning, once for all the hosts that it is about", () => {
  const policy = exampleText("pair").replace("hosts:\n", "bond: {mode: 4, updelay: 200}\nhosts:\n");
  const two = policy.replace('["00:0C:29:6D:1C:F7"]', '["00:0C:29:6D:1C:F7", "00:0C:29:6D:1C:F8"]');
  assert.deepEqual(troublesOf(two.replace(/ {4}bond: .*\n/, "")), [
    "40:8: warning: bond of cli128, fileserver: mode 802.3ad needs LACP on the switch, and firmware does not speak it: without LACP fall-back the port stays blocked at network boot, switch on LACP fall-back (also called bypass, force-up, no suspend-individual) with at most 5 s",
  ]);
});

test("modes that need a static group, options without effect, delays that the kernel rounds", () => {
  const lines = linesOf(withBond("{mode: 0, miimon: 100, updelay: 150, lacp_rate: slow}"));
  assert.deepEqual(lines, [
    "23:48: mode balance-rr has no lacp_rate: the kernel refuses it, leave it out, or choose a mode of 802.3ad",
  ]);
  assert.deepEqual(
    linesOf(withBond("{mode: 0, miimon: 100, updelay: 150, min_links: 1}")).map((line) => line.slice(0, 90)),
    [
      "23:12: warning: bond of vm1: mode balance-rr needs a static link group on the switch, whic",
      "23:21: hint: bond of vm1: miimon sees the cable to the switch only: when the switch's upli",
      "23:34: warning: bond of vm1: the kernel makes 100 of updelay 150, write a multiple of 100",
      "23:48: warning: bond of vm1: min_links has no effect in mode balance-rr, leave it out; it ",
    ],
  );
});

test("a bond watched by ARP is told nothing", () => {
  assert.deepEqual(linesOf(withBond("{arp_interval: 1000, arp_ip_target: 192.168.77.1}")), []);
});

/** single.yaml with policies; `host` goes into vm1 in place of its bond. */
function bondOf(policies: { site?: string; profile?: string; host?: string }) {
  const { site, profile, host } = policies;
  return exampleSite("single", (text) =>
    text
      .replace(`    bond: ${BOND}\n`, host === undefined ? "" : `    bond: ${host}\n`)
      .replace("    tree: debian-12\n", profile === undefined ? "$&" : `$&    bond: ${profile}\n`)
      .replace("hosts:\n", site === undefined ? "$&" : `bond: ${site}\n$&`),
  );
}

test("profile and site hand a bond down to hosts with two NICs or more", () => {
  const site = bondOf({ site: "{mode: 802.3ad, lacp_rate: fast}", profile: "{miimon: 50}" });
  const members = ["52:54:00:00:00:01", "52:54:00:00:00:02"];
  const bond = { device: "bond0", mode: "802.3ad", miimon: 50, lacp_rate: "fast", vlans: [], members };
  assert.deepEqual(site.hosts.get("vm1")?.bond, bond);
  assert.equal(site.hosts.get("vm2")?.bond, undefined);
});

test("the nearer level wins, key by key; what it makes senseless goes", () => {
  const site = "{mode: 802.3ad, lacp_rate: fast, miimon: 50, updelay: 100}";
  const bond = (host: string) => {
    const { device: _d, vlans: _v, members: _m, ...rest } = bondOf({ site, host }).hosts.get("vm1")?.bond ?? {};
    return rest;
  };
  assert.deepEqual(bond("{vlan: 100}"), { mode: "802.3ad", lacp_rate: "fast", miimon: 50, updelay: 100, vlan: 100 });
  assert.deepEqual(bond("{mode: active-backup}"), { mode: "active-backup", miimon: 50, updelay: 100 });
  assert.deepEqual(bond("{mode: 1, arp_interval: 1000, arp_ip_target: 192.168.77.1}"), {
    mode: "active-backup",
    arp_interval: 1000,
    arp_ip_target: ["192.168.77.1"],
  });
});

test("`mode: none` takes a host out of the policy", () => {
  assert.equal(bondOf({ site: "{mode: 4}", host: "{mode: none}" }).hosts.get("vm1")?.bond, undefined);
});

function withBond(bond: string): string {
  return exampleText("single").replace(BOND, bond);
}
