/** Keeps a local copy up with the cluster, and knows whether it is. */
import { type Clock, sleep } from "../base/clock.ts";
import { EverbootError } from "../base/errors.ts";
import { DELETIONS_KEPT, storeUnavailable } from "./change.ts";
import { createPulse } from "./follow.ts";
import type { LocalCopy } from "./local-copy.ts";
import { type BeatBoard, beatChange, type Saying } from "./replica-beats.ts";
import { DATA } from "./replica-keys.ts";
import type { Row } from "./replica-state.ts";
import type { Entry, Revision, Store } from "./store.ts";

/**
 * - `away`: the cluster does not answer, has no quorum, or cannot be followed
 * - `catching-up`: the copy is being brought up to the cluster, and the outbox delivered
 * - `current`: all that the cluster had a heartbeat ago is in the copy
 */
export type LinkState = "away" | "catching-up" | "current";

export interface LinkOptions {
  readonly copy: LocalCopy;
  readonly remote: Store;
  readonly server: string;
  readonly clock: Clock;
  readonly board: BeatBoard;
  /** What this server says of itself with its next heartbeat, beside how far its copy is. */
  readonly say: () => Omit<Saying, "position">;
  /** Does someone wait to hear that this copy has what was committed? */
  readonly isWaitedFor: () => boolean;
  /** Resolves when no fact waits any more. */
  readonly deliver: () => Promise<void>;
}

/** Milliseconds between two heartbeats. */
const BEAT_MS = 1_000;
/** Milliseconds without a row, while rows are due, after which the watch counts as dead. */
const STALL_MS = 2_000;
/** Milliseconds between two tries to reach the cluster. */
const RETRY_MS = 250;
/** Milliseconds after which a server tells that it has what someone waits for; what comes in meanwhile is told with it. */
const TELL_MS = 50;
/** Rows that are taken in together. */
const BATCH = 1_000;

export class Link {
  private readonly options: LinkOptions;
  private readonly stopped = new AbortController();
  private readonly changed = createPulse();
  private readonly wanted = createPulse();
  private session = endedSession();
  private beats = 0;
  private lastCatchUp: Promise<void> = Promise.resolve();
  private nextCatchUp: Promise<void> | undefined;
  private isTelling: boolean = false;
  private running: Promise<void> | undefined;
  private now: LinkState = "away";
  /** Why the cluster was last away. */
  trouble: unknown;

  constructor(options: LinkOptions) {
    this.options = options;
  }

  get state(): LinkState {
    return this.now;
  }

  /** Aborts when the cluster is lost; aborted while it is away. */
  get signal(): AbortSignal {
    return this.session.signal;
  }

  start(): void {
    this.running = this.run();
  }

  async stop(): Promise<void> {
    this.stopped.abort();
    this.session.abort(new Error("the store is closed"));
    await this.running;
    this.changed.beat();
  }

  /** Resolves when the state may have changed. */
  next(): Promise<void> {
    return this.changed.next();
  }

  /** Someone has seen that the cluster does not answer. */
  lost(reason: unknown): void {
    this.session.abort(reason);
    this.enter("away");
  }

  /** Facts wait to be delivered: do not wait for the next heartbeat. */
  wake(): void {
    this.wanted.beat();
  }

  /**
   * Resolves when the copy has all that was committed before the call; rejects with `store-unavailable`. Calls that come
   * while one is under way share the next.
   */
  catchUp(): Promise<void> {
    this.nextCatchUp ??= this.lastCatchUp.then(() => {
      this.nextCatchUp = undefined;
      const { signal } = this;
      const running = this.beat().then((revision) => this.options.copy.reached(revision, signal));
      this.lastCatchUp = running.catch(noop);
      return running;
    });
    return this.nextCatchUp;
  }

  private async run(): Promise<void> {
    const { clock } = this.options;
    while (!this.stopped.signal.aborted) {
      await this.follow().catch((error) => {
        this.trouble = error;
      });
      this.enter("away");
      await sleep(clock, RETRY_MS, this.stopped.signal).catch(noop);
    }
  }

  /** One stretch of following the cluster; rejects with why it ended. */
  private async follow(): Promise<void> {
    const { copy, remote } = this.options;
    const revision = await this.beat();
    this.stopped.signal.throwIfAborted();
    const { position } = copy.state;
    if (revision < position) throw new EverbootError("cluster-rewound", { theirs: revision, ours: position });
    this.session = new AbortController();
    const { signal } = this.session;
    this.enter("catching-up");
    // Removals that are older than what the store remembers would be missed.
    if (revision - position > DELETIONS_KEPT) await this.takeAll(await remote.list(""));
    const taking = this.takeRows(signal);
    try {
      await Promise.race([taking, this.keepUp(revision, signal)]);
    } finally {
      this.session.abort(new Error("the cluster is away"));
      await taking.catch(noop);
    }
  }

  private async takeRows(signal: AbortSignal): Promise<void> {
    const { copy, remote, board } = this.options;
    for await (const rows of batches(remote.watch("", copy.state.position, signal))) {
      await copy.apply(rows);
      // After the copy: whoever hears a server say something has all that it said before.
      board.take(rows);
      if (rows.some(({ key }) => key.startsWith(DATA))) this.tellSoon();
    }
    throw storeUnavailable(signal.reason);
  }

  private async takeAll(entries: readonly Entry[]): Promise<void> {
    await this.options.copy.replace(entries);
    this.options.board.take(entries);
  }

  /** The next heartbeat would tell it as well, a second later. */
  private tellSoon(): void {
    if (this.isTelling || !this.options.isWaitedFor()) return;
    this.isTelling = true;
    this.options.clock.after(TELL_MS, () => {
      this.isTelling = false;
      if (!this.signal.aborted) this.beat().catch(noop);
    });
  }

  private async keepUp(first: Revision, signal: AbortSignal): Promise<void> {
    const { clock, deliver } = this.options;
    for (let revision = first; ; revision = await this.beat()) {
      await this.arrive(revision, signal);
      await deliver();
      signal.throwIfAborted();
      this.enter("current");
      await Promise.race([sleep(clock, BEAT_MS, signal), this.wanted.next()]);
    }
  }

  /** Resolves when the revision is in the copy; rejects when the watch has fallen silent before. */
  private async arrive(revision: Revision, signal: AbortSignal): Promise<void> {
    const { copy, clock } = this.options;
    while (copy.state.position < revision) {
      const before = copy.state.position;
      await Promise.race([copy.reached(revision, signal), sleep(clock, STALL_MS, signal)]);
      if (copy.state.position === before) throw storeUnavailable(new Error("the watch of the cluster is silent"));
    }
  }

  private async beat(): Promise<Revision> {
    const { remote, server, clock, copy, board, say } = this.options;
    this.beats += 1;
    const sentAt = clock.now();
    const saying = { ...say(), position: copy.state.position };
    const result = await remote.commit(beatChange(server, this.beats, saying));
    if (result.kind === "conflict") return 0;
    board.sent(result.revision, sentAt);
    return result.revision;
  }

  private enter(state: LinkState): void {
    this.now = state;
    this.changed.beat();
  }
}

function endedSession(): AbortController {
  const controller = new AbortController();
  controller.abort(new Error("the cluster was not reached yet"));
  return controller;
}

/**
 * Rows as they come together: what is there without waiting is one batch, so that no commit is torn. Where the rows end,
 * the last commit may be half told: it is left out, and comes again with the next watch.
 */
async function* batches(rows: AsyncIterable<Row>): AsyncGenerator<Row[], void, void> {
  const iterator = rows[Symbol.asyncIterator]();
  let batch: Row[] = [];
  for (;;) {
    const next = iterator.next();
    // It may fail while the batch before it is still being taken in.
    next.catch(noop);
    if (batch.length > 0 && (await Promise.race([next, turn()])) === undefined) {
      yield batch;
      batch = [];
    }
    const { value, done } = await next;
    if (done) break;
    if (batch.length >= BATCH && value.revision !== batch.at(-1)?.revision) {
      yield batch;
      batch = [];
    }
    batch.push(value);
  }
}

/** One turn of the event loop. */
function turn(): Promise<undefined> {
  return new Promise((resolve) => setImmediate(resolve, undefined));
}

function noop(): void {}
