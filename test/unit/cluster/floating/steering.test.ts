import assert from "node:assert/strict";
import { test } from "node:test";
import type { Ipv4 } from "../../../../src/base/address.ts";
import type { PeerView } from "../../../../src/cluster/floating/heartbeats.ts";
import { HomeGoing } from "../../../../src/cluster/floating/home-going.ts";
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
  ...{ name: "server2", heard: "lan", ready: true, witness: "yes", holds: [] },
  ...change,
});

/** server1, whose daemon gave a sign of life just now. */
function steered() {
  const clock = createFakeClock();
  const files = new Map<string, boolean>();
  let writes = 0;
  const steering = new Steering({
    ...{ server: "server1", addresses: ADDRESSES, frozenAfterMs: 300, clock },
    write: (file, fault) => {
      files.set(file, fault);
      writes += 1;
    },
  });
  steering.beat(true);
  return { clock, steering, files, writes: () => writes };
}

test("nothing may be held before the daemon's first sign of life", () => {
  const files = new Map<string, boolean>();
  const write = (file: string, fault: boolean) => void files.set(file, fault);
  const clock = createFakeClock();
  new Steering({ server: "server1", addresses: ADDRESSES, frozenAfterMs: 300, clock, write }).update("unknown", []);
  assert.deepEqual(Object.fromEntries(files), { health: true, [OWN]: false, [OTHER]: false });
});

test("a frozen daemon, and one that does not serve, may hold nothing; only changes are written", () => {
  const { clock, steering, files, writes } = steered();
  steering.update("yes", []);
  assert.equal(files.get("health"), false);
  const before = writes();
  clock.advance(299);
  steering.update("yes", []);
  assert.equal(writes(), before);
  clock.advance(1);
  steering.update("yes", []);
  assert.equal(files.get("health"), true);
  steering.beat(true);
  steering.update("yes", []);
  assert.equal(files.get("health"), false);
  steering.beat(false);
  steering.update("yes", []);
  assert.equal(files.get("health"), true);
});

test("who leaves does so at once and for good", () => {
  const { steering, files } = steered();
  steering.update("yes", []);
  steering.leave();
  assert.equal(files.get("health"), true);
  steering.beat(true);
  steering.update("yes", []);
  assert.equal(files.get("health"), true);
});

test("an address can be let go alone", () => {
  const { steering, files } = steered();
  steering.release(OTHER, true);
  steering.update("yes", [peer()]);
  assert.deepEqual([files.get(OWN), files.get(OTHER)], [false, true]);
  steering.release(OTHER, false);
  steering.update("yes", [peer()]);
  assert.deepEqual([files.get(OWN), files.get(OTHER)], [false, false]);
});

test("advice is per address: on a divided LAN each stays where it is", () => {
  const { steering, files } = steered();
  steering.changed({ address: OWN, state: "master" });
  steering.update("yes", [peer({ heard: "elsewhere", holds: [OTHER] })]);
  assert.deepEqual([files.get(OWN), files.get(OTHER)], [false, true]);
});

test("a peer whose daemon is not well counts as dead", () => {
  const { steering, files } = steered();
  steering.update("no", [peer({ heard: "elsewhere", ready: false })]);
  assert.deepEqual([files.get(OWN), files.get(OTHER)], [false, false]);
  steering.update("no", [peer({ heard: "elsewhere" })]);
  assert.deepEqual([files.get(OWN), files.get(OTHER)], [true, true]);
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
    [1100, { ready: false }],
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
