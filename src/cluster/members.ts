/** What the servers of a site tell each other of themselves, once a second, through their common state. */

import type { Replica } from "../store/replica.ts";
import type { Beat } from "../store/replica-beats.ts";

/** As a server measures itself: what `ReplicaOptions.about` gives. */
export interface MemberRecord {
  /** Of the site file that it serves by: `Site.revision`. */
  readonly revision: string;
  /** Bytes a second sent to clients, mean over the last seconds. */
  readonly rate: number;
  /** Machines that wait there to be let in. */
  readonly queue: number;
  /** It is being taken out of service: no new clients for it. */
  readonly draining: boolean;
}

export interface Member extends MemberRecord {
  readonly name: string;
  /** It has told this within the last three and a half seconds. */
  readonly fresh: boolean;
  /** Facts that wait there to be told to the cluster. */
  readonly outbox: number;
}

/** By name; a server that has never told anything is missing. */
export type Members = ReadonlyMap<string, Member>;

/** What a server needs to know of the others: `Replica` has it. */
export type Listening = Pick<Replica, "beats" | "status">;

/** Milliseconds for which a server's word holds: two heartbeats of each side, and some patience. */
export const FRESH_MS = 3_500;

/** All that have told something of themselves; `now` in milliseconds of the replica's clock. */
export function membersOf(replica: Listening, now: number): Members {
  const members = new Map<string, Member>();
  for (const [name, beat] of replica.beats()) {
    const record = recordOf(beat.about);
    if (record) members.set(name, { ...record, name, fresh: isFresh(replica, beat, now), outbox: beat.outbox });
  }
  return members;
}

/** A clock that was set back makes a word look as if it came from the future: that is no fresh one either. */
export function isFresh(replica: Listening, { heardAt }: Beat, now: number): boolean {
  const age = now - heardAt;
  return replica.status().state === "current" && age >= 0 && age < FRESH_MS;
}

/** Has each of these servers just told that nothing waits there to be told? */
export function allTold(replica: Listening, servers: readonly string[], now: number): boolean {
  return servers.every((name) => {
    const beat = replica.beats().get(name);
    return beat !== undefined && beat.outbox === 0 && isFresh(replica, beat, now);
  });
}

/** Undefined for what another version of the program tells. */
function recordOf(about: unknown): MemberRecord | undefined {
  if (typeof about !== "object" || about === null) return undefined;
  const { revision, rate, queue, draining }: Partial<Record<keyof MemberRecord, unknown>> = about;
  const isRecord = typeof revision === "string" && typeof rate === "number" && typeof queue === "number";
  return isRecord && typeof draining === "boolean" ? { revision, rate, queue, draining } : undefined;
}
