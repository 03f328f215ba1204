/** What the servers of a site tell each other of themselves, once a second, through their common state. */

import type { ReplicaStatus } from "../content/replica.ts";
import { type Holdings, readHoldings } from "../content/replica-holdings.ts";
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
  /** The versions of trees that it has; absent = it has told nothing, as before this was told. */
  readonly trees?: Holdings;
  /** The first of what it lacks of them. */
  readonly lacks?: readonly ReplicaStatus[];
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

/** What is told stays the same object until something else is told: it is read once. */
const read = new WeakMap<object, MemberRecord | "none">();

/** Undefined for what another version of the program tells. */
function recordOf(about: unknown): MemberRecord | undefined {
  if (typeof about !== "object" || about === null) return undefined;
  const known = read.get(about) ?? readRecord(about) ?? "none";
  read.set(about, known);
  return known === "none" ? undefined : known;
}

function readRecord(about: object): MemberRecord | undefined {
  const { revision, rate, queue, draining, trees, lacks }: Partial<Record<keyof MemberRecord, unknown>> = about;
  if (typeof revision !== "string" || typeof rate !== "number" || typeof queue !== "number") return undefined;
  if (typeof draining !== "boolean") return undefined;
  const held = readHoldings(trees);
  const record = { revision, rate, queue, draining };
  return { ...record, ...(held && { trees: held }), ...(areStatuses(lacks) && { lacks }) };
}

function areStatuses(told: unknown): told is readonly ReplicaStatus[] {
  return Array.isArray(told) && told.every(isStatus);
}

function isStatus(told: unknown): boolean {
  if (typeof told !== "object" || told === null) return false;
  const { tree, version, bytes, done, from, trouble }: Partial<Record<keyof ReplicaStatus, unknown>> = told;
  const isNamed = typeof tree === "string" && typeof version === "string" && Array.isArray(from);
  const isTold = trouble === undefined || typeof trouble === "string";
  return isNamed && isTold && typeof bytes === "number" && typeof done === "number";
}
