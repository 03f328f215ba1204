/** What servers tell each other with their heartbeats, and what the rule for edits makes of it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createMemoryStore } from "../../../src/store/memory.ts";
import {
  type EditRule,
  factsUnder,
  openReplica,
  type Replica,
  type ReplicaOptions,
} from "../../../src/store/replica.ts";
import { BeatBoard, beatChange } from "../../../src/store/replica-beats.ts";
import type { Store } from "../../../src/store/store.ts";
import { driveToEnd, driveUntil } from "../../support/drive.ts";
import { createFakeClock } from "../../support/fake-clock.ts";
import { createPartition } from "../../support/partition.ts";

const SAYING = { about: undefined, outbox: 0, alone: false };

function rowOf(server: string, position: number, revision: number, about?: unknown) {
  const [put] = beatChange(server, 1, { ...SAYING, about, position }).put ?? [];
  assert.ok(put);
  return { ...put, revision };
}

test("a word is as old as the newest own heartbeat that its server had heard of when it spoke", () => {
  const board = new BeatBoard();
  board.sent(20, 2_000);
  board.sent(10, 1_000);
  board.take([rowOf("s2", 9, 30)]);
  assert.equal(board.all.get("s2")?.heardAt, Number.NEGATIVE_INFINITY);
  board.take([rowOf("s2", 19, 31)]);
  assert.equal(board.all.get("s2")?.heardAt, 1_000);
  board.take([rowOf("s2", 20, 32, { rate: 7 })]);
  const expected = { about: { rate: 7 }, outbox: 0, alone: false, position: 20, revision: 32, heardAt: 2_000 };
  assert.deepEqual(board.all.get("s2"), expected);
});

test("a server that is removed, or speaks another version, says nothing", () => {
  const board = new BeatBoard();
  board.take([rowOf("s2", 1, 2), rowOf("s3", 1, 3)]);
  board.take([
    { key: "beat/s2", value: undefined, revision: 4 },
    { key: "beat/s3", value: "17", revision: 5 },
    { key: "d/beat/s4", value: "{}", revision: 6 },
  ]);
  assert.equal(board.all.size, 0);
});

function createWorld() {
  const [clock, cluster] = [createFakeClock(), createMemoryStore()];
  let ids = 0;
  const random = (bytes: number) => {
    ids += 1;
    return Buffer.alloc(bytes, ids.toString(16).padStart(2 * bytes, "0"), "hex");
  };
  async function open(server: string, options: Partial<ReplicaOptions> = {}) {
    const [disk, way] = [createMemoryStore(), createPartition(cluster)];
    const written: string[] = [];
    const local: Store = {
      ...disk,
      commit(change) {
        written.push(...(change.put ?? []).map(({ key }) => key));
        return disk.commit(change);
      },
    };
    const isFact = factsUnder(["fact/"]);
    const about = { clock, random, isFact, resolve: (_: string, mine: string | undefined) => mine };
    const replica = await openReplica({ ...about, local, remote: way, server, ...options });
    await driveUntil(clock, () => replica.caughtUp(), replica.status.bind(replica));
    return { replica, way, written };
  }
  const passes = (ms: number, end = clock.now() + ms) => driveUntil(clock, () => clock.now() >= end, String);
  return { clock, cluster, open, passes };
}

const put = (key: string, value: string) => ({ put: [{ key, value }] });
const storeDown = { code: "store-unavailable" };

async function isPending(promise: Promise<unknown>): Promise<boolean> {
  const pending = Symbol("pending");
  return (await Promise.race([promise, Promise.resolve(pending)])) === pending;
}

test("servers hear of each other, no word of it goes to a disk, and who falls silent grows old", async () => {
  const { clock, open, passes } = createWorld();
  const s1 = await open("s1");
  let rate = 1;
  const s2 = await open("s2", { about: () => ({ rate }) });
  await passes(3_000);
  s1.written.length = 0;
  rate = 2;
  await passes(2_500);
  const heard = s1.replica.beats().get("s2");
  assert.deepEqual([heard?.about, heard?.outbox, heard?.alone], [{ rate: 2 }, 0, false]);
  assert.ok(clock.now() - (heard?.heardAt ?? 0) < 2_500);
  assert.deepEqual([...s1.replica.beats().keys()].sort(), ["s1", "s2"]);
  s2.way.setMood("down");
  await passes(5_000);
  assert.ok(clock.now() - (s1.replica.beats().get("s2")?.heardAt ?? 0) > 5_000);
  assert.deepEqual(s1.written, []);
  await driveToEnd(clock, Promise.all([s1.replica.close(), s2.replica.close()]));
});

test("a beat that was held up on its way does not look like a new one, and tells of the outbox as it was", async () => {
  const { clock, open, passes } = createWorld();
  const [s1, s2] = [await open("s1"), await open("s2")];
  await passes(3_000);
  s2.way.setMood("late");
  await passes(10_000);
  await s2.way.letThrough();
  await passes(100);
  const heard = s1.replica.beats().get("s2");
  assert.ok(clock.now() - (heard?.heardAt ?? 0) > 9_000);
  await driveToEnd(clock, Promise.all([s1.replica.close(), s2.replica.close()]));
});

async function openRuled() {
  const world = createWorld();
  let rule: EditRule = { kind: "quorum", knownTo: ["s2"] };
  const quorum: EditRule = { kind: "quorum", knownTo: [] };
  const s1 = await world.open("s1", { edits: () => rule });
  const s2 = await world.open("s2", { edits: () => quorum });
  const close = async (...replicas: Replica[]) => {
    await driveToEnd(world.clock, Promise.all(replicas.map((replica) => replica.close())));
  };
  const setRule = (next: EditRule) => {
    rule = next;
  };
  return { ...world, s1, s2, setRule, close };
}

test("an edit that another server must know is acknowledged soon after that has it in its copy", async () => {
  const { clock, s1, s2, close } = await openRuled();
  const before = clock.now();
  await driveToEnd(clock, s1.replica.commit(put("edit/a", "1")));
  assert.equal((await s2.replica.get("edit/a"))?.value, "1");
  assert.ok(clock.now() - before < 500, "it does not wait for the next heartbeat");
  await close(s1.replica, s2.replica);
});

test("while the other does not say that it has an edit, that stays open; and it is refused after a while", async () => {
  const { clock, s1, s2, passes, close } = await openRuled();
  s2.way.setMood("down");
  const edit = s1.replica.commit(put("edit/a", "1"));
  edit.catch(() => {});
  await passes(9_000);
  assert.equal(await isPending(edit), true);
  await assert.rejects(driveToEnd(clock, edit), storeDown);
  await close(s1.replica, s2.replica);
});

test("an edit that waits for a server to know it goes with the rule: acknowledged alone, refused by none", async () => {
  for (const kind of ["alone", "none"] as const) {
    const { clock, s1, s2, passes, setRule, close } = await openRuled();
    s2.way.setMood("down");
    const edit = s1.replica.commit(put("edit/a", "1"));
    edit.catch(() => {});
    await passes(1_000);
    setRule({ kind });
    if (kind === "alone") assert.equal((await driveToEnd(clock, edit)).kind, "committed");
    else await assert.rejects(driveToEnd(clock, edit), storeDown);
    await close(s1.replica, s2.replica);
  }
});

test("alone, edits are kept like facts without the cluster, and delivered when it is back", async () => {
  const { clock, cluster, s1, s2, setRule, close } = await openRuled();
  s1.way.setMood("down");
  await assert.rejects(driveToEnd(clock, s1.replica.commit(put("edit/a", "1"))), storeDown);
  setRule({ kind: "alone" });
  assert.equal((await driveToEnd(clock, s1.replica.commit(put("edit/a", "2")))).kind, "committed");
  assert.equal((await s1.replica.get("edit/a"))?.value, "2");
  s1.way.setMood("well");
  await driveUntil(clock, () => s1.replica.caughtUp(), s1.replica.status.bind(s1.replica));
  assert.equal((await cluster.get("d/edit/a"))?.value, "2");
  await driveUntil(clock, () => s2.replica.beats().get("s1")?.alone === true, String);
  await close(s1.replica, s2.replica);
});

test("an edit that came while the server was alone is refused when it is not any more by the time it would be kept", async () => {
  const { clock, s1, s2, setRule, close } = await openRuled();
  s1.way.setMood("down");
  await driveUntil(clock, () => s1.replica.status().state === "away", String);
  setRule({ kind: "alone" });
  const [edit, fact] = [s1.replica.commit(put("edit/a", "1")), s1.replica.commit(put("fact/a", "1"))];
  setRule({ kind: "none" });
  await assert.rejects(driveToEnd(clock, edit), storeDown);
  assert.equal((await driveToEnd(clock, fact)).kind, "committed");
  assert.equal(await s1.replica.get("edit/a"), undefined);
  await close(s1.replica, s2.replica);
});

test("with the rule `none` facts are taken and edits are not", async () => {
  const { clock, s1, s2, setRule, close } = await openRuled();
  setRule({ kind: "none" });
  await assert.rejects(s1.replica.commit(put("edit/a", "1")), storeDown);
  assert.equal((await driveToEnd(clock, s1.replica.commit(put("fact/a", "1")))).kind, "committed");
  await close(s1.replica, s2.replica);
});

test("a commit that is half told when the watch ends is taken in as a whole, later", async () => {
  const { clock, cluster, open, passes } = createWorld();
  const way = createPartition(cluster);
  let isBroken = false;
  const remote: Store = {
    ...way,
    async *watch(prefix, after, signal) {
      for await (const row of way.watch(prefix, after, signal)) {
        yield row;
        if (isBroken || row.key !== "d/edit/a") continue;
        isBroken = true;
        return;
      }
    },
  };
  const { replica } = await open("s1", { remote });
  await cluster.commit({ put: ["d/edit/a", "d/edit/b"].map((key) => ({ key, value: "1" })) });
  await passes(5_000);
  assert.deepEqual(
    (await replica.list("")).map(({ key }) => key),
    ["edit/a", "edit/b"],
  );
  await driveToEnd(clock, replica.close());
});
