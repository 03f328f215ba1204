/** A pair without a third machine, failure by failure: real replicas and permits over a simulated cluster. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Permits } from "../../../src/cluster/permits.ts";
import { HAND_OUT_AGAIN_MS, Law5World, type SimulatedServer } from "../../property/law5-world.ts";

/** More than a decision takes. */
const DECIDED_MS = 8_000;

async function createPair() {
  const world = new Law5World(2);
  const [a, b] = [world.server(0), world.server(1)];
  await world.start(a);
  await world.start(b);
  await world.until(() => [a, b].every((server) => stateOf(server) === "paired"));
  return { world, a, b };
}

function stateOf({ process }: SimulatedServer) {
  return process?.pair?.state;
}

function permitsOf({ process }: SimulatedServer): Permits {
  assert.ok(process);
  return process.permits;
}

/** What comes of it, with time going by. */
async function comesOf<T>(world: Law5World, promise: Promise<T>): Promise<T> {
  let isSettled = false;
  const settled = promise.finally(() => {
    isSettled = true;
  });
  settled.catch(() => {});
  await world.until(() => isSettled);
  return await settled;
}

async function handOut(world: Law5World, server: SimulatedServer, host = "vm1"): Promise<string> {
  const given = await comesOf(world, permitsOf(server).handOut(host));
  return given.kind === "permit" ? "permit" : given.reason;
}

async function divide(world: Law5World, alone: SimulatedServer): Promise<void> {
  alone.group = 1;
  await world.settleWays("down");
}

async function join(world: Law5World): Promise<void> {
  for (const server of world.servers) server.group = 0;
  await world.settleWays("down");
}

test("one dies: the other goes on alone; it comes back, and both agree", async () => {
  const { world, a, b } = await createPair();
  const first = await comesOf(world, permitsOf(b).issue("vm1"));
  await world.kill(b, true);
  // The machine that asks now is kept waiting until it is decided.
  assert.equal(await handOut(world, a), "permit");
  assert.equal(stateOf(a), "sole");
  await comesOf(world, permitsOf(a).advance(first.token, "done"));
  const second = await comesOf(world, permitsOf(a).issue("vm2"));
  await world.start(b);
  assert.equal(permitsOf(b).refusalFor("vm1"), "store-unavailable");
  await world.until(() => stateOf(a) === "paired" && stateOf(b) === "paired");
  await world.passes(500);
  assert.deepEqual(permitsOf(b).all(), permitsOf(a).all());
  assert.equal(await handOut(world, b), "used");
  assert.equal(await handOut(world, b, "vm2"), "permit");
  await world.passes(500);
  assert.equal(permitsOf(a).byToken(second.token)?.state, "started");
});

test("a daemon dies and its etcd lives: nothing is acknowledged that it does not know, until it counts as gone", async () => {
  const { world, a, b } = await createPair();
  await comesOf(world, permitsOf(a).issue("vm1"));
  await world.kill(b, false);
  const asked = world.clock.now();
  assert.equal(await handOut(world, a), "permit");
  assert.equal(stateOf(a), "sole");
  assert.ok(world.clock.now() - asked > 2_000);
});

test("a server that does not hear what the other commits keeps it from being acknowledged", async () => {
  const { world, a, b } = await createPair();
  await comesOf(world, permitsOf(a).issue("vm1"));
  world.setDeaf(b, true);
  assert.equal(await handOut(world, a), "store-unavailable");
  await divide(world, a);
  await world.passes(DECIDED_MS);
  assert.equal(stateOf(a), "waiting");
});

test("the side without the router waits: it changes nothing, and what it is told is kept", async () => {
  const { world, a, b } = await createPair();
  const { token } = await comesOf(world, permitsOf(a).issue("vm1"));
  await comesOf(world, permitsOf(a).issue("vm2"));
  assert.equal(await handOut(world, b), "permit");
  await divide(world, b);
  await world.passes(DECIDED_MS);
  assert.deepEqual([stateOf(a), stateOf(b)], ["sole", "waiting"]);
  await assert.rejects(comesOf(world, permitsOf(b).issue("vm3")), { code: "store-unavailable" });
  assert.equal(await handOut(world, b, "vm2"), "store-unavailable");
  assert.equal(permitsOf(b).refusalFor("vm2"), "store-unavailable");
  await comesOf(world, permitsOf(b).advance(token, "done"));
  // The machine comes over to the other side, which knows nothing of its end.
  assert.equal(await handOut(world, a), "untold");
  assert.equal(await handOut(world, a, "vm2"), "permit");
  await join(world);
  await world.until(() => stateOf(a) === "paired" && stateOf(b) === "paired");
  assert.equal(await handOut(world, a), "used");
});

test("a boot loader that lost its server gets the same permit again from the survivor, within a short while", async () => {
  const { world, a, b } = await createPair();
  await comesOf(world, permitsOf(a).issue("vm1"));
  assert.equal(await handOut(world, b), "permit");
  await world.kill(b, true);
  assert.equal(await handOut(world, a), "permit");
  await world.passes(HAND_OUT_AGAIN_MS - 1_000);
  assert.equal(await handOut(world, a), "permit");
  await world.passes(HAND_OUT_AGAIN_MS + 1_000);
  assert.equal(permitsOf(a).refusalFor("vm1"), "untold");
  assert.equal(await handOut(world, a), "untold");
});

test("the survivor dies too: the first one waits for what the survivor did, though the cluster is back", async () => {
  const { world, a, b } = await createPair();
  const { token } = await comesOf(world, permitsOf(a).issue("vm1"));
  await world.kill(b, true);
  await world.until(() => stateOf(a) === "sole");
  assert.equal(await handOut(world, a), "permit");
  await comesOf(world, permitsOf(a).advance(token, "done"));
  await world.kill(a, false);
  await world.start(b);
  await world.passes(30_000);
  assert.equal(b.process?.replica.status().state, "current");
  assert.equal(stateOf(b), "waiting");
  assert.equal(await handOut(world, b), "store-unavailable");
  await assert.rejects(comesOf(world, permitsOf(b).issue("vm2")), { code: "store-unavailable" });
  await world.start(a);
  assert.equal(stateOf(a), "sole");
  await world.until(() => stateOf(b) === "paired");
  assert.equal(await handOut(world, b), "used");
});

test("an operator's word lets a server that waits go on, and no one that is in contact", async () => {
  const { world, a, b } = await createPair();
  assert.throws(() => a.process?.pair?.declareSole(), { code: "pair-in-contact", message: /s2 is in contact/ });
  await world.kill(b, true);
  await world.kill(a, true);
  await world.start(a);
  await world.passes(DECIDED_MS);
  assert.equal(stateOf(a), "waiting");
  a.process?.pair?.declareSole();
  assert.deepEqual([stateOf(a), a.pairWord], ["sole", "sole"]);
  await comesOf(world, permitsOf(a).issue("vm1"));
  assert.equal(await handOut(world, a), "permit");
});
