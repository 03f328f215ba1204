import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { type Counters, judgeBond, LACP_STATE, type MemberFacts } from "../../../src/bond/health.ts";
import { type ProcBonding, parseProcBonding } from "../../../src/bond/proc-bonding.ts";

const FOLDER = join(import.meta.dirname, "../../fixtures/proc-bonding");

function bondOf(fixture: string): ProcBonding {
  const bond = parseProcBonding(readFileSync(join(FOLDER, `${fixture}.txt`), "utf8"));
  assert.ok(bond.kind === "bond");
  return bond;
}

const WATCH =
  "nobody watches the links (miimon is 0, and there is no arp_interval), so a dead cable would go unnoticed";
const COUNT_92028 = "em3 has lost its link 92028 times since it joined";

/** Reasons, then remarks, of what the text alone tells. */
const CASES: Readonly<Record<string, readonly [reasons: readonly string[], remarks?: readonly string[]]>> = {
  "ab-seeds-sles10": [[]],
  "ab-seeds-cable-pulled": [["eth0 is down", "only eth1 is up"], ["eth0 has lost its link once since it joined"]],
  "ab-3.7.1-both-down": [
    ["it is down", "eth0 is down", "eth1 is down"],
    ["eth0 has lost its link 2 times since it joined", "eth1 has lost its link 3 times since it joined"],
  ],
  "ab-3.7.1-no-members": [["it has no members"]],
  "ab-3.7.1-failure-arp": [[], [COUNT_92028, "p2p3 has lost its link 71524 times since it joined"]],
  "ab-3.6.0-primary-down": [["eth0 is down", "only eth1 is up"]],
  "ab-6.1-going-down": [["eth0 has just lost its link", "only eth1 is up"]],
  "ab-6.1-going-back": [
    ["eth0 has just got its link back", "only eth1 is up"],
    ["eth0 has lost its link once since it joined"],
  ],
  "ab-6.12-arp-ns": [
    ["enp2s0 is active though enp1s0 is primary, up, and should always be chosen"],
    ["enp1s0 has lost its link once since it joined"],
  ],
  "ab-6.4-sles-better": [[]],
  "ab-6.18-half-duplex": [["eth0 runs at half duplex"]],
  "rr-6.1-unwatched": [[WATCH]],
  "rr-6.12-arp": [["enp2s0 is down", "only enp1s0 is up"], ["enp2s0 has lost its link 4 times since it joined"]],
  "alb-6.8": [[]],
  "lacp-6.4-root": [
    [],
    ["macvlan1 has lost its link 2 times since it joined", "macvlan2 has lost its link 2 times since it joined"],
  ],
  "lacp-5.15-bluefield": [[]],
  "lacp-3.6.0-negotiated": [[]],
  "lacp-3.5.0-no-aggregator": [
    ["no aggregator is active, so nothing passes"],
    ["eth2 has lost its link 3 times since it joined"],
  ],
  "lacp-3.7.1-no-partner": [
    [
      "no LACP partner answers (its address is all zeros)",
      "the members are in different aggregators (h1-eth0 in 1, h1-eth1 in 2), so only one of them carries traffic",
    ],
  ],
  "lacp-3.7.1-one-port": [[], ["em2 is its only member"]],
  "lacp-6.1-half": [
    [
      "no LACP partner answers on eth1 (its address is all zeros)",
      "the members are in different aggregators (eth0 in 1, eth1 in 2), so only one of them carries traffic",
    ],
  ],
  "lacp-6.1-expired": [
    ["the LACP partner on eth1 has fallen silent"],
    ["eth1 has lost its link once since it joined", "LACP on eth1 is settling"],
  ],
  "lacp-6.1-member-down": [["eth1 is down", "only eth0 is up"], ["eth1 has lost its link 5 times since it joined"]],
  "lacp-6.12-mixed-speed": [
    [
      "the members are in different aggregators (eth0 in 1, eth1 in 2), so only one of them carries traffic",
      "eth1 is up, but LACP keeps it out of use",
    ],
  ],
  "cut-in-member": [["what is known of it ends early (no Link Failure Count of eth1)"]],
  "cut-after-name": [["what is known of it ends early (no MII Status of eth1)"]],
};

for (const [fixture, [reasons, remarks = []]] of Object.entries(CASES)) {
  test(`${fixture}: ${reasons.length === 0 ? "healthy" : "degraded"}`, () => {
    const health = judgeBond(bondOf(fixture));
    assert.deepEqual(
      health.reasons.map(({ what }) => what),
      reasons,
    );
    assert.deepEqual(
      health.remarks.map(({ what }) => what),
      remarks,
    );
    assert.equal(health.healthy, reasons.length === 0);
    for (const { todo } of [...health.reasons, ...health.remarks]) assert.ok(todo.length > 0);
  });
}

const counters = (rxPackets: number, txPackets: number, errors = 0): Counters => ({
  ...{ rxPackets, txPackets, rxErrors: errors, txErrors: 0 },
});

function reasonsWith(fixture: string, facts: Readonly<Record<string, MemberFacts>>): string[] {
  return judgeBond(bondOf(fixture), new Map(Object.entries(facts))).reasons.map(({ what }) => what);
}

test("balance-rr: both members carry traffic, 1406 and 1411 of 2817 packets", () => {
  const even = { eth0: { counters: counters(1406, 1406) }, eth1: { counters: counters(1411, 1411) } };
  assert.deepEqual(reasonsWith("rr-3.4.0", even), []);
});

test("balance-rr: one member carries all traffic", () => {
  const uneven = { eth0: { counters: counters(2817, 2817) }, eth1: { counters: counters(3, 0) } };
  const { reasons, remarks } = judgeBond(bondOf("rr-3.4.0"), new Map(Object.entries(uneven)));
  assert.deepEqual(
    [...reasons, ...remarks].map(({ what }) => what),
    ["eth1 is up and sends next to nothing, though all members should send by turns", "eth1 receives next to nothing"],
  );
});

test("active-backup: of course one member carries all traffic, and a few packets say nothing in balance-rr", () => {
  const uneven = (packets: number) => ({
    eth0: { counters: counters(packets, packets) },
    eth1: { counters: counters(0, 0) },
  });
  assert.deepEqual(reasonsWith("ab-seeds-sles10", uneven(1_000_000)), []);
  assert.deepEqual(reasonsWith("rr-3.4.0", uneven(50)), []);
});

test("a cable that damages more than one packet in 1000", () => {
  assert.deepEqual(reasonsWith("ab-seeds-sles10", { eth0: { counters: counters(60_000, 40_000, 100) } }), []);
  assert.deepEqual(reasonsWith("ab-seeds-sles10", { eth0: { counters: counters(60_000, 40_000, 101) } }), [
    "eth0 has more than one error in 1000 packets",
  ]);
});

test("who is not root learns of LACP from sysfs", () => {
  const { activity, aggregation, defaulted, synchronization } = LACP_STATE;
  const good = { actorState: 63, partnerState: 61 };
  const alone = { actorState: activity | aggregation | synchronization | defaulted, partnerState: activity };
  assert.deepEqual(reasonsWith("lacp-6.4-not-root", { macvlan1: good, macvlan2: good }), []);
  assert.deepEqual(reasonsWith("lacp-6.4-not-root", { macvlan1: good, macvlan2: alone }), [
    "no LACP partner answers on macvlan2 (its address is all zeros)",
  ]);
  assert.deepEqual(reasonsWith("lacp-6.4-not-root", { macvlan1: good, macvlan2: { ...good, partnerState: 5 } }), [
    "the switch does not take macvlan2 into its link group",
  ]);
});
