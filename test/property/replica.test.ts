/**
 * Three replicas of one cluster, over random schedules of cuts, lost answers, late requests, kill -9 and restarts:
 * nothing that was acknowledged is lost, nothing is written twice, a key's facts never go back, and when all is well
 * again all copies are equal.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { EverbootError } from "../../src/base/errors.ts";
import { createMemoryStore } from "../../src/store/memory.ts";
import { factsUnder, openReplica, type Replica } from "../../src/store/replica.ts";
import type { Change, CommitResult, Store } from "../../src/store/store.ts";
import { driveToEnd, driveUntil } from "../support/drive.ts";
import { createFakeClock } from "../support/fake-clock.ts";
import {
  createMortalStore,
  createPartition,
  type MortalStore,
  type Partition,
  type PartitionMood,
} from "../support/partition.ts";

const SERVERS = 3;
const HOSTS = 2;

type Step =
  /** Something happened: a key of its own. */
  | { readonly do: "event" }
  /** A permit goes one level on from where this server believes it is. */
  | { readonly do: "permit"; readonly host: number }
  /** A fact on a key that all write and remove. */
  | { readonly do: "note"; readonly remove: boolean }
  /** An edit that counts. */
  | { readonly do: "edit" }
  | { readonly do: "remove"; readonly host: number }
  | { readonly do: "mood"; readonly mood: PartitionMood }
  | { readonly do: "late" }
  | { readonly do: "kill"; readonly afterCommits: number }
  | { readonly do: "wait"; readonly ms: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.constant({ do: "event" as const }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant("permit" as const), host: fc.nat(HOSTS - 1) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("note" as const), remove: fc.boolean() }) },
  { weight: 2, arbitrary: fc.constant({ do: "edit" as const }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("remove" as const), host: fc.nat(HOSTS - 1) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("mood" as const),
      mood: fc.constantFrom<PartitionMood>("well", "well", "down", "unsure", "late"),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ do: "late" as const }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("kill" as const), afterCommits: fc.nat(3) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("wait" as const), ms: fc.integer({ min: 1, max: 3_000 }) }) },
);

const rounds = fc.array(fc.array(fc.record({ server: fc.nat(SERVERS - 1), step }), { minLength: 1, maxLength: 4 }), {
  minLength: 5,
  maxLength: 30,
});

const isFact = factsUnder(["event/", "note/", "permit/"]);

const levelOf = (value: string | undefined): number => Number(value ?? 0);

/** The further level wins, wherever it was written. */
function resolve(key: string, mine: string | undefined, theirs: string | undefined): string | undefined {
  if (key.startsWith("event/")) return mine ?? theirs;
  return levelOf(mine) > levelOf(theirs) ? mine : theirs;
}

interface Server {
  readonly disk: Store;
  readonly way: Partition;
  process: { readonly replica: Replica; readonly disk: MortalStore; readonly way: MortalStore };
}

class World {
  readonly clock = createFakeClock();
  readonly cluster = createMemoryStore();
  /** How often each key was written in the cluster. */
  readonly written = new Map<string, number>();
  readonly servers: Server[] = [];
  /** Of acknowledged facts. */
  readonly events = new Set<string>();
  readonly levels = new Map<string, number>();
  readonly edits = { acknowledged: 0, unsure: 0 };
  private ids = 0;

  static async open(): Promise<World> {
    const world = new World();
    for (let place = 0; place < SERVERS; place++) {
      const [disk, way] = [createMemoryStore(), createPartition(world.counted())];
      world.servers.push({ disk, way, process: await world.startProcess(place, disk, way) });
    }
    return world;
  }

  async restart(place: number): Promise<void> {
    const server = this.server(place);
    const { replica, disk, way } = server.process;
    disk.end();
    way.end();
    void replica.close();
    server.process = await this.startProcess(place, server.disk, server.way);
  }

  /** Lets time go by until it is so. */
  async until(isSo: () => boolean): Promise<void> {
    await driveUntil(this.clock, isSo, () => this.servers.map(({ process }) => process.replica.status()));
  }

  async passes(ms: number): Promise<void> {
    const end = this.clock.now() + ms;
    await this.until(() => this.clock.now() >= end);
  }

  /** `undefined` = it is not known what became of it. */
  async commit(place: number, change: Change): Promise<CommitResult | undefined> {
    try {
      return await driveToEnd(this.clock, this.server(place).process.replica.commit(change));
    } catch (error) {
      assert.ok(error instanceof EverbootError, String(error));
      return undefined;
    }
  }

  newId(): string {
    this.ids += 1;
    return String(this.ids).padStart(6, "0");
  }

  server(place: number): Server {
    const server = this.servers[place];
    assert.ok(server);
    return server;
  }

  private counted(): Store {
    const commit = async (change: Change) => {
      const result = await this.cluster.commit(change);
      const puts = result.kind === "committed" ? (change.put ?? []) : [];
      for (const { key } of puts) this.written.set(key, (this.written.get(key) ?? 0) + 1);
      return result;
    };
    return { ...this.cluster, commit };
  }

  private async startProcess(place: number, onDisk: Store, toCluster: Store): Promise<Server["process"]> {
    const [disk, way] = [createMortalStore(onDisk), createMortalStore(toCluster)];
    const random = (bytes: number) => Buffer.alloc(bytes, this.newId().padStart(2 * bytes, "0"), "hex");
    const options = { server: `s${place}`, clock: this.clock, random, isFact, resolve };
    return { replica: await openReplica({ ...options, local: disk, remote: way }), disk, way };
  }
}

async function take(world: World, place: number, step: Step): Promise<void> {
  const { replica, disk } = world.server(place).process;
  switch (step.do) {
    case "event": {
      const key = `event/${place}/${world.newId()}`;
      const result = await world.commit(place, { put: [{ key, value: "1" }] });
      if (result?.kind === "committed") world.events.add(key);
      return;
    }
    case "note":
      await world.commit(
        place,
        step.remove ? { remove: ["note/1"] } : { put: [{ key: "note/1", value: world.newId() }] },
      );
      return;
    case "permit":
      return await movePermit(world, place, `permit/${step.host}`);
    case "edit":
      return await count(world, place);
    case "remove": {
      const [oldest] = await replica.list("event/").catch(() => []);
      if (oldest && world.events.delete(oldest.key)) await world.commit(place, { remove: [oldest.key] });
      return;
    }
    case "mood":
      return world.server(place).way.setMood(step.mood);
    case "late":
      return await world.server(place).way.letThrough();
    case "kill":
      disk.end(step.afterCommits);
      await world.passes(100);
      return await world.restart(place);
    case "wait":
      return await world.passes(step.ms);
  }
}

async function movePermit(world: World, place: number, key: string): Promise<void> {
  const held = await world
    .server(place)
    .process.replica.get(key)
    .catch(() => undefined);
  const level = levelOf(held?.value) + 1;
  const event = { key: `event/${place}/${world.newId()}`, value: "1" };
  const change = { expect: [{ key, revision: held?.revision ?? 0 }], put: [{ key, value: String(level) }, event] };
  const result = await world.commit(place, change);
  if (result?.kind !== "committed") return;
  world.events.add(event.key);
  world.levels.set(key, Math.max(level, world.levels.get(key) ?? 0));
}

async function count(world: World, place: number): Promise<void> {
  const held = await world
    .server(place)
    .process.replica.get("counter")
    .catch(() => undefined);
  const put = [{ key: "counter", value: String(levelOf(held?.value) + 1) }];
  const result = await world.commit(place, { expect: [{ key: "counter", revision: held?.revision ?? 0 }], put });
  if (result?.kind === "committed") world.edits.acknowledged += 1;
  if (result === undefined) world.edits.unsure += 1;
}

async function heal(world: World): Promise<void> {
  for (const place of world.servers.keys()) {
    const { way } = world.server(place);
    way.setMood("well");
    await way.letThrough();
    await world.restart(place);
  }
  const isWell = () => world.servers.every(({ process }) => process.replica.caughtUp());
  await world.until(isWell);
  await world.passes(2_500);
  await world.until(isWell);
}

async function check(world: World): Promise<void> {
  const held = (await world.cluster.list("d/")).map(({ key, value }) => [key.slice(2), value]);
  for (const { process } of world.servers) {
    assert.deepEqual(
      (await process.replica.list("")).map(({ key, value }) => [key, value]),
      held,
    );
    assert.equal(process.replica.status().outbox, 0);
  }
  const values = new Map(held as Array<[string, string]>);
  for (const key of world.events) assert.ok(values.has(key), `${key} is lost`);
  for (const [key, times] of world.written) if (key.startsWith("d/event/")) assert.equal(times, 1, `${key} came twice`);
  for (const [key, level] of world.levels) assert.ok(levelOf(values.get(key)) >= level, `${key} went back`);
  const counted = levelOf(values.get("counter"));
  const { acknowledged, unsure } = world.edits;
  assert.ok(acknowledged <= counted && counted <= acknowledged + unsure, `${counted} of ${acknowledged} edits`);
}

const seed = Number(process.env.SEED ?? Date.now() % 1_000_000);

test(`facts survive every order of cuts and crashes, and are told once (SEED=${seed})`, async () => {
  await fc.assert(
    fc.asyncProperty(rounds, async (schedule) => {
      const world = await World.open();
      for (const round of schedule) {
        await Promise.all(round.map(({ server, step }) => take(world, server, step)));
      }
      await heal(world);
      await check(world);
      await Promise.all(world.servers.map(({ process }) => process.replica.close()));
    }),
    { numRuns: 100, seed },
  );
});
