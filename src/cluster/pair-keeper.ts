/** Looks around for a server of a pair, and keeps what it decides (pair.ts) on the disk. */
import type { Clock, Timer } from "../base/clock.ts";
import { EverbootError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import type { EditRule } from "../store/replica.ts";
import { isFresh, type Listening } from "./members.ts";
import { inContact, nextPair, type PairMemory, type PairSight, type PairState, startPair } from "./pair.ts";

/** What is seen beside the cluster: the floating engine knows. `unknown` for whoever cannot see now. */
export type PairView = Pick<PairSight, "heard" | "witness">;

export interface PairOptions {
  /** Name of the other server. */
  readonly peer: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Last word of the life before: `readPairFile`. */
  readonly last: "sole" | "waiting";
  /** Must be durable when it returns; may throw EverbootError `state-unwritable`: `writePairFile`. */
  readonly write: (state: "sole" | "paired") => void;
}

const LOOK_MS = 100;

const TOLD: Readonly<Record<PairState, string>> = {
  paired: "both servers of the pair are in step",
  sole: "the other server is gone and the router answers: this server goes on alone",
  waiting: "the other server may go on alone: no changes here until both are in step",
};

/** The other server of a pair: two servers, and two members of etcd, so that the loss of either takes the quorum. */
export function peerOfPair(servers: Iterable<string>, etcdMembers: number, self: string): string | undefined {
  const names = [...servers];
  return names.length === 2 && etcdMembers === 2 ? names.find((name) => name !== self) : undefined;
}

export class PairKeeper {
  private readonly options: PairOptions;
  private memory: PairMemory;
  private sight: (() => PairSight) | undefined;
  private timer: Timer | undefined;
  private isWriteBroken: boolean = false;

  constructor(options: PairOptions) {
    this.options = options;
    this.memory = startPair(options.last, options.clock.now());
  }

  get state(): PairState {
    return this.memory.state;
  }

  /** For `ReplicaOptions.edits`. */
  edits(): EditRule {
    if (this.state === "sole") return { kind: "alone" };
    return this.state === "paired" ? { kind: "quorum", knownTo: [this.options.peer] } : { kind: "none" };
  }

  /** Begins to look; until then, and after `stop`, the state stays as it is. */
  start(replica: Listening, view: () => PairView): void {
    this.sight = () => ({ ...view(), ...this.throughCluster(replica) });
    this.lookAgain();
  }

  stop(): void {
    this.timer?.cancel();
    this.sight = undefined;
  }

  /**
   * An operator's word that the other server is gone for good, or at least does not go on alone.
   * @throws EverbootError `pair-in-contact`, or `state-unwritable`
   */
  declareSole(): void {
    const { peer, write } = this.options;
    if (this.sight && inContact(this.sight())) throw new EverbootError("pair-in-contact", { peer });
    write("sole");
    this.enter({ ...this.memory, state: "sole" });
  }

  private lookAgain(): void {
    if (!this.sight) return;
    const next = nextPair(this.memory, this.sight());
    this.enter(this.isKept(next.state) ? next : { ...next, state: this.memory.state });
    this.timer = this.options.clock.after(LOOK_MS, () => this.lookAgain());
  }

  /** On the disk before anyone acts on it. `waiting` needs no file: it is what every other word means after a crash. */
  private isKept(state: PairState): boolean {
    if (state === this.state || state === "waiting") return true;
    try {
      this.options.write(state);
      this.isWriteBroken = false;
    } catch (error) {
      if (!this.isWriteBroken) this.options.log.error({ error, state }, "the state of the pair cannot be written");
      this.isWriteBroken = true;
    }
    return !this.isWriteBroken;
  }

  private enter(memory: PairMemory): void {
    if (memory.state !== this.state) this.options.log.warn({ peer: this.options.peer }, TOLD[memory.state]);
    this.memory = memory;
  }

  private throughCluster(replica: Listening): Omit<PairSight, "heard" | "witness"> {
    const at = this.options.clock.now();
    const beat = replica.beats().get(this.options.peer);
    const { outbox } = replica.status();
    if (!beat) return { at, outbox };
    const { revision, alone } = beat;
    return { at, outbox, peer: { revision, alone, outbox: beat.outbox, fresh: isFresh(replica, beat, at) } };
  }
}
