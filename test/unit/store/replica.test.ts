/** What a replica adds to the contract: outages, the outbox, conflicts, and clusters that are not what they were. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { EverbootError } from "../../../src/base/errors.ts";
import { DELETIONS_KEPT } from "../../../src/store/change.ts";
import { createMemoryStore } from "../../../src/store/memory.ts";
import { factsUnder, openReplica, type Replica, type ReplicaOptions } from "../../../src/store/replica.ts";
import type { CommitResult, Store } from "../../../src/store/store.ts";
import { driveToEnd, driveUntil } from "../../support/drive.ts";
import { createFakeClock, type FakeClock } from "../../support/fake-clock.ts";
import { createMortalStore, createPartition, type Partition } from "../../support/partition.ts";

let ids = 0;
/** Unique is random enough here. */
function random(bytes: number): Uint8Array {
  ids += 1;
  return Buffer.alloc(bytes, ids.toString(16).padStart(2 * bytes, "0"), "hex");
}

interface World {
  readonly clock: FakeClock;
  readonly cluster: Store;
  readonly way: Partition;
  readonly disk: Store;
  /** One that runs already is closed, and with it nothing but itself. */
  open(server?: string, options?: Partial<ReplicaOptions>): Promise<Replica>;
  caughtUp(replica: Replica): Promise<void>;
}

function createWorld(): World {
  const [clock, cluster, disk] = [createFakeClock(), createMemoryStore(), createMemoryStore()];
  const way = createPartition(cluster);
  const world: World = {
    clock,
    cluster,
    way,
    disk,
    open: (server = "s1", options = {}) =>
      openReplica({
        local: createMortalStore(disk),
        remote: way,
        server,
        clock,
        random,
        isFact: factsUnder(["fact/"]),
        resolve: (_, mine) => mine,
        ...options,
      }),
    caughtUp: (replica) =>
      driveUntil(
        clock,
        () => replica.caughtUp(),
        () => replica.status(),
      ),
  };
  return world;
}

async function valuesOf(store: Store, prefix = ""): Promise<Record<string, string>> {
  return Object.fromEntries((await store.list(prefix)).map(({ key, value }) => [key, value]));
}

const put = (key: string, value: string) => ({ put: [{ key, value }] });
const revisionOf = (result: CommitResult) => (result.kind === "committed" ? result.revision : 0);

async function cutOff(world: World, replica: Replica): Promise<void> {
  world.way.setMood("down");
  await driveUntil(
    world.clock,
    () => replica.status().state === "away",
    () => replica.status(),
  );
}

test("while the cluster is away edits are refused at once and in words that help, and reads go on", async () => {
  const world = createWorld();
  const replica = await world.open();
  await world.caughtUp(replica);
  await driveToEnd(world.clock, replica.commit(put("edit/a", "1")));
  await cutOff(world, replica);
  await assert.rejects(replica.commit(put("edit/a", "2")), (error) => {
    assert.ok(error instanceof EverbootError);
    assert.equal(error.code, "store-unavailable");
    assert.match(error.message, /no quorum.*nothing can be changed now, installs go on/);
    return true;
  });
  assert.equal(replica.caughtUp(), false);
  assert.deepEqual(await valuesOf(replica), { "edit/a": "1" });
  await replica.close();
});

test("facts of an outage are seen at once, survive a restart, and are delivered in order when it is over", async () => {
  const world = createWorld();
  const replica = await world.open();
  await world.caughtUp(replica);
  await cutOff(world, replica);
  for (const value of ["1", "2"]) await replica.commit(put("fact/a", value));
  await replica.commit({ ...put("fact/b", "1"), remove: ["fact/c"] });
  assert.deepEqual(await valuesOf(replica), { "fact/a": "2", "fact/b": "1" });
  await driveToEnd(world.clock, replica.close());
  const again = await world.open();
  assert.equal(again.status().outbox, 3);
  assert.deepEqual(await valuesOf(again), { "fact/a": "2", "fact/b": "1" });
  world.way.setMood("well");
  await world.caughtUp(again);
  assert.deepEqual(await valuesOf(world.cluster, "d/"), { "d/fact/a": "2", "d/fact/b": "1" });
  assert.equal(again.status().outbox, 0);
  await driveToEnd(world.clock, again.close());
});

test("facts of an outage are judged by the local copy: a stale revision conflicts", async () => {
  const world = createWorld();
  const replica = await world.open();
  const first = revisionOf(await replica.commit(put("fact/a", "1")));
  await replica.commit({ expect: [{ key: "fact/a", revision: first }], ...put("fact/a", "2") });
  const stale = await replica.commit({ expect: [{ key: "fact/a", revision: first }], ...put("fact/a", "3") });
  assert.deepEqual(stale, { kind: "conflict", key: "fact/a" });
  assert.equal((await replica.get("fact/a"))?.value, "2");
  await driveToEnd(world.clock, replica.close());
});

test("where someone else wrote the key too, resolve decides, for all; the rest of the fact is delivered", async () => {
  const world = createWorld();
  const asked: unknown[] = [];
  const resolve: ReplicaOptions["resolve"] = (...words) => {
    asked.push(words);
    return words[0] === "fact/mine" ? words[1] : words[2];
  };
  const replica = await world.open("s1", { resolve });
  await world.caughtUp(replica);
  await cutOff(world, replica);
  await replica.commit({ put: ["fact/mine", "fact/theirs", "fact/alone"].map((key) => ({ key, value: "s1" })) });
  const other = await world.open("s2", { remote: createPartition(world.cluster), local: createMemoryStore() });
  await world.caughtUp(other);
  const theirs = { put: ["fact/mine", "fact/theirs"].map((key) => ({ key, value: "s2" })) };
  await driveToEnd(world.clock, other.commit(theirs));
  world.way.setMood("well");
  await world.caughtUp(replica);
  await driveUntil(
    world.clock,
    () => other.status().position >= replica.status().position,
    () => other.status(),
  );
  assert.deepEqual(new Set(asked.map(String)), new Set(["fact/mine,s1,s2", "fact/theirs,s1,s2"]));
  const expected = { "fact/alone": "s1", "fact/mine": "s1", "fact/theirs": "s2" };
  assert.deepEqual(await valuesOf(replica), expected);
  assert.deepEqual(await valuesOf(other), expected);
  await driveToEnd(world.clock, Promise.all([replica.close(), other.close()]));
});

test("a delivery that comes in after its repetition, and even after the key was removed, does nothing", async () => {
  const world = createWorld();
  const replica = await world.open();
  await world.caughtUp(replica);
  await cutOff(world, replica);
  await replica.commit(put("fact/a", "1"));
  // The heartbeat passes, and the delivery right after it is held up.
  const commits: string[] = [];
  const { commit } = world.way;
  Object.assign(world.way, {
    commit: (change: Parameters<Store["commit"]>[0]) => {
      const isDelivery = change.put?.some(({ key }) => key.startsWith("chain/")) ?? false;
      if (isDelivery && commits.push("delivery") === 1) world.way.setMood("late");
      return commit(change);
    },
  });
  world.way.setMood("well");
  await driveUntil(
    world.clock,
    () => commits.length === 1 && replica.status().state === "away",
    () => replica.status(),
  );
  world.way.setMood("well");
  await world.caughtUp(replica);
  await driveToEnd(world.clock, replica.commit({ remove: ["fact/a"] }));
  await world.way.letThrough();
  assert.deepEqual(await valuesOf(world.cluster, "d/"), {});
  await driveToEnd(world.clock, replica.close());
});

test("edits are refused until the facts of the outage are delivered", async () => {
  const world = createWorld();
  const refused: unknown[] = [];
  let edit: Promise<void> | undefined;
  const replica = await world.open("s1", {
    // Asked while the fact is on its way.
    resolve: (_, mine) => {
      edit ??= replica.commit({ ...put("edit/a", "1"), remove: ["fact/a"] }).then(
        () => assert.fail("it was taken"),
        (error) => void refused.push(error),
      );
      return mine;
    },
  });
  await world.caughtUp(replica);
  await cutOff(world, replica);
  await replica.commit(put("fact/a", "1"));
  await world.cluster.commit(put("d/fact/a", "2"));
  world.way.setMood("well");
  await world.caughtUp(replica);
  await edit;
  assert.equal(refused.length, 1);
  await driveToEnd(world.clock, replica.close());
});

test("a copy that was away for longer than removals are remembered drops what is gone, and keeps its facts", async () => {
  const world = createWorld();
  const replica = await world.open();
  await world.caughtUp(replica);
  await driveToEnd(world.clock, replica.commit({ put: ["a", "b", "c"].map((key) => ({ key, value: "1" })) }));
  await cutOff(world, replica);
  await replica.commit(put("fact/a", "1"));
  await world.cluster.commit({ ...put("d/b", "2"), remove: ["d/a"] });
  await Promise.all(Array.from({ length: 2 * DELETIONS_KEPT }, () => world.cluster.commit({})));
  world.way.setMood("well");
  await world.caughtUp(replica);
  assert.deepEqual(await valuesOf(replica), { b: "2", c: "1", "fact/a": "1" });
  assert.equal((await world.cluster.get("d/fact/a"))?.value, "1");
  await driveToEnd(world.clock, replica.close());
});

test("a cluster that was set back is not followed: the copy stays, and status says why", async () => {
  const world = createWorld();
  const replica = await world.open();
  await world.caughtUp(replica);
  for (const value of ["1", "2", "3"]) await driveToEnd(world.clock, replica.commit(put("edit/a", value)));
  await driveToEnd(world.clock, replica.close());
  const restored = await world.open("s1", { remote: createPartition(createMemoryStore()) });
  const trouble = () => restored.status().trouble;
  await driveUntil(world.clock, () => trouble() !== undefined, trouble);
  const found = trouble();
  assert.ok(found instanceof EverbootError && found.code === "cluster-rewound", String(found));
  assert.deepEqual(await valuesOf(restored), { "edit/a": "3" });
  await driveToEnd(world.clock, restored.close());
});

test("a watch that falls silent is noticed: the replica is not caught up any more, then follows anew", async () => {
  const world = createWorld();
  let watches = 0;
  const remote: Store = {
    ...world.way,
    async *watch(prefix, after, signal) {
      watches += 1;
      for await (const row of world.way.watch(prefix, after, signal)) {
        // As the stream of a member that was cut off: open, and nothing comes.
        const isThird = row.key === "beat/s1" && JSON.parse(row.value ?? "{}").count === 3;
        if (watches === 1 && isThird) await new Promise((end) => signal.addEventListener("abort", end));
        yield row;
      }
    },
  };
  const replica = await world.open("s1", { remote });
  await world.caughtUp(replica);
  await driveUntil(
    world.clock,
    () => !replica.caughtUp(),
    () => replica.status(),
  );
  await world.caughtUp(replica);
  assert.equal(watches, 2);
  await driveToEnd(world.clock, replica.close());
});

test("facts that come together share one commit of the cluster", async () => {
  const world = createWorld();
  const replica = await world.open();
  await world.caughtUp(replica);
  const keys = Array.from({ length: 20 }, (_, n) => `fact/${n}`);
  await driveToEnd(world.clock, Promise.all(keys.map((key) => replica.commit(put(key, "1")))));
  const revisions = new Set((await world.cluster.list("d/fact/")).map(({ revision }) => revision));
  assert.equal(revisions.size, 1);
  await driveToEnd(world.clock, replica.close());
});

test("whoever waits for a replica to catch up is told when it is closed instead", async () => {
  const world = createWorld();
  world.way.setMood("down");
  const replica = await world.open();
  const waiting = assert.rejects(replica.whenCaughtUp(), /cannot be read now/);
  await driveToEnd(world.clock, replica.close());
  await waiting;
});
