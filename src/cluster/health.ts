/**
 * Is this server's daemon fit to hold floating addresses? It asks its own listeners as a client would, and minds whether
 * its store can be written. That it runs at all is for the supervisor to see (floating/supervisor.ts).
 */
import type { Clock, Timer } from "../base/clock.ts";
import { errorText } from "../base/errors.ts";

/** A listener of this server, as its health is asked for. */
export interface Ear {
  /** For operators: `HTTP 192.168.0.11`. */
  readonly name: string;
  /** Resolves when it answers. Must end when the signal aborts. */
  ask(signal: AbortSignal): Promise<void>;
  /** A figure that grows with its answers to anybody: one that is busy with a rush of clients is not deaf. */
  answers(): number;
}

/** A store that tells whether it can be written. */
export interface Writable {
  /** The cause, while nothing could be written since a commit failed. */
  failure(): unknown;
}

export interface HealthOptions {
  readonly clock: Clock;
  readonly ears: readonly Ear[];
  readonly store: Writable;
}

/** Milliseconds between two looks. */
const LOOK_MS = 150;
/** Looks without an answer until a listener is deaf: 0.45 to 0.6 s. Looks, not time: a daemon that is kept waiting is not. */
const DEAF_LOOKS = 4;
/** An answer that comes later is none. */
const PATIENCE_MS = 1000;

export class Health {
  private readonly options: HealthOptions;
  private readonly watches: readonly Watch[];
  private timer: Timer | undefined;

  constructor(options: HealthOptions) {
    this.options = options;
    this.watches = options.ears.map((ear) => new Watch(ear, options.clock));
  }

  /** Once the listeners are up. */
  start(): void {
    for (const watch of this.watches) watch.look();
    this.timer = this.options.clock.after(LOOK_MS, () => this.start());
  }

  stop(): void {
    this.timer?.cancel();
    for (const watch of this.watches) watch.stop();
  }

  isWell(): boolean {
    return !this.isDeaf() && this.options.store.failure() === undefined;
  }

  isDeaf(): boolean {
    return this.watches.some(({ isDeaf }) => isDeaf);
  }

  /** What is to be repaired, in one line each. */
  troubles(): string[] {
    const state = this.stateTrouble();
    return [
      ...this.watches.filter(({ isDeaf }) => isDeaf).map(({ ear }) => errorText("listener-deaf", { name: ear.name })),
      ...(state === undefined ? [] : [state]),
    ];
  }

  /** Why this server's state cannot be written, in one line; undefined = it can. */
  stateTrouble(): string | undefined {
    const failure = this.options.store.failure();
    return failure === undefined ? undefined : errorText("state-failing", { reason: reasonOf(failure) });
  }
}

class Watch {
  readonly ear: Ear;
  private readonly clock: Clock;
  private readonly asking = new Set<AbortController>();
  private answers: number;
  private silentLooks = 0;

  constructor(ear: Ear, clock: Clock) {
    this.ear = ear;
    this.clock = clock;
    this.answers = ear.answers();
  }

  get isDeaf(): boolean {
    return this.silentLooks >= DEAF_LOOKS;
  }

  look(): void {
    const answers = this.ear.answers();
    this.silentLooks = answers === this.answers ? this.silentLooks + 1 : 0;
    this.answers = answers;
    this.ask();
  }

  stop(): void {
    for (const asking of this.asking) asking.abort();
  }

  private ask(): void {
    const asking = new AbortController();
    const patience = this.clock.after(PATIENCE_MS, () => asking.abort());
    this.asking.add(asking);
    this.ear
      .ask(asking.signal)
      .then(() => {
        this.silentLooks = 0;
      })
      // No answer: the looks count that.
      .catch(() => undefined)
      .finally(() => {
        patience.cancel();
        this.asking.delete(asking);
      });
  }
}

function reasonOf(failure: unknown): string {
  const cause = failure instanceof Error && failure.cause !== undefined ? failure.cause : failure;
  return cause instanceof Error ? cause.message : String(cause);
}
