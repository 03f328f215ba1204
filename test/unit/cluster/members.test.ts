import assert from "node:assert/strict";
import { test } from "node:test";
import { allTold, FRESH_MS, type Listening, membersOf } from "../../../src/cluster/members.ts";
import type { PairState } from "../../../src/cluster/pair.ts";
import { createStanding } from "../../../src/cluster/standing.ts";
import type { LinkState } from "../../../src/store/replica-link.ts";
import { createFakeClock } from "../../support/fake-clock.ts";

const NOW = 1_000_000;
const ABOUT = { revision: "r1", rate: 5, queue: 2, draining: false };

function beat(heardAt: number, outbox = 0, about: unknown = ABOUT) {
  return { heardAt, outbox, about, position: 1, revision: 2, alone: false };
}

function hearing(beats: Record<string, ReturnType<typeof beat>>, state: LinkState = "current"): Listening {
  return {
    beats: () => new Map(Object.entries(beats)),
    status: () => ({ state, position: 1, outbox: 0, trouble: undefined }),
  };
}

test("members are those that have told something of themselves that can be read", () => {
  const replica = hearing({ s1: beat(NOW - 100, 3), s2: beat(NOW, 0, { revision: "r1" }), s3: beat(NOW, 0, "old") });
  assert.deepEqual(membersOf(replica, NOW), new Map([["s1", { ...ABOUT, name: "s1", fresh: true, outbox: 3 }]]));
});

test("a word is fresh for three and a half seconds, while this server follows the cluster", () => {
  const isFresh = (heardAt: number, state?: LinkState) =>
    membersOf(hearing({ s1: beat(heardAt) }, state), NOW).get("s1")?.fresh;
  assert.equal(isFresh(NOW - FRESH_MS + 1), true);
  assert.equal(isFresh(NOW - FRESH_MS), false);
  assert.equal(isFresh(NOW + 1), false, "a clock that was set back");
  assert.equal(isFresh(Number.NEGATIVE_INFINITY), false);
  assert.equal(isFresh(NOW, "away"), false);
  assert.equal(isFresh(NOW, "catching-up"), false);
});

test("all have told when each server is fresh and keeps nothing back", () => {
  const replica = hearing({ s1: beat(NOW), s2: beat(NOW, 1), s3: beat(NOW - FRESH_MS) });
  assert.equal(allTold(replica, [], NOW), true);
  assert.equal(allTold(replica, ["s1"], NOW), true);
  for (const other of ["s2", "s3", "s4"]) assert.equal(allTold(replica, ["s1", other], NOW), false, other);
});

test("a server hands out when it is caught up; of a pair, when both are in step, or it is alone", () => {
  const clock = createFakeClock();
  const mayHandOut = (isCaughtUp: boolean, state?: PairState) =>
    createStanding({
      replica: { ...hearing({}), caughtUp: () => isCaughtUp },
      others: () => ["s2"],
      clock,
      ...(state && { pair: { state } }),
    })();
  assert.deepEqual(mayHandOut(true), { mayHandOut: true, allTold: false });
  assert.equal(mayHandOut(false).mayHandOut, false);
  const expected: ReadonlyArray<readonly [PairState, boolean, boolean]> = [
    ["paired", true, false],
    ["sole", true, true],
    ["waiting", false, false],
  ];
  for (const [state, caughtUp, away] of expected) {
    assert.deepEqual([mayHandOut(true, state).mayHandOut, mayHandOut(false, state).mayHandOut], [caughtUp, away]);
  }
});

test("what a server tells of its trees is taken as it is told; from one that tells nothing of them, or nonsense, nothing", () => {
  const trees = { "debian-12": { versions: ["0123456789ab"], current: "0123456789ab", pinned: ["0123456789ab"] } };
  const lacks = [{ tree: "debian-12", version: "ba9876543210", bytes: 9, done: 3, from: ["s2"] }];
  const told = (about: object) => membersOf(hearing({ s1: beat(NOW, 0, { ...ABOUT, ...about }) }), NOW).get("s1");
  assert.deepEqual(told({ trees, lacks }), { ...ABOUT, trees, lacks, name: "s1", fresh: true, outbox: 0 });
  for (const nonsense of [{}, { trees: 5, lacks: 5 }, { trees: [], lacks: [{}] }, { trees: { a: { versions: "x" } } }])
    assert.deepEqual(told(nonsense), { ...ABOUT, name: "s1", fresh: true, outbox: 0 }, JSON.stringify(nonsense));
});

test("of 20 trees with three versions each it tells in less than 3 kB", () => {
  const versions = ["0123456789ab", "123456789abc", "23456789abcd"];
  const holding = { versions, current: "0123456789ab", pinned: ["123456789abc"] };
  const trees = Object.fromEntries(Array.from({ length: 20 }, (_, n) => [`opensuse-leap-15.${n}`, holding]));
  const status = { tree: "opensuse-leap-15.1", version: "0123456789ab", bytes: 4e9, done: 1e9, from: ["server2"] };
  const size = JSON.stringify({ ...ABOUT, trees, lacks: [status, status, status] }).length;
  assert.ok(size < 3072, `${size} bytes`);
});
