/**
 * Servers with real replicas, permits and, where they are two, real pair keepers, over one simulated cluster store; a
 * router; machines that are installed. Whoever is in the same group reaches each other: a cut divides all links at once.
 */
import assert from "node:assert/strict";
import { sleep } from "../../src/base/clock.ts";
import { EverbootError } from "../../src/base/errors.ts";
import { silentLog } from "../../src/base/log.ts";
import { PairKeeper, type PairView } from "../../src/cluster/pair-keeper.ts";
import { isFact, resolveKey } from "../../src/cluster/permit-facts.ts";
import { openPermits, type Permits } from "../../src/cluster/permits.ts";
import { createStanding } from "../../src/cluster/standing.ts";
import { createPulse } from "../../src/store/follow.ts";
import { createMemoryStore } from "../../src/store/memory.ts";
import { openReplica, type Replica } from "../../src/store/replica.ts";
import type { Store } from "../../src/store/store.ts";
import { createFakeClock } from "../support/fake-clock.ts";
import { createMortalStore, createPartition, type Partition, type PartitionMood } from "../support/partition.ts";

/** Milliseconds after a hand-out within which a second one is given without asking; an install takes longer. */
export const HAND_OUT_AGAIN_MS = 8_000;
const STEP_MS = 100;
/** Milliseconds that a client waits for an answer. */
const PATIENCE_MS = 20_000;

export interface Process {
  readonly replica: Replica;
  readonly permits: Permits;
  readonly pair?: PairKeeper;
  /** kill -9. */
  kill(): void;
}

export class SimulatedServer {
  readonly name: string;
  readonly disk: Store = createMemoryStore();
  readonly way: Partition;
  /** The word of the pair that is on the disk. */
  pairWord: "sole" | "paired" = "paired";
  process: Process | undefined;
  isEtcdUp: boolean = true;
  /** Its watches tell nothing, though its commits pass. */
  isDeaf: boolean = false;
  group: number = 0;
  readonly heardAgain = createPulse();

  constructor(name: string, cluster: Store) {
    this.name = name;
    this.way = createPartition(cluster);
  }
}

export class Law5World {
  readonly clock = createFakeClock();
  readonly cluster = createMemoryStore();
  readonly servers: readonly SimulatedServer[];
  routerGroup: number = 0;
  /** How commits of a server without a quorum fail. */
  private awayMood: PartitionMood = "down";
  private ids = 0;

  constructor(count: number) {
    this.servers = Array.from({ length: count }, (_, place) => new SimulatedServer(`s${place + 1}`, this.cluster));
  }

  get isPair(): boolean {
    return this.servers.length === 2;
  }

  server(place: number): SimulatedServer {
    const server = this.servers[place % this.servers.length];
    assert.ok(server);
    return server;
  }

  /** After any change of groups, or of who is up. */
  async settleWays(awayMood: PartitionMood = this.awayMood): Promise<void> {
    this.awayMood = awayMood;
    for (const server of this.servers) {
      const hasQuorum = this.hasQuorum(server);
      server.way.setMood(hasQuorum ? "well" : awayMood);
      // What a cut has held up comes in when it is over.
      if (hasQuorum) await server.way.letThrough();
    }
  }

  async start(server: SimulatedServer): Promise<void> {
    server.isEtcdUp = true;
    await this.settleWays();
    server.process ??= await this.startProcess(server);
  }

  async kill(server: SimulatedServer, withEtcd: boolean): Promise<void> {
    server.process?.kill();
    server.process = undefined;
    if (withEtcd) server.isEtcdUp = false;
    await this.settleWays();
  }

  /** Until the next change of anything, commits are done and their answers lost. */
  loseAnswers(server: SimulatedServer): void {
    if (this.hasQuorum(server)) server.way.setMood("unsure");
  }

  setDeaf(server: SimulatedServer, isDeaf: boolean): void {
    server.isDeaf = isDeaf;
    server.heardAgain.beat();
  }

  async passes(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += STEP_MS) {
      this.clock.advance(STEP_MS);
      for (let turns = 0; turns < 4; turns++) await new Promise((resume) => setImmediate(resume));
    }
  }

  /** Lets time go by until it is so. */
  async until(isSo: () => boolean): Promise<void> {
    for (let steps = 0; steps < 600 && !isSo(); steps++) await this.passes(STEP_MS);
    const told = this.servers.map(({ process }) => [process?.pair?.state, process?.replica.status()]);
    assert.ok(isSo(), `it never came to be: ${JSON.stringify(told)}`);
  }

  random = (bytes: number): Uint8Array => {
    this.ids += 1;
    return Buffer.alloc(bytes, this.ids.toString(16).padStart(2 * bytes, "0"), "hex");
  };

  /**
   * What a server that is reached answers; undefined when nobody does. An answer counts if its server lives and is
   * reached until it is here.
   */
  async ask<T>(group: number, turn: number, question: (permits: Permits) => Promise<T>): Promise<T | undefined> {
    const inReach = this.servers.filter((each) => each.process && each.group === group);
    const server = inReach[turn % Math.max(1, inReach.length)];
    const process = server?.process;
    if (!server || !process) return undefined;
    const answer = await Promise.race([question(process.permits).catch(unavailable), this.sleeps(PATIENCE_MS)]);
    return server.process === process && server.group === group ? answer : undefined;
  }

  sleeps(ms: number): Promise<undefined> {
    return sleep(this.clock, ms).then(() => undefined);
  }

  private async startProcess(server: SimulatedServer): Promise<Process> {
    const { clock, random } = this;
    const ended = new AbortController();
    const [local, remote] = [createMortalStore(server.disk), createMortalStore(deafened(server))];
    const pair = this.isPair ? this.openPair(server, ended.signal) : undefined;
    const replica = await openReplica({
      ...{ local, remote, server: server.name, clock, random, isFact, resolve: resolveKey },
      ...(pair && { edits: () => pair.edits() }),
    });
    const others = () => this.servers.filter((each) => each !== server).map(({ name }) => name);
    const permits = await openPermits({
      ...{ store: replica, clock, random, handOutAgainMs: HAND_OUT_AGAIN_MS },
      journal: { prepare: () => this.journalEntry(server.name) },
      following: { signal: ended.signal, clock },
      standing: createStanding({ replica, others, clock, ...(pair && { pair }) }),
    });
    pair?.start(replica, () => this.view(server));
    const kill = () => {
      local.end();
      remote.end();
      pair?.stop();
      ended.abort();
      void replica.close();
    };
    return { replica, permits, ...(pair && { pair }), kill };
  }

  private hasQuorum(server: SimulatedServer): boolean {
    const members = this.servers.filter(({ isEtcdUp, group }) => isEtcdUp && group === server.group);
    return members.length > this.servers.length / 2;
  }

  private openPair(server: SimulatedServer, ended: AbortSignal): PairKeeper {
    const peer = this.peerOf(server);
    return new PairKeeper({
      ...{ peer: peer.name, clock: this.clock, log: silentLog },
      last: server.pairWord === "sole" ? "sole" : "waiting",
      write(word) {
        if (!ended.aborted) server.pairWord = word;
      },
    });
  }

  private peerOf(server: SimulatedServer): SimulatedServer {
    return this.server(this.servers.indexOf(server) + 1);
  }

  private view(server: SimulatedServer): PairView {
    const peer = this.peerOf(server);
    const isHeard = peer.process !== undefined && peer.group === server.group;
    return { heard: isHeard ? "yes" : "no", witness: this.routerGroup === server.group ? "yes" : "no" };
  }

  private journalEntry(server: string) {
    this.ids += 1;
    return { put: [{ key: `journal/${server}/${this.ids}`, value: "{}" }], remove: [], confirm: () => {} };
  }
}

/** A server's way to the cluster, as its watches see it while it may be deaf. */
function deafened(server: SimulatedServer): Store {
  return {
    ...server.way,
    async *watch(prefix, after, signal) {
      let told = 0;
      const stopped = new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
      for await (const row of server.way.watch(prefix, after, signal)) {
        // A commit comes in as a whole or not at all.
        const isNext = row.revision !== told;
        while (isNext && server.isDeaf && !signal.aborted) await Promise.race([server.heardAgain.next(), stopped]);
        if (isNext && signal.aborted) return;
        told = row.revision;
        yield row;
      }
    },
  };
}

/** An outage, or the wrong moment; anything else is a bug. */
function unavailable(error: unknown): undefined {
  if (error instanceof EverbootError && error.code !== "permit-unknown") return undefined;
  throw error;
}
