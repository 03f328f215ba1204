import assert from "node:assert/strict";
import { test } from "node:test";
import { type Ipv4, type Mac, parseRange } from "../../../../src/base/address.ts";
import type { Hold, Lease } from "../../../../src/cluster/leases.ts";
import { chooseAddress } from "../../../../src/server/dhcp/pool.ts";
import type { DropReason, Verdict } from "../../../../src/server/dhcp/verdict.ts";
import { u32Option } from "../../../../src/wire/dhcp-options.ts";
import type { DhcpPacket } from "../../../../src/wire/dhcp-packet.ts";
import { ask, lease, leaseView, NOW, replyOf, STRANGER, sketch } from "../../../support/dhcp-context.ts";
import { clientMessage } from "../../../support/dhcp-messages.ts";
import { ip, mac } from "../../../support/dhcp-site.ts";

/** The pool is .100 to .103; .101 is a host's. */
const SITE = sketch({ unknown: "discover" });
const SERVER = "192.168.77.1";
const OTHER = mac("52:54:00:00:00:aa");
const THIRD = mac("52:54:00:00:00:bb");
const HOUR = 3_600_000;
const [A, C, D] = ["192.168.77.100", "192.168.77.102", "192.168.77.103"] as const;

const known = (leases: readonly Lease[], holds: readonly Hold[] = []) => ({ leases: leaseView(leases, holds) });
const asked = (message: DhcpPacket, leases: readonly Lease[] = [], holds: readonly Hold[] = []) =>
  ask(message, SITE, known(leases, holds));
const hold = (address: string, owner: Mac): Hold => ({ address: ip(address), mac: owner, until: NOW + 1 });

function choose(leases: readonly Lease[], owner = STRANGER, holds: readonly Hold[] = [], wish?: Ipv4) {
  const pool = parseRange(`${A}-${D}`);
  assert.ok(pool);
  const reserved = new Set([ip("192.168.77.101")]);
  return chooseAddress({ pool, leases: leaseView(leases, holds), reserved, mac: owner, now: NOW }, wish);
}

test("an offer to a stranger is held for a minute, and not stored", () => {
  const { packet, change, event } = replyOf(asked(clientMessage("discover", STRANGER)));
  assert.deepEqual(change, { kind: "hold", hold: { address: packet.yiaddr, mac: STRANGER, until: NOW + 60_000 } });
  assert.ok([A, C, D].some((address) => address === packet.yiaddr));
  assert.deepEqual([event.host, event.address], [undefined, packet.yiaddr]);
});

test("an ACK to a stranger needs a lease to be stored first", () => {
  const request = clientMessage("request", STRANGER, { "server-id": SERVER, "requested-address": C });
  const { packet, change } = replyOf(asked(request, [], [hold(C, STRANGER)]));
  assert.deepEqual(change, { kind: "commit", lease: lease(C, STRANGER, NOW + 4_000_000) });
  assert.deepEqual([packet.yiaddr, u32Option(packet.options, "lease-time")], [C, 4000]);
});

const CHOICES: ReadonlyArray<readonly [string, Ipv4 | undefined, Ipv4]> = [
  ["its last address, even an expired one", choose([lease(D, STRANGER, NOW - HOUR)]), ip(D)],
  ["the held one before the last one", choose([lease(D, STRANGER, NOW)], STRANGER, [hold(C, STRANGER)]), ip(C)],
  ["the wished one when it was never lent", choose([], STRANGER, [], ip(D)), ip(D)],
  [
    "never a host's address",
    choose([lease(A, OTHER, NOW + 1), lease(C, OTHER, NOW + 1)], THIRD, [], ip("192.168.77.101")),
    ip(D),
  ],
  ["an unused one before an expired one", choose([lease(A, OTHER, NOW - 1), lease(C, OTHER, NOW - 2)]), ip(D)],
  [
    "the one that expired first",
    choose([lease(A, OTHER, NOW - 1), lease(C, OTHER, NOW - 3), lease(D, OTHER, NOW - 2)]),
    ip(C),
  ],
  ["not one held for another", choose([lease(C, OTHER, NOW + 1)], STRANGER, [hold(A, OTHER)], ip(A)), ip(D)],
  [
    "a declined one after its rest",
    choose([lease(A, OTHER, NOW + 1), lease(C, OTHER, NOW + 1), lease(D, OTHER, NOW, "declined")]),
    ip(D),
  ],
];

for (const [name, got, want] of CHOICES) test(`chooses ${name}`, () => assert.equal(got, want));

test("the same machine finds the same address without any record of it", () => {
  assert.equal(choose([]), choose([]));
});

test("none left: taken, held or declined, even by itself", () => {
  const leases = [lease(A, OTHER, NOW + 1), lease(D, STRANGER, NOW + 1, "declined")];
  assert.equal(choose(leases, STRANGER, [hold(C, OTHER)]), undefined);
  assert.deepEqual(asked(clientMessage("discover", STRANGER), leases, [hold(C, OTHER)]), {
    kind: "drop",
    reason: "pool-exhausted",
  });
});

type Row = readonly [name: string, verdict: Verdict, want: "ack" | "nak" | "decline" | "release" | DropReason];

const request = (options: Record<string, string>, ciaddr?: string, owner = STRANGER) =>
  clientMessage("request", owner, options, ciaddr === undefined ? {} : { ciaddr: ip(ciaddr) });
const lent = [lease(C, OTHER, NOW + HOUR)];
const OUTSIDE = "192.168.77.200";

const ROWS: readonly Row[] = [
  ["selecting a free address", asked(request({ "server-id": SERVER, "requested-address": A })), "ack"],
  ["selecting another's address", asked(request({ "server-id": SERVER, "requested-address": C }), lent), "nak"],
  ["selecting outside the pool", asked(request({ "server-id": SERVER, "requested-address": OUTSIDE })), "nak"],
  ["selecting another server", asked(request({ "server-id": "192.168.77.9", "requested-address": A })), "other-server"],
  ["init-reboot, its own", asked(request({ "requested-address": C }, undefined, OTHER), lent), "ack"],
  ["init-reboot, another's", asked(request({ "requested-address": C }), lent), "nak"],
  ["init-reboot, wrong network", asked(request({ "requested-address": "10.9.9.9" })), "nak"],
  ["init-reboot, perhaps another server's lease", asked(request({ "requested-address": OUTSIDE })), "no-lease"],
  ["renewing", asked(request({}, C, OTHER), lent), "ack"],
  ["renewing after the lease was lost", asked(request({}, A)), "ack"],
  ["renewing another's", asked(request({}, C), lent), "nak"],
  ["declined and asked for again", asked(request({}, C), [lease(C, STRANGER, NOW + 1, "declined")]), "nak"],
  ["decline", asked(clientMessage("decline", OTHER, { "requested-address": C }), lent), "decline"],
  ["decline of another's", asked(clientMessage("decline", STRANGER, { "requested-address": C }), lent), "no-lease"],
  ["release", asked(clientMessage("release", OTHER, {}, { ciaddr: ip(C) }), lent), "release"],
  ["release of another's", asked(clientMessage("release", STRANGER, {}, { ciaddr: ip(C) }), lent), "no-lease"],
];

for (const [name, verdict, want] of ROWS) {
  test(`${name}: ${want}`, () => assert.equal(verdict.kind === "drop" ? verdict.reason : verdict.event.kind, want));
}

test("a declined address is left alone for an hour; a released one stays its owner's until another needs it", () => {
  const declined = asked(clientMessage("decline", OTHER, { "requested-address": C }), lent);
  const change = declined.kind === "note" ? declined.change : undefined;
  assert.deepEqual(change, { kind: "commit", lease: lease(C, OTHER, NOW + HOUR, "declined") });
  const released = asked(clientMessage("release", OTHER, {}, { ciaddr: ip(C) }), lent);
  assert.deepEqual(released.kind === "note" && released.change, { kind: "commit", lease: lease(C, OTHER, NOW) });
});

test("a stranger in a subnet without a pool", () => {
  const site = sketch({ unknown: "discover", subnets: [{ cidr: "192.168.77.0/24" }] });
  assert.deepEqual(ask(clientMessage("discover", STRANGER), site), { kind: "drop", reason: "no-pool" });
});
