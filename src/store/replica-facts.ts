/**
 * Sends the facts of a server: straight to the cluster while that answers, else to the outbox and from there later.
 * Whatever goes to the cluster moves the server's chain from the revision it has to a new one and leaves an id there,
 * one delivery after the other. So a delivery whose answer was lost, or whose server was killed, is told from one that
 * did not come in; and one that comes in late finds the chain moved, and does nothing.
 */
import { EverbootError } from "../base/errors.ts";
import { storeUnavailable } from "./change.ts";
import type { LocalCopy } from "./local-copy.ts";
import { createMutex } from "./mutex.ts";
import { chainKey, changeOf, DATA, dataWrites, keysOf } from "./replica-keys.ts";
import type { Link } from "./replica-link.ts";
import { nextDelivery, type Resolve } from "./replica-state.ts";
import type { Change, CommitResult, Revision, Store } from "./store.ts";

export interface FactOptions {
  readonly copy: LocalCopy;
  readonly remote: Store;
  readonly server: string;
  readonly resolve: Resolve;
  /** Never the same twice, on any server. */
  readonly newId: () => string;
  /** May an edit be kept as if it were a fact? */
  readonly isAlone: () => boolean;
}

interface Waiting {
  readonly change: Change;
  readonly isEdit: boolean;
  resolve(result: CommitResult): void;
  reject(error: unknown): void;
}

/** Keys of the facts that are sent together. */
const MAX_KEYS = 100;

export class FactSender {
  private readonly options: FactOptions;
  private readonly link: Link;
  /** One at a time may move the chain. */
  private readonly onChain = createMutex();
  private queue: Waiting[] = [];
  private sending: boolean = false;
  /** Revision to which a delivery of this process has moved the chain. */
  private moved: Revision = 0;

  constructor(options: FactOptions, link: Link) {
    this.options = options;
    this.link = link;
  }

  /**
   * Facts that come together are sent together, unless they share keys; those may then have the same revision. An edit
   * is kept only while the server is alone.
   */
  send(change: Change, isEdit: boolean): Promise<CommitResult> {
    return new Promise((resolve, reject) => {
      this.queue.push({ change, isEdit, resolve, reject });
      if (!this.sending) void this.sendAll();
    });
  }

  /** Resolves when the outbox is empty; rejects with `store-unavailable`. */
  async deliver(): Promise<void> {
    while (this.options.copy.state.facts.length > 0) await this.onChain(() => this.deliverNext());
  }

  private async sendAll(): Promise<void> {
    this.sending = true;
    // For those that are sent in the same turn.
    await Promise.resolve();
    while (this.queue.length > 0) {
      const batch = this.takeBatch();
      await this.onChain(() => this.sendBatch(batch)).catch((error) => {
        for (const one of batch) one.reject(error);
      });
    }
    this.sending = false;
  }

  /** The first of the queue, and those behind that share no key with it, each other, or one that must wait. */
  private takeBatch(): Waiting[] {
    const touched = new Set<string>();
    const batch: Waiting[] = [];
    const later: Waiting[] = [];
    for (const one of this.queue) {
      const keys = keysOf(one.change);
      const isFree = batch.length === 0 || touched.size + keys.length <= MAX_KEYS;
      (isFree && !keys.some((key) => touched.has(key)) ? batch : later).push(one);
      for (const key of keys) touched.add(key);
    }
    this.queue = later;
    return batch;
  }

  /** Answers each of the batch and takes it off. */
  private async sendBatch(batch: Waiting[]): Promise<void> {
    const id = this.options.newId();
    if (this.link.state !== "current" || this.options.copy.state.facts.length > 0) {
      return await this.keep(id, batch, (key) => ({ kind: "conflict", key }));
    }
    try {
      await this.sendToCluster(id, batch);
    } catch (error) {
      if (!(error instanceof EverbootError && error.code === "store-unavailable")) throw error;
      this.link.lost(error);
      // It may have come in, or still do so: nobody can say that it was refused.
      await this.keep(id, batch, () => storeUnavailable(error));
    }
  }

  private async sendToCluster(id: string, batch: Waiting[]): Promise<void> {
    const { copy, remote, server } = this.options;
    const { signal } = this.link;
    while (batch.length > 0) {
      const translated = await copy.translate(merge(batch));
      if ("conflict" in translated) {
        answer(batch, translated.conflict, { kind: "conflict", key: translated.conflict });
        continue;
      }
      const writes = dataWrites(merge(batch)).set(chainKey(server), id);
      const chain = { key: chainKey(server), revision: this.chainRevision() };
      const result = await remote.commit(changeOf(writes, [chain, ...translated.expect]));
      if (result.kind === "committed") {
        this.moved = result.revision;
        return answerAll(batch, await copy.applied(result.revision, signal));
      }
      // What was in the way is to be seen here when the caller looks; also a delivery that came in late.
      await this.link.catchUp();
      const key = result.key.slice(DATA.length);
      if (result.key !== chain.key) answer(batch, key, { kind: "conflict", key });
    }
  }

  private async keep(id: string, batch: Waiting[], refusal: (key: string) => CommitResult | Error): Promise<void> {
    while (batch.length > 0) {
      if (!this.options.isAlone()) rejectEdits(batch);
      if (batch.length === 0) break;
      const result = await this.options.copy.keep(id, merge(batch));
      if (result.kind === "committed") answerAll(batch, result.revision);
      else answer(batch, result.key, refusal(result.key));
    }
    this.link.wake();
  }

  private async deliverNext(): Promise<void> {
    const { copy, remote, server, resolve } = this.options;
    const delivery = nextDelivery(copy.state, server, this.chainRevision(), resolve);
    if (!delivery) return;
    const { signal } = this.link;
    const result = await remote.commit(delivery);
    if (result.kind === "conflict") return await this.link.catchUp();
    this.moved = result.revision;
    // The facts leave the outbox when the chain comes back by the watch, before anything else is delivered.
    await copy.reached(result.revision, signal);
  }

  private chainRevision(): Revision {
    return Math.max(this.moved, this.options.copy.state.chain.revision);
  }
}

function merge(batch: readonly Waiting[]): Change {
  return {
    expect: batch.flatMap(({ change }) => change.expect ?? []),
    put: batch.flatMap(({ change }) => change.put ?? []),
    remove: batch.flatMap(({ change }) => change.remove ?? []),
  };
}

/** They came while the server was alone, and it is not any more. */
function rejectEdits(batch: Waiting[]): void {
  for (const one of batch.splice(0, batch.length, ...batch.filter(({ isEdit }) => !isEdit)))
    if (one.isEdit) one.reject(storeUnavailable(new Error("this server is not alone any more")));
}

function answerAll(batch: Waiting[], revision: Revision): void {
  for (const one of batch.splice(0)) one.resolve({ kind: "committed", revision });
}

/** To the one that has this key. */
function answer(batch: Waiting[], key: string, result: CommitResult | Error): void {
  const place = batch.findIndex(({ change }) => keysOf(change).includes(key));
  const [one] = batch.splice(Math.max(0, place), 1);
  if (result instanceof Error) one?.reject(result);
  else one?.resolve(result);
}
