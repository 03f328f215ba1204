/** What the servers of a cluster say of themselves with each heartbeat, and how old that can be at most. */
import { createPulse } from "./follow.ts";
import { BEAT, beatKey } from "./replica-keys.ts";
import type { Row } from "./replica-state.ts";
import type { Change, Revision } from "./store.ts";

/** What a server says of itself. */
export interface Saying {
  /** What the replica's user wants told: JSON. */
  readonly about: unknown;
  /** Facts that wait there to be told to the cluster. */
  readonly outbox: number;
  /** Its copy has all that the cluster committed up to this revision. */
  readonly position: Revision;
  /** It takes edits without the cluster. */
  readonly alone: boolean;
}

export interface Beat extends Saying {
  /** Of the commit that brought it. */
  readonly revision: Revision;
  /**
   * It was said after this time of the local clock, in milliseconds; `-Infinity` = nobody knows when. Known by what the
   * server had heard: its position covers a heartbeat that was sent from here at that time. So neither a request that
   * comes in late nor rows that have piled up here make an old word look new.
   */
  readonly heardAt: number;
}

/** By the server's name. */
export type Beats = ReadonlyMap<string, Beat>;

interface OwnBeat {
  readonly revision: Revision;
  readonly sentAt: number;
}

/** Own heartbeats that are remembered: more than are sent while a word counts as fresh. */
const OWN_KEPT = 100;

/** The heartbeats of all servers, this one's own too. */
export class BeatBoard {
  private readonly beats = new Map<string, Beat>();
  private readonly changed = createPulse();
  private own: readonly OwnBeat[] = [];

  get all(): Beats {
    return this.beats;
  }

  /** Resolves when a heartbeat has come in. */
  next(): Promise<void> {
    return this.changed.next();
  }

  /** A heartbeat of this server, sent at `sentAt` of the local clock, is in the cluster. */
  sent(revision: Revision, sentAt: number): void {
    // Answers may come in another order than their requests were sent.
    this.own = [...this.own, { revision, sentAt }].sort((a, b) => a.revision - b.revision).slice(-OWN_KEPT);
  }

  take(rows: readonly Row[]): void {
    for (const { key, value, revision } of rows) {
      if (!key.startsWith(BEAT)) continue;
      const server = key.slice(BEAT.length);
      const saying = value === undefined ? undefined : readSaying(value);
      if (saying) this.beats.set(server, { ...saying, revision, heardAt: this.saidAfter(saying.position) });
      else this.beats.delete(server);
    }
    this.changed.beat();
  }

  private saidAfter(position: Revision): number {
    const known = this.own.findLast(({ revision }) => revision <= position);
    return known ? known.sentAt : Number.NEGATIVE_INFINITY;
  }
}

/** How a server finds out how far the cluster is: by the revision of a commit that writes nothing else. */
export function beatChange(server: string, count: number, saying: Saying): Change {
  return { put: [{ key: beatKey(server), value: JSON.stringify({ count, ...saying }) }] };
}

/** Undefined for what another version of the program has written. */
function readSaying(value: string): Saying | undefined {
  const parsed: unknown = JSON.parse(value);
  if (typeof parsed !== "object" || parsed === null) return undefined;
  const { about, outbox, position, alone }: Partial<Record<keyof Saying, unknown>> = parsed;
  if (typeof outbox !== "number" || typeof position !== "number" || typeof alone !== "boolean") return undefined;
  return { about, outbox, position, alone };
}
