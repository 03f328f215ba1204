import assert from "node:assert/strict";
import { test } from "node:test";
import type { Ipv4, Mac } from "../../../src/base/address.ts";
import type { BondSettings, NetworkPlan, PlannedBond } from "../../../src/bond/model.ts";
import type { LacpSide, ProcBonding, ProcMember } from "../../../src/bond/proc-bonding.ts";
import type { Link, NetworkReport } from "../../../src/bond/report.ts";
import { verifyNetwork } from "../../../src/bond/verify.ts";
import { hostNetwork } from "../../../src/os/network.ts";
import { matrixHosts } from "../../support/bond-matrix.ts";

const FIRST = "52:54:00:00:00:01" as Mac;
const SECOND = "52:54:00:00:00:02" as Mac;
const FOREIGN = "52:54:00:00:00:99" as Mac;
const NO_MAC = "00:00:00:00:00:00" as Mac;

/** What a machine reports whose network is as planned. Its NICs are called eth0, eth1, ... there. */
function cameUp(plan: NetworkPlan): NetworkReport {
  const { bond, nics, devices } = plan;
  const bondMac = bond?.mac ?? nics[0]?.mac;
  const keepsMacs = bond && (bond.fail_over_mac !== undefined || bond.mode.startsWith("balance-a"));
  const ports = nics.map(({ mac }, place): Link => {
    const shown = bond && !keepsMacs && bondMac !== undefined ? bondMac : mac;
    return { name: `eth${place}`, mtu: 1500, mac: shown, ...(shown !== mac && { permanentMac: mac }) };
  });
  const above = devices
    .filter(({ name }) => !nics.some((nic) => nic.name === name))
    .map(({ name, vlan, mtu = 1500 }): Link => {
      return { name, mtu, ...(bondMac && { mac: bondMac }), ...(vlan && { parent: vlan.parent }) };
    });
  const addressed = devices.filter(({ addressing }) => addressing.kind !== "none");
  return {
    bonds: bond ? [{ name: bond.name, text: textOf(bond) }] : [],
    links: [...ports, ...above],
    addresses: addressed.map(({ name, addressing }, place) => ({
      device: nics.some((nic) => nic.name === name) ? "eth0" : name,
      address: addressing.kind === "static" ? addressing.address : (`192.0.2.${place + 1}` as Ipv4),
      prefix: addressing.kind === "static" ? addressing.prefix : 24,
    })),
    routes: devices.flatMap(({ addressing }) =>
      addressing.kind === "static" && addressing.router ? [{ to: "default", via: addressing.router }] : [],
    ),
    missing: [],
  };
}

function textOf({ name: _name, members, primary, mac: _mac, ...declared }: PlannedBond): ProcBonding {
  const { num_grat_arp: _unseen, ...settings }: BondSettings = { miimon: 0, ...declared };
  const nameOf = (mac: Mac) => `eth${members.findIndex((each) => each.mac === mac)}`;
  const end: LacpSide = { churn: "none", system: "02:00:00:00:00:01" as Mac, state: 63 };
  return {
    ...{ kind: "bond", status: "up", settings, unknown: [], active: "eth0" },
    ...(primary && { primary: nameOf(primary.mac) }),
    members: members.map(({ mac }) => ({
      ...{ name: nameOf(mac), status: "up", failures: 0, mac },
      ...(settings.mode === "802.3ad" && { aggregator: 1, actor: end, partner: end }),
    })),
  };
}

const NETWORK: NetworkPlan = {
  hostname: "db1",
  nics: [
    { name: "nic0", mac: FIRST },
    { name: "nic1", mac: SECOND },
  ],
  bond: {
    ...{ name: "bond0", mode: "active-backup", miimon: 100, updelay: 200, mac: FIRST },
    members: [
      { name: "nic0", mac: FIRST },
      { name: "nic1", mac: SECOND },
    ],
    primary: { name: "nic0", mac: FIRST },
  },
  devices: [
    { name: "bond0", addressing: { kind: "none" }, mtu: 9000 },
    {
      ...{ name: "bond0.100", vlan: { id: 100, parent: "bond0" }, mtu: 9000 },
      addressing: {
        ...{ kind: "static", address: "10.20.1.3" as Ipv4, prefix: 16, router: "10.20.0.1" as Ipv4, dns: [] },
      },
    },
  ],
};
const bondOf = (plan: NetworkPlan): PlannedBond => {
  assert.ok(plan.bond);
  return plan.bond;
};
/** The plan with other settings of its bond. */
const planned = (settings: Partial<BondSettings>): NetworkPlan => ({
  ...NETWORK,
  bond: { ...bondOf(NETWORK), ...settings },
});
/** The plan with ARP monitoring. */
function askedByArp(target: string): NetworkPlan {
  const { miimon: _miimon, updelay: _updelay, ...bond } = bondOf(NETWORK);
  return { ...NETWORK, bond: { ...bond, arp_interval: 1000, arp_ip_target: [target as Ipv4] } };
}
const LACP = planned({ mode: "802.3ad" });

/** As planned, but for the bond's text. */
function withText(plan: NetworkPlan, change: (text: ProcBonding) => Partial<ProcBonding>): NetworkReport {
  const text = textOf(bondOf(plan));
  return { ...cameUp(plan), bonds: [{ name: "bond0", text: { ...text, ...change(text) } }] };
}
/** As planned, but for the second member. */
function withSecond(plan: NetworkPlan, change: Partial<ProcMember>): NetworkReport {
  return withText(plan, ({ members }) => ({
    members: members.map((member, place) => (place === 1 ? { ...member, ...change } : member)),
  }));
}
function withLink(plan: NetworkPlan, name: string, change: Partial<Link>): NetworkReport {
  const report = cameUp(plan);
  return { ...report, links: report.links.map((link) => (link.name === name ? { ...link, ...change } : link)) };
}
const without = (name: string) => {
  const report = cameUp(NETWORK);
  return { ...report, links: report.links.filter((link) => link.name !== name) };
};
const alone: Partial<ProcMember> = { partner: { system: NO_MAC, state: 1 }, actor: { state: 69 } };

test("every host of the matrix that came up as planned is verified", () => {
  const hosts = matrixHosts({ family: "debian", release: "bookworm" });
  for (const host of hosts) {
    const plan = hostNetwork(host, host.nics[1] ?? host.nics[0]);
    assert.deepEqual(verifyNetwork(plan, cameUp(plan)), [], host.name);
  }
  assert.ok(hosts.length >= 40);
});

const CASES: ReadonlyArray<readonly [string, NetworkPlan, NetworkReport, readonly string[]]> = [
  ["all is well, a delay rounded by the kernel", planned({ updelay: 250 }), cameUp(NETWORK), []],
  [
    "no bond at all",
    NETWORK,
    { ...cameUp(NETWORK), bonds: [], links: cameUp(NETWORK).links.slice(0, 2) },
    ["there is no bond bond0", "VLAN device bond0.100 is missing"],
  ],
  [
    "a bond of another name",
    NETWORK,
    { ...cameUp(NETWORK), bonds: [{ name: "bond1", text: textOf(bondOf(NETWORK)) }] },
    ["there is no bond bond0 (but bond1)"],
  ],
  [
    "no bond's text",
    NETWORK,
    { ...cameUp(NETWORK), bonds: [{ name: "bond0", text: { kind: "refused", why: "it has no line `Bonding Mode`" } }] },
    ["the text on bond0 cannot be read: it has no line `Bonding Mode`"],
  ],
  [
    "half a text",
    NETWORK,
    withText(NETWORK, () => ({ truncated: "Link Failure Count of eth1" })),
    ["the text on bond0 ends early (no Link Failure Count of eth1)"],
  ],
  [
    "wrong mode and monitoring",
    NETWORK,
    withText(NETWORK, () => ({ settings: { mode: "balance-rr", miimon: 0, updelay: 0 } })),
    [
      "mode of bond0 is balance-rr, not active-backup",
      "miimon of bond0 is 0, not 100",
      "updelay of bond0 is 0, not 200",
    ],
  ],
  [
    "nobody asked by ARP",
    askedByArp("10.20.0.1"),
    withText(NETWORK, () => ({ settings: { mode: "active-backup", miimon: 0 } })),
    ["arp_interval of bond0 is 0, not 1000"],
  ],
  [
    "somebody else asked by ARP",
    askedByArp("10.20.0.1"),
    cameUp(askedByArp("10.20.0.9")),
    ["arp_ip_target of bond0 is 10.20.0.9, not 10.20.0.1"],
  ],
  [
    "another primary",
    NETWORK,
    withText(NETWORK, () => ({ primary: "eth1" })),
    [`the primary of bond0 is eth1, not ${FIRST}`],
  ],
  [
    "a member missing",
    NETWORK,
    withText(NETWORK, ({ members }) => ({ members: members.slice(0, 1) })),
    [`${SECOND} is not a member of bond0`],
  ],
  [
    "a foreign member in its place",
    NETWORK,
    { ...withSecond(NETWORK, { mac: FOREIGN, name: "eth7" }) },
    [`${SECOND} is not a member of bond0`, `eth7 (${FOREIGN}) is a member of bond0 and was not declared`],
  ],
  ["a member down", NETWORK, withSecond(NETWORK, { status: "down" }), ["eth1 is down"]],
  [
    "a member with another address",
    NETWORK,
    withLink(NETWORK, "eth1", { mac: SECOND }),
    [`eth1 has the address ${SECOND}, and bond0 has ${FIRST}`],
  ],
  [
    "a bond with an address of its own",
    planned({ fail_over_mac: "active" }),
    withLink(planned({ fail_over_mac: "active" }), "bond0", { mac: FOREIGN }),
    [`the address of bond0, ${FOREIGN}, is no member's own`],
  ],
  [
    "a NIC that kept the bond's address over a restart is known by what the NIC itself says",
    NETWORK,
    withSecond(NETWORK, { mac: FIRST }),
    [],
  ],
  [
    "and is told where it says nothing",
    NETWORK,
    {
      ...withSecond(NETWORK, { mac: FIRST }),
      links: cameUp(NETWORK).links.map(({ permanentMac: _, ...link }) => link),
    },
    [`${SECOND} is not a member of bond0`, "eth1 shows the permanent address of another member"],
  ],
  [
    "no LACP partner on one",
    LACP,
    withSecond(LACP, alone),
    ["no LACP partner answers on eth1 (its address is all zeros)"],
  ],
  [
    "different aggregators",
    LACP,
    withSecond(LACP, { aggregator: 2 }),
    ["the members are in different aggregators (eth0 in 1, eth1 in 2), so only one of them carries traffic"],
  ],
  [
    "a missing address",
    NETWORK,
    { ...cameUp(NETWORK), addresses: [{ device: "lo", address: "127.0.0.1" as Ipv4, prefix: 8 }] },
    ["bond0.100 lacks its address 10.20.1.3/16"],
  ],
  [
    "the address on another device",
    NETWORK,
    { ...cameUp(NETWORK), addresses: [{ device: "bond0", address: "10.20.1.3" as Ipv4, prefix: 16 }] },
    ["10.20.1.3 is on bond0, not on bond0.100"],
  ],
  [
    "another prefix",
    NETWORK,
    { ...cameUp(NETWORK), addresses: [{ device: "bond0.100", address: "10.20.1.3" as Ipv4, prefix: 24 }] },
    ["10.20.1.3 on bond0.100 is a /24, not a /16"],
  ],
  ["no router", NETWORK, { ...cameUp(NETWORK), routes: [] }, ["there is no default route by 10.20.0.1"]],
  ["no VLAN", NETWORK, without("bond0.100"), ["VLAN device bond0.100 is missing"]],
  [
    "a VLAN on a member",
    NETWORK,
    withLink(NETWORK, "bond0.100", { parent: "eth0" }),
    ["bond0.100 lies on eth0, not on bond0"],
  ],
  ["another MTU", NETWORK, withLink(NETWORK, "bond0", { mtu: 1500 }), ["the MTU of bond0 is 1500, not 9000"]],
  [
    "a report without its second half",
    NETWORK,
    { ...cameUp(NETWORK), addresses: [], routes: [], missing: ["the addresses", "the routes", "its end"] },
    ["the report lacks the addresses", "the report lacks the routes", "the report lacks its end"],
  ],
  [
    "no NIC of that address",
    {
      hostname: "vm1",
      nics: [{ name: "nic0", mac: FOREIGN }],
      devices: [{ name: "nic0", addressing: { kind: "dhcp" } }],
    },
    cameUp(NETWORK),
    [`there is no NIC ${FOREIGN}`],
  ],
  [
    "no answer of DHCP",
    {
      hostname: "vm1",
      nics: [{ name: "nic0", mac: FIRST }],
      devices: [{ name: "nic0", addressing: { kind: "dhcp" } }],
    },
    cameUp(NETWORK),
    ["eth0 has no address"],
  ],
];

for (const [name, plan, report, whats] of CASES) {
  test(`${name}: ${whats.length === 0 ? "verified" : "told"}`, () => {
    const differences = verifyNetwork(plan, report);
    assert.deepEqual(
      differences.map(({ what }) => what),
      whats,
    );
    for (const { todo } of differences) assert.ok(todo.length > 0);
  });
}

test("a report of nothing verifies nothing", () => {
  const empty: NetworkReport = { bonds: [], links: [], addresses: [], routes: [], missing: ["the links"] };
  assert.deepEqual(
    verifyNetwork(NETWORK, empty).map(({ what }) => what),
    ["the report lacks the links", "there is no bond bond0"],
  );
});
