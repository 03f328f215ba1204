import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ipv4FromNumber, macFromBytes } from "../../src/base/address.ts";
import {
  AD_SELECT,
  BOND_MODES,
  type BondMode,
  type BondSettings,
  FAIL_OVER_MAC,
  LACP_RATES,
  PRIMARY_RESELECT,
  XMIT_HASH_POLICIES,
} from "../../src/bond/model.ts";
import { type LacpSide, type ProcBonding, type ProcMember, parseProcBonding } from "../../src/bond/proc-bonding.ts";
import { parseReport } from "../../src/bond/report.ts";

const count = fc.nat(0xffff);
const mac = fc.uint8Array({ minLength: 6, maxLength: 6 }).map(macFromBytes);
const ipv4 = fc.integer({ min: 0, max: 0xffffffff }).map(ipv4FromNumber);
const name = fc.stringMatching(/^[a-z][a-z0-9.]{0,14}$/).filter((text) => text !== "None");

const side: fc.Arbitrary<LacpSide> = fc.record(
  {
    churn: fc.constantFrom("none", "monitoring", "churned"),
    churned: count,
    systemPriority: count,
    system: mac,
    key: count,
    portPriority: count,
    port: count,
    state: fc.nat(255),
  },
  { noNullPrototype: true },
);

const lacpEnds = fc.record({ aggregator: count, actor: side, partner: side }, { noNullPrototype: true });
const port = fc.record(
  {
    name,
    status: fc.constantFrom("up", "down", "going down", "going back"),
    failures: count,
    mac,
    queue: count,
    speed: count,
    duplex: fc.constantFrom("full", "half"),
  },
  { requiredKeys: ["name", "status", "failures", "mac", "queue"], noNullPrototype: true },
);

const memberOf = (mode: BondMode): fc.Arbitrary<ProcMember> =>
  mode === "802.3ad" ? fc.tuple(port, lacpEnds).map(([own, ends]) => ({ ...own, ...ends })) : port;

/** A bond as Linux 6.x prints it for root; what a mode does not have is absent. */
const bond: fc.Arbitrary<ProcBonding> = fc.constantFrom(...BOND_MODES).chain((mode) => {
  const hasPrimary = ["active-backup", "balance-tlb", "balance-alb"].includes(mode);
  const delays = fc.record({ miimon: count, updelay: count, downdelay: count }, { noNullPrototype: true });
  const arp = fc.option(
    fc.record(
      { arp_interval: fc.integer({ min: 1, max: 10_000 }), arp_ip_target: fc.array(ipv4, { maxLength: 16 }) },
      { noNullPrototype: true },
    ),
  );
  const primary = fc.option(fc.record({ name, reselect: fc.constantFrom(...PRIMARY_RESELECT) }));
  const own = fc.record({
    fail_over_mac: fc.constantFrom(...FAIL_OVER_MAC),
    xmit_hash_policy: fc.constantFrom(...XMIT_HASH_POLICIES),
    lacp_rate: fc.constantFrom(...LACP_RATES),
    ad_select: fc.constantFrom(...AD_SELECT),
    min_links: count,
  });
  const rest = fc.record({
    driver: fc.stringMatching(/^[5-7]\.[0-9]{1,2}\.[0-9]{1,3}[-+a-z0-9_.]{0,20}$/),
    status: fc.constantFrom("up" as const, "down" as const),
    active: fc.option(name, { nil: undefined }),
    peerNotifyDelay: count,
    members: fc.array(memberOf(mode), { maxLength: 6 }),
    lacp: fc.record({ active: fc.boolean(), systemPriority: count, system: mac }, { noNullPrototype: true }),
    aggregator: fc.oneof(
      fc.constant("none" as const),
      fc.record(
        { id: count, ports: count, actorKey: count, partnerKey: count, partner: mac },
        { noNullPrototype: true },
      ),
    ),
  });
  return fc.tuple(delays, arp, primary, own, rest).map(([times, asked, first, options, more]): ProcBonding => {
    const { fail_over_mac, xmit_hash_policy, lacp_rate, ad_select, min_links } = options;
    const settings: BondSettings = {
      mode,
      ...times,
      ...(asked ?? {}),
      ...(hasPrimary && first && { primary_reselect: first.reselect }),
      ...(mode === "active-backup" && { fail_over_mac }),
      ...((mode === "802.3ad" || mode === "balance-xor") && { xmit_hash_policy }),
      ...(mode === "802.3ad" && { lacp_rate, ad_select, min_links }),
    };
    const { driver, status, active, peerNotifyDelay, members, lacp, aggregator } = more;
    return {
      ...{ kind: "bond", driver, settings, status, peerNotifyDelay, members, unknown: [] },
      ...(hasPrimary && first && { primary: first.name }),
      ...(hasPrimary && active !== undefined && { active }),
      ...(asked && { arpMissedMax: 2, nsTargets: [] }),
      ...(mode === "802.3ad" && { lacp: { ...lacp, aggregator } }),
    };
  });
});

const MODE_TEXTS: Readonly<Record<BondMode, string>> = {
  "balance-rr": "load balancing (round-robin)",
  "active-backup": "fault-tolerance (active-backup)",
  "balance-xor": "load balancing (xor)",
  broadcast: "fault-tolerance (broadcast)",
  "802.3ad": "IEEE 802.3ad Dynamic link aggregation",
  "balance-tlb": "transmit load balancing",
  "balance-alb": "adaptive load balancing",
};

/** As bond_info_show_master() and bond_info_show_slave() of bond_procfs.c, Linux 6.x. */
function print(shown: ProcBonding): string {
  const { settings, driver, status, peerNotifyDelay, arpMissedMax } = shown;
  const { mode, fail_over_mac, xmit_hash_policy, arp_interval, arp_ip_target = [] } = settings;
  const failOver = fail_over_mac === undefined || fail_over_mac === "none" ? "" : ` (fail_over_mac ${fail_over_mac})`;
  const policy = xmit_hash_policy === undefined ? -1 : XMIT_HASH_POLICIES.indexOf(xmit_hash_policy);
  const lines = [
    `Ethernet Channel Bonding Driver: v${driver}`,
    "",
    `Bonding Mode: ${MODE_TEXTS[mode]}${failOver}`,
    ...(policy < 0 ? [] : [`Transmit Hash Policy: ${xmit_hash_policy} (${policy})`]),
    ...(["active-backup", "balance-tlb", "balance-alb"].includes(mode) ? activeLines(shown) : []),
    `MII Status: ${status}`,
    `MII Polling Interval (ms): ${settings.miimon}`,
    `Up Delay (ms): ${settings.updelay}`,
    `Down Delay (ms): ${settings.downdelay}`,
    `Peer Notification Delay (ms): ${peerNotifyDelay}`,
    ...(arp_interval === undefined
      ? []
      : [
          `ARP Polling Interval (ms): ${arp_interval}`,
          `ARP Missed Max: ${arpMissedMax}`,
          `ARP IP target/s (n.n.n.n form):${arp_ip_target.map((target) => ` ${target}`).join(",")}`,
          "NS IPv6 target/s (xx::xx form):",
        ]),
    ...lacpLines(shown),
    ...shown.members.flatMap((each) => memberLines(each, mode)),
  ];
  return lines.map((line) => `${line}\n`).join("");
}

function activeLines({ primary, active, settings }: ProcBonding): string[] {
  const first = primary === undefined ? "None" : `${primary} (primary_reselect ${settings.primary_reselect})`;
  return [`Primary Slave: ${first}`, `Currently Active Slave: ${active ?? "None"}`];
}

function lacpLines({ lacp, settings }: ProcBonding): string[] {
  if (!lacp) return [];
  const { aggregator } = lacp;
  return [
    "",
    "802.3ad info",
    `LACP active: ${lacp.active ? "on" : "off"}`,
    `LACP rate: ${settings.lacp_rate}`,
    `Min links: ${settings.min_links}`,
    `Aggregator selection policy (ad_select): ${settings.ad_select}`,
    `System priority: ${lacp.systemPriority}`,
    `System MAC address: ${lacp.system}`,
    ...(typeof aggregator === "object"
      ? [
          "Active Aggregator Info:",
          `\tAggregator ID: ${aggregator.id}`,
          `\tNumber of ports: ${aggregator.ports}`,
          `\tActor Key: ${aggregator.actorKey}`,
          `\tPartner Key: ${aggregator.partnerKey}`,
          `\tPartner Mac Address: ${aggregator.partner}`,
        ]
      : ["bond bond0 has no active aggregator"]),
  ];
}

function memberLines(each: ProcMember, mode: BondMode): string[] {
  return [
    "",
    `Slave Interface: ${each.name}`,
    `MII Status: ${each.status}`,
    `Speed: ${each.speed === undefined ? "Unknown" : `${each.speed} Mbps`}`,
    `Duplex: ${each.duplex ?? "Unknown"}`,
    `Link Failure Count: ${each.failures}`,
    `Permanent HW addr: ${each.mac}`,
    `Slave queue ID: ${each.queue}`,
    ...(mode === "802.3ad"
      ? [
          `Aggregator ID: ${each.aggregator}`,
          `Actor Churn State: ${each.actor?.churn}`,
          `Partner Churn State: ${each.partner?.churn}`,
          `Actor Churned Count: ${each.actor?.churned}`,
          `Partner Churned Count: ${each.partner?.churned}`,
          ...pduLines("actor", "port key", each.actor),
          ...pduLines("partner", "oper key", each.partner),
        ]
      : []),
  ];
}

function pduLines(end: string, key: string, pdu: LacpSide | undefined): string[] {
  return [
    `details ${end} lacp pdu:`,
    `    system priority: ${pdu?.systemPriority}`,
    `    system mac address: ${pdu?.system}`,
    `    ${key}: ${pdu?.key}`,
    `    port priority: ${pdu?.portPriority}`,
    `    port number: ${pdu?.port}`,
    `    port state: ${pdu?.state}`,
  ];
}

test("what the kernel prints is read back as it was", () => {
  fc.assert(fc.property(bond, (value) => assert.deepEqual(parseProcBonding(print(value)), value)));
});

test("without blank lines and indentation, and with carriage returns, it is the same", () => {
  fc.assert(
    fc.property(bond, (value) => {
      const lines = print(value).split("\n");
      const copied = lines.flatMap((line) => (line === "" ? [] : [line.trim()])).join("\r\n");
      assert.deepEqual(parseProcBonding(copied), value);
    }),
  );
});

test("wherever a bond is cut off, all members but the last are as they were, or it is refused", () => {
  fc.assert(
    fc.property(bond, fc.nat(), (value, place) => {
      const text = print(value);
      const read = parseProcBonding(text.slice(0, place % text.length));
      if (read.kind === "refused") return;
      assert.equal(read.settings.mode, value.settings.mode);
      const whole = read.members.slice(0, -1);
      assert.deepEqual(whole, value.members.slice(0, whole.length));
    }),
  );
});

const hostileLine = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.constantFrom(
    "Bonding Mode: transmit load balancing",
    "Slave Interface: eth0",
    "MII Status: up",
    "== links",
    "== end",
  ),
  fc
    .tuple(fc.constantFrom("Speed", "Aggregator ID", "port state", "== bond"), fc.string())
    .map((pair) => pair.join(": ")),
  fc.constantFrom("details actor lacp pdu:", "2: eth0@x: mtu mtu", "1: lo inet 1.2.3.4/99 peer", "default via via dev"),
);

test("any bytes give a bond or a refusal, and any report a report", () => {
  const text = fc.oneof(
    fc.uint8Array({ maxLength: 400 }).map((bytes) => Buffer.from(bytes).toString("utf8")),
    fc.array(hostileLine, { maxLength: 30 }).map((lines) => lines.join("\n")),
  );
  fc.assert(
    fc.property(text, (value) => {
      const { kind } = parseProcBonding(value);
      assert.ok(kind === "bond" || kind === "refused");
      assert.ok(Array.isArray(parseReport(value).missing));
    }),
    { numRuns: 1000 },
  );
});
