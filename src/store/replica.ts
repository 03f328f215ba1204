/**
 * The store of a server in a cluster: reads from this server's own durable copy alone, writes through the cluster.
 *
 * - `get`, `list` and `watch` never ask the cluster (law 4).
 * - An *edit* goes to the cluster. It resolves when the cluster has it, which is on the disks of most members, and this
 *   server's copy has it too. While the cluster is away, or this server is not caught up, it rejects at once.
 * - A *fact* is something that has happened (`isFact` tells). While the cluster answers, it goes the way of an edit.
 *   While it does not, the fact is judged by the local copy, written to the outbox there, seen at once, and acknowledged.
 *   Facts are delivered in order once the cluster is back, each exactly once, before this server counts as caught up.
 * - An edit of a key with undelivered facts is refused like any edit during an outage.
 * - Of a pair of servers without a third machine the one that is left may be *alone*: it takes edits like facts
 *   (`edits` tells; cluster/pair.ts decides).
 *
 * What is acknowledged as a fact is not lost, but may meet a value that someone else has given the key meanwhile. Then
 * `resolve` decides, key by key, and the rest of the commit is delivered as it is. Expectations were judged when the
 * fact was acknowledged and are not judged again. For law 5 `resolve` must let the value win that is further from
 * installing the machine: used over writing, writing over started, any over issued; see docs/cluster-state.md.
 *
 * Revisions are those of the local copy: they mean nothing on another server, and a key's may grow when its fact is
 * delivered though its value stays.
 */
import { type Clock, sleep } from "../base/clock.ts";
import { EverbootError, errorText } from "../base/errors.ts";
import { rowOf, storeUnavailable, writesOf } from "./change.ts";
import { LocalCopy } from "./local-copy.ts";
import { createMutex } from "./mutex.ts";
import { BeatBoard, type Beats } from "./replica-beats.ts";
import { FactSender } from "./replica-facts.ts";
import { changeOf, DATA, dataWrites, keysOf, readRemote } from "./replica-keys.ts";
import { Link, type LinkState } from "./replica-link.ts";
import type { Resolve, Row } from "./replica-state.ts";
import type { Change, CommitResult, Entry, Revision, Store } from "./store.ts";

export interface ReplicaOptions {
  /** Durable, and this replica's alone; closed with it. */
  readonly local: Store;
  /** The cluster's; closed with the replica. */
  readonly remote: Store;
  /** Name of this server; no other replica that runs may have it. */
  readonly server: string;
  readonly clock: Clock;
  /** So many bytes of cryptographic randomness: `randomBytes` of node:crypto. */
  readonly random: (bytes: number) => Uint8Array;
  /** Has this happened already, so that it is to be kept when the cluster is away? */
  readonly isFact: (change: Change) => boolean;
  /** For facts of an outage that meet a change of someone else. */
  readonly resolve: Resolve;
  /** What this server tells the others of itself with each heartbeat: JSON. */
  readonly about?: () => unknown;
  /** Asked for each edit; default: the quorum of the cluster is enough. */
  readonly edits?: () => EditRule;
}

/**
 * How an edit comes to be acknowledged.
 * - `quorum`: most members of the cluster have it on their disks, this server's copy has it, and so have the copies of
 *   the servers `knownTo`, unless they are taken off the list meanwhile
 * - `alone`: like a fact, with the cluster or without
 * - `none`: not at all
 */
export type EditRule =
  | { readonly kind: "quorum"; readonly knownTo: readonly string[] }
  | { readonly kind: "alone" }
  | { readonly kind: "none" };

export interface ReplicaStatus {
  readonly state: LinkState;
  /** Revision of the cluster that the local copy has reached. */
  readonly position: Revision;
  /** Facts that wait to be delivered. */
  readonly outbox: number;
  /** Why the cluster was last away. */
  readonly trouble: unknown;
}

export interface Replica extends Store {
  /**
   * Has this copy all that the cluster had at the last heartbeat, and the cluster all that this server knows? A server
   * that was cut off may believe so for 3 s more at most, unless it writes.
   */
  caughtUp(): boolean;
  /** Resolves when `caughtUp()`; rejects with `store-unavailable` when the replica is closed before. */
  whenCaughtUp(): Promise<void>;
  status(): ReplicaStatus;
  /** What each server of the cluster, this one too, has last said of itself; known as far as the copy is. */
  beats(): Beats;
}

const QUORUM: EditRule = { kind: "quorum", knownTo: [] };
/** Milliseconds that another server gets to take an edit in, or to be taken off the list as dead. */
const KNOWN_MS = 10_000;
/** Milliseconds between two looks whether the rule has changed. */
const RULE_MS = 100;

/** For `isFact`: changes that touch nothing but keys with one of these prefixes. */
export function factsUnder(prefixes: readonly string[]): (change: Change) => boolean {
  return (change) => keysOf(change).every((key) => prefixes.some((prefix) => key.startsWith(prefix)));
}

/**
 * Resolves when the local copy can be read; the cluster is followed from then on. Rejects with EverbootError
 * `store-unavailable` when the local store does.
 */
export async function openReplica(options: ReplicaOptions): Promise<Replica> {
  const copy = await LocalCopy.open(options.local, options.server);
  return new ReplicaStore(options, copy);
}

class ReplicaStore implements Replica {
  private readonly options: ReplicaOptions;
  private readonly copy: LocalCopy;
  private readonly link: Link;
  private readonly facts: FactSender;
  private readonly board = new BeatBoard();
  private readonly inOrder = createMutex();
  private readonly underWay = new Set<Promise<unknown>>();
  /** By key: when the newest edit of it is over, and in this copy if it succeeded. */
  private readonly settling = new Map<string, Promise<void>>();
  private closed: boolean = false;

  constructor(options: ReplicaOptions, copy: LocalCopy) {
    const { remote, server, clock, resolve, random } = options;
    this.options = options;
    this.copy = copy;
    this.link = new Link({
      ...{ copy, remote, server, clock, board: this.board },
      say: () => ({ about: options.about?.(), outbox: copy.outbox, alone: this.isAlone() }),
      isWaitedFor: () => options.edits !== undefined,
      deliver: () => this.facts.deliver(),
    });
    const newId = () => Buffer.from(random(16)).toString("hex");
    const isAlone = () => this.isAlone();
    this.facts = new FactSender({ copy, remote, server, resolve, newId, isAlone }, this.link);
    this.link.start();
  }

  async get(key: string): Promise<Entry | undefined> {
    const entry = await this.options.local.get(DATA + key);
    return entry && (visible(entry) as Entry);
  }

  async list(prefix: string): Promise<readonly Entry[]> {
    const entries = await this.options.local.list(DATA + prefix);
    return entries.map((entry) => visible(entry) as Entry);
  }

  async *watch(prefix: string, after: Revision, signal: AbortSignal): AsyncGenerator<Row, void, void> {
    for await (const row of this.options.local.watch(DATA + prefix, after, signal)) yield visible(row);
  }

  async commit(change: Change): Promise<CommitResult> {
    if (this.closed) throw storeUnavailable(new Error("the store is closed"));
    const committing = this.options.isFact(change) ? this.facts.send(change, false) : this.edit(change);
    this.underWay.add(committing);
    try {
      return await committing;
    } finally {
      this.underWay.delete(committing);
    }
  }

  caughtUp(): boolean {
    return this.link.state === "current" && this.copy.state.facts.length === 0;
  }

  async whenCaughtUp(): Promise<void> {
    while (!this.caughtUp()) {
      if (this.closed) throw storeUnavailable(new Error("the store is closed"));
      await this.link.next();
    }
  }

  status(): ReplicaStatus {
    const { outbox, state } = this.copy;
    return { state: this.link.state, position: state.position, outbox, trouble: this.link.trouble };
  }

  beats(): Beats {
    return this.board.all;
  }

  async close(): Promise<void> {
    this.closed = true;
    await Promise.allSettled(this.underWay);
    await this.link.stop();
    await this.options.remote.close();
    await this.options.local.close();
  }

  private rule(): EditRule {
    return this.options.edits?.() ?? QUORUM;
  }

  private isAlone(): boolean {
    return this.rule().kind === "alone";
  }

  private async edit(change: Change): Promise<CommitResult> {
    const { kind } = this.rule();
    if (kind === "none") throw editsRefused(NOT_IN_STEP);
    const result = await (kind === "alone" ? this.facts.send(change, true) : this.editByQuorum(change));
    if (result.kind === "committed") await this.untilKnown(this.copy.state.position);
    return result;
  }

  /** Resolves when all those have a revision who must; rejects when that cannot be told: it may be in force all the same. */
  private async untilKnown(revision: Revision): Promise<void> {
    const { clock } = this.options;
    let isLate = false;
    const patience = clock.after(KNOWN_MS, () => {
      isLate = true;
    });
    try {
      while (!this.isKnown(revision)) {
        if (this.closed || isLate || this.rule().kind === "none") throw editsRefused(NOT_IN_STEP);
        await Promise.race([this.board.next(), sleep(clock, RULE_MS)]);
      }
    } finally {
      patience.cancel();
    }
  }

  private isKnown(revision: Revision): boolean {
    const rule = this.rule();
    if (rule.kind !== "quorum") return rule.kind === "alone";
    return rule.knownTo.every((server) => {
      const beat = this.board.all.get(server);
      return beat !== undefined && !beat.alone && beat.position >= revision;
    });
  }

  private async editByQuorum(change: Change): Promise<CommitResult> {
    const { truths } = this.copy.state;
    if (this.link.state !== "current") throw editsRefused(this.link.trouble);
    if (keysOf(change).some((key) => truths.has(DATA + key)))
      throw editsRefused(new Error("its facts are undelivered"));
    const { signal } = this.link;
    const over = Promise.withResolvers<void>();
    try {
      const result = await this.sendEdit(change, over.promise);
      if (result.kind === "committed") {
        if (mayBeSilent(change)) await this.link.catchUp();
        return { kind: "committed", revision: await this.copy.applied(result.revision, signal) };
      }
      // What was in the way is to be seen here when the caller looks.
      await this.link.catchUp();
      return result;
    } catch (error) {
      if (!(error instanceof EverbootError && error.code === "store-unavailable")) throw error;
      this.link.lost(error);
      throw editsRefused(error);
    } finally {
      over.resolve();
    }
  }

  /**
   * Edits reach the cluster in the order they came, and do not wait for each other there; but one that expects something
   * of a key waits until an earlier edit of that key can be seen here.
   */
  private async sendEdit(change: Change, over: Promise<void>): Promise<CommitResult> {
    const sent = await this.inOrder(async () => {
      for (const { key } of change.expect ?? []) await this.settling.get(key);
      for (const key of writesOf(change).keys()) this.settle(key, over);
      const translated = await this.copy.translate(change);
      if ("conflict" in translated) return { result: { kind: "conflict", key: DATA + translated.conflict } as const };
      return { result: this.options.remote.commit(changeOf(dataWrites(change), translated.expect)) };
    });
    const result = await sent.result;
    return result.kind === "conflict" ? { kind: "conflict", key: result.key.slice(DATA.length) } : result;
  }

  private settle(key: string, over: Promise<void>): void {
    this.settling.set(key, over);
    void over.then(() => {
      if (this.settling.get(key) === over) this.settling.delete(key);
    });
  }
}

/** Removing what is absent, or nothing at all, brings no row that would tell of it. */
function mayBeSilent(change: Change): boolean {
  return [...writesOf(change).values()].every((value) => value === undefined);
}

const NOT_IN_STEP = new Error("this server and its peer do not know that they are in step");

function visible(row: Row): Row {
  const value = row.value === undefined ? undefined : readRemote(row.value).value;
  return rowOf(row.key.slice(DATA.length), value, row.revision);
}

/** The port's one code for an outage, in words that tell what still works. */
function editsRefused(cause: unknown): EverbootError {
  return new EverbootError("store-unavailable", {}, cause, errorText("cluster-away"));
}
