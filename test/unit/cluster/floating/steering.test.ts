import assert from "node:assert/strict";
import { test } from "node:test";
import type { Ipv4 } from "../../../../src/base/address.ts";
import type { Fitness } from "../../../../src/cluster/floating/fitness.ts";
import { GONE_MS, type PeerView } from "../../../../src/cluster/floating/heartbeats.ts";
import { HomeGoing } from "../../../../src/cluster/floating/home-going.ts";
import { claimOf } from "../../../../src/cluster/floating/keepalived-config.ts";
import { type FloatingState, parseNotifyLine } from "../../../../src/cluster/floating/notify-fifo.ts";
import { Steering } from "../../../../src/cluster/floating/steering.ts";
import { witnessedClock } from "../../../../src/cluster/floating/witnessed-clock.ts";
import { createFakeClock } from "../../../support/fake-clock.ts";

const OWN = "192.168.0.253" as Ipv4;
const OTHER = "192.168.0.254" as Ipv4;
const ADDRESSES = [
  { address: OWN, holders: ["server1", "server2"] },
  { address: OTHER, holders: ["server2", "server1"] },
];

const peer = (change: Partial<PeerView> = {}): PeerView => ({
  ...{ name: "server2", heard: "lan", fitness: "well", witness: "yes", holds: [] },
  ...change,
});

const FILES = {
  health: "health",
  hold: (address: Ipv4) => `hold ${address}`,
  claim: (address: Ipv4) => `claim ${address}`,
};

function unsteered() {
  const clock = createFakeClock();
  const files = new Map<string, number>();
  const daemon = { isStarved: false };
  let writes = 0;
  const steering = new Steering({
    ...{ server: "server1", addresses: ADDRESSES, frozenAfterMs: 300, clock, files: FILES },
    isStarved: () => daemon.isStarved,
    write: (file, value) => {
      files.set(file, value);
      writes += 1;
    },
  });
  const values = (kind: "hold" | "claim") => ADDRESSES.map(({ address }) => files.get(FILES[kind](address)));
  return {
    clock,
    steering,
    files,
    daemon,
    writes: () => writes,
    holding: () => values("hold"),
    claims: () => values("claim"),
  };
}

/** server1, whose daemon gave a sign of life just now. */
function steered() {
  const parts = unsteered();
  parts.steering.beat("well");
  return parts;
}

test("nothing may be held before the daemon's first sign of life", () => {
  const { steering, files } = unsteered();
  steering.update("unknown", []);
  assert.equal(files.get("health"), 1);
  assert.equal(steering.fitness, "none");
});

test("a daemon that gets no processor is waited for, but not for ever", () => {
  const { clock, steering, files, daemon } = steered();
  daemon.isStarved = true;
  clock.advance(2999);
  steering.update("unknown", []);
  assert.equal(files.get("health"), 0);
  clock.advance(1);
  steering.update("unknown", []);
  assert.equal(files.get("health"), 1);
});

test("a frozen daemon may hold nothing; only changes are written", () => {
  const { clock, steering, files, writes } = steered();
  steering.update("yes", []);
  assert.equal(files.get("health"), 0);
  const before = writes();
  clock.advance(299);
  steering.update("yes", []);
  assert.equal(writes(), before);
  clock.advance(1);
  steering.update("yes", []);
  assert.equal(files.get("health"), 1);
  steering.beat("well");
  steering.update("yes", []);
  assert.equal(files.get("health"), 0);
});

test("who leaves does so at once and for good", () => {
  const { steering, files } = steered();
  steering.update("yes", []);
  steering.leave();
  assert.equal(files.get("health"), 1);
  steering.beat("well");
  steering.update("yes", []);
  assert.equal(files.get("health"), 1);
});

test("an address can be let go alone", () => {
  const { steering, holding } = steered();
  steering.release(OTHER, true);
  steering.update("yes", [peer()]);
  assert.deepEqual(holding(), [0, 1]);
  assert.equal(steering.fitness, "well");
  steering.release(OTHER, false);
  steering.update("yes", [peer()]);
  assert.deepEqual(holding(), [0, 0]);
});

test("a server that let all addresses go is nobody to leave them to", () => {
  const { steering } = steered();
  for (const { address } of ADDRESSES) steering.release(address, true);
  assert.equal(steering.fitness, "none");
});

test("a server leaves its addresses to a fitter one that clients reach, and keeps them else", () => {
  const cases: ReadonlyArray<readonly [own: Fitness, peers: readonly PeerView[], holding: number]> = [
    ["weak", [peer()], 1],
    ["deaf", [peer({ fitness: "weak" })], 1],
    ["deaf", [peer({ heard: "elsewhere", witness: "yes", fitness: "weak" })], 1],
    ["weak", [], 0],
    ["weak", [peer({ fitness: "weak" })], 0],
    ["weak", [peer({ fitness: "deaf" })], 0],
    ["deaf", [peer({ fitness: "deaf" })], 0],
    ["deaf", [peer({ fitness: "none" })], 0],
    ["weak", [peer({ heard: "elsewhere", witness: "no" })], 0],
    ["weak", [peer({ name: "server3" })], 0],
  ];
  for (const [fitness, peers, expected] of cases) {
    const { steering, holding, files } = steered();
    steering.beat(fitness);
    steering.update("yes", peers);
    assert.deepEqual(holding(), [expected, expected], JSON.stringify([fitness, peers]));
    assert.equal(files.get("health"), 0);
  }
});

test("advice is per address: on a divided LAN each stays where it is", () => {
  const { steering, holding } = steered();
  steering.changed({ address: OWN, state: "master" });
  steering.update("yes", [peer({ heard: "elsewhere", holds: [OTHER] })]);
  assert.deepEqual(holding(), [0, 1]);
});

test("a peer whose daemon does not live counts as dead", () => {
  const { steering, holding } = steered();
  steering.update("no", [peer({ heard: "elsewhere", fitness: "none" })]);
  assert.deepEqual(holding(), [0, 0]);
  steering.update("no", [peer({ heard: "elsewhere" })]);
  assert.deepEqual(holding(), [1, 1]);
});

test("a late ping is no reason to give an address up", () => {
  const { clock, steering, holding } = steered();
  steering.changed({ address: OWN, state: "master" });
  steering.update("yes", [peer()]);
  clock.advance(200);
  steering.update("no", [peer({ heard: "elsewhere" })]);
  assert.deepEqual(holding(), [0, 0]);
  clock.advance(300);
  steering.beat("well");
  steering.update("no", [peer({ heard: "elsewhere" })]);
  assert.deepEqual(holding(), [1, 1]);
});

test("an heir that holds an address on a living LAN has a better claim than the owner", () => {
  const { clock, steering, claims } = steered();
  for (const address of [OWN, OTHER]) steering.changed({ address, state: "master" });
  steering.update("yes", [peer()]);
  assert.deepEqual(claims(), [0, claimOf(1, 2)]);
  clock.advance(499);
  steering.update("no", [peer()]);
  assert.deepEqual(claims(), [0, claimOf(1, 2)]);
  assert.equal(steering.lasting("no"), "yes");
  clock.advance(1);
  assert.equal(steering.lasting("no"), "no");
  for (const witness of ["no", "unknown"] as const) {
    steering.update(witness, [peer()]);
    assert.deepEqual(claims(), [0, 0]);
  }
  steering.update("yes", [peer()]);
  assert.deepEqual(claims(), [0, claimOf(1, 2)]);
  steering.changed({ address: OTHER, state: "backup" });
  steering.update("yes", [peer()]);
  assert.deepEqual(claims(), [0, 0]);
});

test("after a pause of the whole machine what a peer holds by now is left to it, and the rest is kept", () => {
  const { clock, steering, holding, files } = steered();
  for (const address of [OWN, OTHER]) steering.changed({ address, state: "master" });
  steering.update("yes", [peer({ holds: [OWN] })]);
  assert.deepEqual(holding(), [0, 0]);
  steering.paused();
  steering.update("yes", [peer()]);
  assert.deepEqual(holding(), [0, 0]);
  steering.update("yes", [peer({ holds: [OWN] })]);
  assert.deepEqual([holding(), files.get("health")], [[1, 0], 0]);
  clock.advance(GONE_MS + 60);
  steering.update("yes", [peer({ holds: [OWN] })]);
  assert.deepEqual(holding(), [0, 0]);
});

test("it knows what it holds, and tells changes from repetitions", () => {
  const { steering } = steered();
  assert.equal(steering.changed({ address: OWN, state: "master" }), true);
  assert.equal(steering.changed({ address: OWN, state: "master" }), false);
  assert.deepEqual(steering.holds, [OWN]);
  assert.equal(steering.changed({ address: OWN, state: "fault" }), true);
  assert.deepEqual(steering.holds, []);
});

test("keepalived's lines", () => {
  const states: ReadonlyArray<readonly [string, FloatingState | undefined]> = [
    ['INSTANCE "192.168.0.253" MASTER 200', "master"],
    ['INSTANCE "192.168.0.253" BACKUP 200', "backup"],
    ['INSTANCE "192.168.0.253" FAULT 200', "fault"],
    ['INSTANCE "192.168.0.253" STOP 200', "fault"],
    ['INSTANCE "192.168.0.253" MASTER_RX_LOWER_PRI 200', undefined],
    ['INSTANCE "V1" MASTER 200', undefined],
    ['GROUP "192.168.0.253" MASTER 0', undefined],
    ["", undefined],
  ];
  for (const [line, state] of states) assert.deepEqual(parseNotifyLine(line), state && { address: OWN, state }, line);
});

test("an address may go home when its owner has been well for long enough, without a break", () => {
  const home = new HomeGoing("server1", ADDRESSES, 1000);
  const held = new Map<Ipv4, FloatingState>([
    [OWN, "master"],
    [OTHER, "master"],
  ]);
  home.hear([peer()], 0);
  assert.deepEqual(home.leaving(held, 999), []);
  assert.deepEqual(home.leaving(held, 1000), [OTHER]);
  assert.deepEqual(home.leaving(new Map([[OTHER, "backup"]]), 1000), []);
  for (const [at, change] of [
    [1100, { fitness: "weak" }],
    [1300, { heard: "elsewhere" }],
  ] as const) {
    home.hear([peer(change)], at);
    home.hear([peer()], at + 100);
    assert.deepEqual(home.leaving(held, at + 1099), []);
    assert.deepEqual(home.leaving(held, at + 1100), [OTHER]);
  }
});

test("a pause of the whole machine is not held against anybody", () => {
  const clock = createFakeClock();
  const witnessed = witnessedClock(clock, 40);
  for (const ms of [20, 20, 5000, 30]) {
    clock.advance(ms);
    witnessed.look();
  }
  assert.equal(witnessed.now(), 20 + 20 + 40 + 30);
});
