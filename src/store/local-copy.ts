/** A server's own durable copy of what the cluster holds, with the facts that the cluster does not know yet. */
import { storeUnavailable } from "./change.ts";
import { createMutex } from "./mutex.ts";
import {
  CHAIN,
  type Chain,
  changeOf,
  DATA,
  dataWrites,
  type Fact,
  factKey,
  NO_CHAIN,
  OUTBOX,
  POSITION,
  readFact,
  readRemote,
  readTruth,
  TRUTH,
  type Truth,
  type Writes,
  writeFact,
  writeRemote,
  writeTruth,
} from "./replica-keys.ts";
import { Intake, type ReplicaState, type Row } from "./replica-state.ts";
import type { Change, CommitResult, Entry, Revision, Store } from "./store.ts";

interface Waiting {
  readonly revision: Revision;
  resolve(): void;
}

/** Revisions of the cluster whose place in the copy is remembered for those who have just committed them. */
const MAX_TOLD = 1_000;

export class LocalCopy {
  private readonly local: Store;
  private readonly server: string;
  private readonly alone = createMutex();
  /** Revision in the local store by revision in the cluster. */
  private readonly told = new Map<Revision, Revision>();
  private waiting = new Set<Waiting>();
  private current: ReplicaState;
  private keeping: number = 0;

  private constructor(local: Store, server: string, state: ReplicaState) {
    this.local = local;
    this.server = server;
    this.current = state;
  }

  /** Rejects with EverbootError `store-unavailable`. */
  static async open(local: Store, server: string): Promise<LocalCopy> {
    const [position, chain] = await Promise.all([local.get(POSITION), local.get(CHAIN)]);
    const [facts, truths] = await Promise.all([local.list(OUTBOX), local.list(TRUTH)]);
    return new LocalCopy(local, server, {
      position: Number(position?.value ?? 0),
      chain: chain ? (JSON.parse(chain.value) as Chain) : NO_CHAIN,
      facts: facts.map(readFact),
      truths: new Map(truths.map(({ key, value }) => [key.slice(TRUTH.length), readTruth(value)])),
    });
  }

  /** As it is on the disk. */
  get state(): ReplicaState {
    return this.current;
  }

  /** Facts that wait to be delivered, and those that are being written down. */
  get outbox(): number {
    return this.current.facts.length + this.keeping;
  }

  /** Takes in what the cluster has committed: whole commits, in order. Each becomes one commit of the local store. */
  apply(rows: readonly Row[]): Promise<void> {
    return this.alone(async () => {
      const intake = new Intake(this.current, this.server);
      const commits = [...groupsOf(rows)]
        .filter(([revision]) => revision > this.current.position)
        .map(([revision, group]) => ({ revision, writes: intake.take(group, revision) }))
        .filter(({ writes }) => writes.size > 0)
        .map(async ({ revision, writes }) => this.tell(revision, await this.local.commit(changeOf(writes))));
      await Promise.all(commits);
      this.reach(intake.state);
    });
  }

  /** Takes in all that the cluster holds, and drops what it does not. */
  replace(entries: readonly Entry[]): Promise<void> {
    return this.alone(async () => {
      const present = new Set(entries.map(({ key }) => key));
      const held = await this.local.list(DATA);
      const known = new Map(held.map(({ key, value }) => [key, readRemote(value).revision]));
      const revision = entries.reduce((newest, entry) => Math.max(newest, entry.revision), this.current.position);
      const gone = [...known.keys(), ...this.current.truths.keys()].filter((key) => !present.has(key));
      const news = entries.filter(
        (entry) => this.current.truths.has(entry.key) || known.get(entry.key) !== entry.revision,
      );
      const intake = new Intake(this.current, this.server);
      const writes = intake.take([...gone.map((key) => ({ key, value: undefined, revision })), ...news], revision);
      await this.local.commit(changeOf(writes));
      this.reach(intake.state);
    });
  }

  /**
   * Keeps a change as a fact to be delivered: judged by what is held here, visible at once. When the cluster turns out
   * to have taken the same id already, nothing is left to be kept.
   */
  async keep(id: string, change: Change): Promise<CommitResult> {
    this.keeping += 1;
    try {
      return await this.keepInOrder(id, change);
    } finally {
      this.keeping -= 1;
    }
  }

  private keepInOrder(id: string, change: Change): Promise<CommitResult> {
    return this.alone(async () => {
      const { chain, facts } = this.current;
      if (chain.id === id) return { kind: "committed", revision: await this.localRevision(chain.revision) };
      const fact: Fact = { number: (facts.at(-1)?.number ?? 0) + 1, id, writes: dataWrites(change) };
      const truths = new Map(this.current.truths);
      const writes: Writes = new Map([[factKey(fact.number), writeFact(fact)]]);
      for (const [key, value] of fact.writes) {
        const truth = truths.get(key) ?? (await this.truthOf(key));
        truths.set(key, truth);
        writes.set(TRUTH + key, writeTruth(truth));
        writes.set(key, value === undefined ? undefined : writeRemote({ revision: truth.revision, value }));
      }
      const expect = (change.expect ?? []).map(({ key, revision }) => ({ key: DATA + key, revision }));
      const result = await this.local.commit(changeOf(writes, expect));
      if (result.kind === "conflict") return { kind: "conflict", key: result.key.slice(DATA.length) };
      this.current = { ...this.current, facts: [...facts, fact], truths };
      return result;
    });
  }

  /**
   * The expectations of a change, said of the cluster's revisions; or the key of the first that does not hold here.
   * Of no use for keys with waiting facts.
   */
  async translate(change: Change): Promise<{ conflict: string } | { expect: NonNullable<Change["expect"]> }> {
    const expect: Array<{ key: string; revision: Revision }> = [];
    for (const { key, revision } of change.expect ?? []) {
      const entry = await this.local.get(DATA + key);
      if ((entry?.revision ?? 0) !== revision) return { conflict: key };
      expect.push({ key: DATA + key, revision: readRemote(entry?.value).revision });
    }
    return { expect };
  }

  /** Resolves when the copy has reached a revision of the cluster; rejects with `store-unavailable` when the signal aborts. */
  reached(revision: Revision, signal: AbortSignal): Promise<void> {
    if (revision <= this.current.position) return Promise.resolve();
    if (signal.aborted) return Promise.reject(storeUnavailable(signal.reason));
    return new Promise((resolve, reject) => {
      const stop = () => {
        this.waiting.delete(waiting);
        reject(storeUnavailable(signal.reason));
      };
      const waiting: Waiting = {
        revision,
        resolve: () => {
          signal.removeEventListener("abort", stop);
          resolve();
        },
      };
      this.waiting.add(waiting);
      signal.addEventListener("abort", stop, { once: true });
    });
  }

  /** As `reached`; resolves with the local revision at which it came in. */
  async applied(revision: Revision, signal: AbortSignal): Promise<Revision> {
    await this.reached(revision, signal);
    return await this.localRevision(revision);
  }

  /**
   * A commit whose keys were all overwritten before they came here has no revision of its own: it gets a new one,
   * which no key has, so that nobody takes the newer values for what he wrote.
   */
  private async localRevision(revision: Revision): Promise<Revision> {
    const known = this.told.get(revision);
    if (known !== undefined) return known;
    const result = await this.local.commit({});
    return result.kind === "committed" ? result.revision : 0;
  }

  private async truthOf(key: string): Promise<Truth> {
    const remote = readRemote((await this.local.get(key))?.value);
    return { ...remote, base: remote.revision };
  }

  private tell(revision: Revision, result: CommitResult): void {
    if (result.kind === "committed") this.told.set(revision, result.revision);
    const oldest = this.told.keys().next().value;
    if (this.told.size > MAX_TOLD && oldest !== undefined) this.told.delete(oldest);
  }

  private reach(state: ReplicaState): void {
    this.current = state;
    for (const waiting of this.waiting) {
      if (waiting.revision > state.position) continue;
      this.waiting.delete(waiting);
      waiting.resolve();
    }
  }
}

function groupsOf(rows: readonly Row[]): Map<Revision, Row[]> {
  return Map.groupBy(rows, (row) => row.revision);
}
