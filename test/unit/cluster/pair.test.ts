import assert from "node:assert/strict";
import { test } from "node:test";
import { FRESH_MS } from "../../../src/cluster/members.ts";
import {
  DECIDE_MS,
  nextPair,
  type PairMemory,
  type PairSight,
  type PairState,
  startPair,
} from "../../../src/cluster/pair.ts";
import { peerOfPair } from "../../../src/cluster/pair-keeper.ts";

const STEP_MS = 100;
/** Nothing is heard of the peer, and the router answers. */
const GONE: Omit<PairSight, "at"> = { outbox: 0, heard: "no", witness: "yes" };
const peer = { revision: 1, fresh: true, outbox: 0, alone: false };
const TOGETHER: Omit<PairSight, "at"> = { outbox: 0, heard: "yes", witness: "yes", peer };

class Watcher {
  memory: PairMemory;
  private revision = 1;

  constructor(state: "sole" | "waiting" = "waiting") {
    this.memory = startPair(state, 0);
  }

  /** Sees the same for a while; the peer's heartbeats come in where it is fresh. */
  sees(sight: Omit<PairSight, "at">, ms: number, stepMs = STEP_MS): PairState {
    for (let passed = 0; passed < ms; passed += stepMs) {
      if (sight.peer?.fresh) this.revision += 1;
      const at = this.memory.at + stepMs;
      this.memory = nextPair(this.memory, {
        ...sight,
        at,
        ...(sight.peer && { peer: { ...sight.peer, revision: this.revision } }),
      });
    }
    return this.memory.state;
  }
}

function paired(): Watcher {
  const watcher = new Watcher();
  assert.equal(watcher.sees(TOGETHER, 1_000), "paired");
  return watcher;
}

test("a daemon that starts waits until both are in step: in contact, and nothing left to be told by either", () => {
  assert.equal(new Watcher().sees(GONE, 60_000), "waiting");
  assert.equal(new Watcher().sees({ ...TOGETHER, outbox: 1 }, 5_000), "waiting");
  assert.equal(new Watcher().sees({ ...TOGETHER, peer: { ...peer, outbox: 1 } }, 5_000), "waiting");
  assert.equal(new Watcher().sees({ ...TOGETHER, peer: { ...peer, alone: true } }, 5_000), "waiting");
  assert.equal(new Watcher().sees({ ...TOGETHER, peer: { ...peer, fresh: false } }, 5_000), "waiting");
  assert.equal(new Watcher().sees(TOGETHER, STEP_MS), "paired");
});

test("with the peer gone and the router there throughout, a server goes on alone, and not a moment too soon", () => {
  const watcher = paired();
  assert.equal(watcher.sees(GONE, DECIDE_MS - STEP_MS), "paired");
  assert.equal(watcher.sees(GONE, 2 * STEP_MS), "sole");
  assert.equal(watcher.sees({ ...GONE, witness: "no" }, 60_000), "sole");
  assert.ok(DECIDE_MS > FRESH_MS);
});

test("a server that does not see the router throughout waits, and goes on waiting when the router is back", () => {
  for (const witness of ["no", "unknown"] as const) {
    const watcher = paired();
    watcher.sees(GONE, 1_000);
    assert.equal(watcher.sees({ ...GONE, witness }, 1_000), "waiting", witness);
    assert.equal(watcher.sees(GONE, 60_000), "waiting", witness);
    assert.equal(watcher.sees(TOGETHER, STEP_MS), "paired", witness);
  }
});

test("some lost pings are no loss of the router", () => {
  const watcher = paired();
  watcher.sees(GONE, 1_000);
  watcher.sees({ ...GONE, witness: "no" }, 400);
  assert.equal(watcher.sees(GONE, DECIDE_MS), "sole");
});

test("a peer that is heard on a heartbeat link is not gone, and one that cannot be listened for is not known to be", () => {
  const watcher = paired();
  assert.equal(watcher.sees({ ...GONE, heard: "yes" }, 60_000), "paired");
  assert.equal(watcher.sees(GONE, DECIDE_MS), "sole");
  assert.equal(paired().sees({ ...GONE, heard: "unknown" }, 60_000), "waiting");
});

test("a heartbeat that comes through the cluster starts the count anew, though it is not fresh", () => {
  const watcher = paired();
  watcher.sees(GONE, DECIDE_MS - 1_000);
  const { at } = watcher.memory;
  const late = { ...peer, fresh: false, revision: 1_000 };
  watcher.memory = nextPair(watcher.memory, { ...GONE, peer: late, at: at + STEP_MS });
  assert.equal(watcher.sees(GONE, DECIDE_MS - 2 * STEP_MS), "paired");
});

test("whoever was stopped, or has a clock that jumped, has not seen what happened meanwhile", () => {
  for (const jump of [10_000, -10_000]) {
    const watcher = paired();
    assert.equal(watcher.sees(GONE, STEP_MS), "paired");
    watcher.memory = nextPair(watcher.memory, { ...GONE, at: watcher.memory.at + jump });
    assert.equal(watcher.memory.state, "waiting", String(jump));
  }
});

test("whoever hears that the other went on alone waits for what it did", () => {
  const watcher = paired();
  const alone = { ...TOGETHER, peer: { ...peer, alone: true, outbox: 1 } };
  assert.equal(watcher.sees(alone, 5_000), "waiting");
  assert.equal(watcher.sees({ ...TOGETHER, peer: { ...peer, outbox: 1 } }, 5_000), "waiting");
  assert.equal(watcher.sees(TOGETHER, STEP_MS), "paired");
});

test("one that is alone stays so over a restart, until all it did is told and the other has nothing to tell", () => {
  const watcher = new Watcher("sole");
  assert.equal(watcher.sees(GONE, 10_000), "sole");
  assert.equal(watcher.sees({ ...TOGETHER, outbox: 1 }, 1_000), "sole");
  assert.equal(watcher.sees({ ...TOGETHER, peer: { ...peer, outbox: 1 } }, 1_000), "sole");
  assert.equal(watcher.sees(TOGETHER, STEP_MS), "paired");
});

test("two that were both told to go on alone come together", () => {
  const alone = { ...TOGETHER, peer: { ...peer, alone: true } };
  assert.equal(new Watcher("sole").sees({ ...alone, outbox: 1 }, 1_000), "sole");
  assert.equal(new Watcher("sole").sees(alone, STEP_MS), "paired");
});

test("a pair is two servers with two members of etcd", () => {
  assert.equal(peerOfPair(["s1", "s2"], 2, "s1"), "s2");
  assert.equal(peerOfPair(["s1", "s2"], 3, "s1"), undefined);
  assert.equal(peerOfPair(["s1", "s2", "s3"], 2, "s1"), undefined);
});
