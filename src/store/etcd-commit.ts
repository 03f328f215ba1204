/**
 * Commits to etcd that take effect exactly once, though each may be sent several times.
 *
 * An answer that does not come (deadline, broken connection, "request timed out" after an election) leaves it open
 * whether the transaction took effect, and it may still do so seconds later. So each transaction moves a mark of this
 * writer from the revision it has to a new one, and carries an id in it: sent again, it either moves the mark, or finds
 * its own id there and so learns its revision. One that comes in late finds the mark moved, and does nothing.
 */
import { storeUnavailable } from "./change.ts";
import type { EtcdClient, Patience } from "./etcd-client.ts";
import { changeTxn, failureOf, type KeySpace, type Mark, revisionOf, type TxnAnswer } from "./etcd-wire.ts";
import { KeyOrder } from "./key-order.ts";
import type { Change, CommitResult } from "./store.ts";

export interface EtcdCommitOptions {
  readonly client: EtcdClient;
  readonly space: KeySpace;
  /** No other open store may have the same one. */
  readonly writer: string;
  /** Never the same for two stores of one writer. */
  readonly incarnation: string;
}

/** Marks, and so transactions under way at a time; more wait. */
const MARKS = 64;

export class EtcdCommitter {
  private readonly options: EtcdCommitOptions;
  private readonly free: Mark[];
  private readonly waiting: Array<(mark: Mark) => void> = [];
  private readonly order = new KeyOrder();
  private count = 0;

  constructor(options: EtcdCommitOptions) {
    this.options = options;
    this.free = Array.from({ length: MARKS }, (_, slot) => ({
      key: options.space.markOf(options.writer, slot),
      revision: 0,
    }));
  }

  /**
   * Changes that share a key are judged in the order they were given. Rejects as `EtcdClient.call`; when its patience
   * is over, the change may still take effect, once.
   */
  commit(change: Change, patience: Patience): Promise<CommitResult> {
    return this.order.run(keysOf(change), () => this.commitOnMark(change, patience));
  }

  private async commitOnMark(change: Change, patience: Patience): Promise<CommitResult> {
    const mark = this.free.shift() ?? (await this.nextMark());
    try {
      return await this.send(change, mark, patience);
    } finally {
      const next = this.waiting.shift();
      if (next) next(mark);
      else this.free.push(mark);
    }
  }

  private nextMark(): Promise<Mark> {
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  private async send(change: Change, mark: Mark, patience: Patience): Promise<CommitResult> {
    const { client, space, incarnation } = this.options;
    this.count += 1;
    const id = `${incarnation}-${this.count}`;
    for (;;) {
      const { answer, tries } = await client.call("/v3/kv/txn", changeTxn(space, change, mark, id), patience);
      const txn = answer as TxnAnswer;
      if (txn.succeeded) return committed(mark, revisionOf(txn));
      const found = failureOf(txn);
      if (found.mark.id === id) return committed(mark, found.mark.revision);
      const isMoved = found.mark.revision !== mark.revision;
      // Moved by the daemon's life before this one, or by a commit that was given up: now this one goes.
      mark.revision = found.mark.revision;
      if (isMoved) continue;
      // An earlier try that comes in late must not find the mark, and by then perhaps the keys, as it wants them.
      if (tries > 1) await this.send({}, mark, patience);
      return conflictOf(change, found.revisions);
    }
  }
}

function committed(mark: Mark, revision: number): CommitResult {
  mark.revision = revision;
  return { kind: "committed", revision };
}

function conflictOf(change: Change, revisions: readonly number[]): CommitResult {
  const failed = change.expect?.find(({ revision }, place) => revisions[place] !== revision);
  if (!failed) throw storeUnavailable(new Error("etcd refused a transaction whose comparisons hold"));
  return { kind: "conflict", key: failed.key };
}

function* keysOf(change: Change): Generator<string> {
  for (const { key } of change.expect ?? []) yield key;
  for (const { key } of change.put ?? []) yield key;
  yield* change.remove ?? [];
}
