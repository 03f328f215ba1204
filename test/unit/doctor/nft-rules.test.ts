import assert from "node:assert/strict";
import { test } from "node:test";
import { dropOf, type NftObject, type Packet } from "../../../src/doctor/nft-rules.ts";

const PLACE = { family: "inet", table: "f" };
const INPUT = { chain: { ...PLACE, name: "i", hook: "input", type: "filter", prio: 0, policy: "accept" } };
const STRICT_INPUT = { chain: { ...INPUT.chain, policy: "drop" } };

/** As nft 1.0.6 writes them. */
const rule = (chain: string, ...expr: object[]): NftObject => ({
  rule: { ...PLACE, chain, expr: expr as Record<string, unknown>[] },
});
const match = (left: object, right: unknown, op = "==") => ({ match: { op, left, right } });
const dport = (protocol: string, right: unknown, op?: string) =>
  match({ payload: { protocol, field: "dport" } }, right, op);
const DROP = { drop: null };
const ACCEPT = { accept: null };
const REJECT = { reject: { type: "icmpx", expr: "port-unreachable" } };
const COUNTER = { counter: { packets: 0, bytes: 0 } };
const FROM_NET = match({ payload: { protocol: "ip", field: "saddr" } }, { prefix: { addr: "10.0.0.0", len: 8 } });
const KNOWN = match({ ct: { key: "state" } }, ["established", "related"], "in");
const NEW = match({ ct: { key: "state" } }, ["new"], "in");
const on = (device: string) => match({ meta: { key: "iifname" } }, device);

const TFTP: Packet = { interface: "eth0", protocol: "udp", port: 69 };
const HTTP: Packet = { interface: "eth0", protocol: "tcp", port: 80 };
const VRRP: Packet = { interface: "eth0", protocol: "vrrp", port: 0 };

const ROWS: ReadonlyArray<readonly [what: string, objects: readonly NftObject[], packet: Packet, dropped: boolean]> = [
  ["no rules", [], TFTP, false],
  ["a port is dropped", [INPUT, rule("i", dport("udp", 69), DROP)], TFTP, true],
  ["a port is rejected", [INPUT, rule("i", dport("udp", 69), COUNTER, REJECT)], TFTP, true],
  ["another port is dropped", [INPUT, rule("i", dport("udp", 70), DROP)], TFTP, false],
  ["the port of another protocol is dropped", [INPUT, rule("i", dport("tcp", 69), DROP)], TFTP, false],
  ["of either protocol", [INPUT, rule("i", dport("th", 69), DROP)], TFTP, true],
  ["of another interface", [INPUT, rule("i", on("eth1"), dport("udp", 69), DROP)], TFTP, false],
  ["of interfaces by their beginning", [INPUT, rule("i", on("eth*"), dport("udp", 69), DROP)], TFTP, true],
  ["a set", [INPUT, rule("i", dport("udp", { set: [67, 69] }), DROP)], TFTP, true],
  ["a range in a set", [INPUT, rule("i", dport("udp", { set: [67, { range: [68, 70] }] }), DROP)], TFTP, true],
  [
    "a named set",
    [INPUT, { set: { ...PLACE, name: "s", elem: [514, 69] } }, rule("i", dport("udp", "@s"), DROP)],
    TFTP,
    true,
  ],
  ["all but a port", [INPUT, rule("i", dport("udp", 67, "!="), DROP)], TFTP, true],
  ["from one network: not known", [INPUT, rule("i", FROM_NET, dport("udp", 69), DROP)], TFTP, false],
  ["the policy", [STRICT_INPUT], TFTP, true],
  ["the policy, after what lets answers in", [STRICT_INPUT, rule("i", KNOWN, ACCEPT)], TFTP, true],
  ["new ones are let in", [STRICT_INPUT, rule("i", NEW, ACCEPT)], TFTP, false],
  ["let in before the policy", [STRICT_INPUT, rule("i", dport("udp", 69), ACCEPT)], TFTP, false],
  ["let in from one network", [STRICT_INPUT, rule("i", FROM_NET, ACCEPT)], TFTP, false],
  [
    "let in from one network for another port",
    [STRICT_INPUT, rule("i", FROM_NET, dport("tcp", 22), ACCEPT)],
    TFTP,
    true,
  ],
  ["let in and then dropped", [INPUT, rule("i", dport("udp", 69), ACCEPT), rule("i", DROP)], TFTP, false],
  ["VRRP by its name", [INPUT, rule("i", match({ meta: { key: "l4proto" } }, "vrrp"), DROP)], VRRP, true],
  ["VRRP by the policy", [STRICT_INPUT, rule("i", dport("udp", 694), ACCEPT)], VRRP, true],
  ["all UDP", [INPUT, rule("i", match({ payload: { protocol: "ip", field: "protocol" } }, "udp"), DROP)], HTTP, false],
  ["dropped in another chain", [INPUT, rule("i", { jump: { target: "o" } }), rule("o", DROP)], HTTP, true],
  [
    "come back from another chain",
    [STRICT_INPUT, rule("i", { jump: { target: "o" } }), rule("o", { return: null })],
    HTTP,
    true,
  ],
  [
    "gone to another chain, which does not come back",
    [INPUT, rule("i", { goto: { target: "o" } }), rule("i", DROP), rule("o", { return: null })],
    HTTP,
    false,
  ],
  ["what is not understood", [STRICT_INPUT, rule("i", { xt: null }, ACCEPT)], HTTP, false],
  ["a chain of another hook", [{ chain: { ...INPUT.chain, hook: "forward", policy: "drop" } }], HTTP, false],
  ["a chain of IPv6", [{ chain: { ...INPUT.chain, family: "ip6", policy: "drop" } }], HTTP, false],
];

for (const [what, nftables, packet, dropped] of ROWS) {
  test(`rules of nftables: ${what}`, () => assert.equal(dropOf({ nftables }, packet) !== undefined, dropped));
}

test("who drops it is told: the rule, or the policy", () => {
  const byRule = dropOf({ nftables: [INPUT, rule("i", dport("udp", 69), DROP)] }, TFTP);
  assert.match(byRule?.by ?? "", /^rule \[.*"dport".*\] of chain i$/);
  assert.equal(dropOf({ nftables: [STRICT_INPUT] }, TFTP)?.by, "policy drop of chain i");
});
