/** How a replica's keys and values lie in the cluster's store and in its local one. Pure. */
import { writesOf } from "./change.ts";
import type { Change, Entry, Revision } from "./store.ts";

/** In both stores: what the users of the replica see. */
export const DATA = "d/";
/** Local: the cluster's word on keys that have facts waiting (`Truth`). */
export const TRUTH = "b/";
/** Local: facts that wait to be delivered (`Fact`), by their number. */
export const OUTBOX = "o/";
/** Local: all the cluster has committed up to this revision is in the copy. */
export const POSITION = "m/position";
/** Local: the newest delivery that came back (`Chain`). */
export const CHAIN = "m/chain";

/** In the cluster: the id of a server's newest delivery; each delivery moves it on, so that none counts twice. */
export const chainKey = (server: string): string => `chain/${server}`;
/** In the cluster: the heartbeats of the servers. */
export const BEAT = "beat/";
/** In the cluster: written by a server that wants to know how far the cluster is, and tells of itself by the way. */
export const beatKey = (server: string): string => BEAT + server;

/** What the cluster holds under a key; revision 0 and no value = nothing. */
export interface Remote {
  readonly revision: Revision;
  readonly value: string | undefined;
}

export interface Truth extends Remote {
  /** Revision on which the facts that wait are founded; another one = someone else has written the key since. */
  readonly base: Revision;
}

export interface Chain {
  readonly id: string;
  readonly revision: Revision;
}

/** What an acknowledged commit wrote, and the cluster may not know yet. */
export interface Fact {
  readonly number: number;
  readonly id: string;
  readonly writes: ReadonlyMap<string, string | undefined>;
}

export const NO_CHAIN: Chain = { id: "", revision: 0 };

/** Sorts as the numbers do. */
export function factKey(number: number): string {
  return OUTBOX + String(number).padStart(12, "0");
}

export function writeFact({ id, writes }: Fact): string {
  return JSON.stringify({ id, writes: [...writes].map(([key, value]) => [key, value ?? null]) });
}

export function readFact({ key, value }: Entry): Fact {
  const { id, writes } = JSON.parse(value) as { id: string; writes: Array<[string, string | null]> };
  const number = Number(key.slice(OUTBOX.length));
  return { number, id, writes: new Map(writes.map(([name, text]) => [name, text ?? undefined])) };
}

export function writeRemote({ revision, value }: Remote): string {
  return JSON.stringify({ r: revision, v: value });
}

export function readRemote(text: string | undefined): Remote {
  if (text === undefined) return { revision: 0, value: undefined };
  const { r, v } = JSON.parse(text) as { r: Revision; v?: string };
  return { revision: r, value: v };
}

export function writeTruth({ revision, value, base }: Truth): string {
  return JSON.stringify({ r: revision, v: value, b: base });
}

export function readTruth(text: string): Truth {
  const { r, v, b } = JSON.parse(text) as { r: Revision; v?: string; b: Revision };
  return { revision: r, value: v, base: b };
}

/** The last word on each key; `undefined` = remove it. */
export type Writes = Map<string, string | undefined>;

export function changeOf(writes: ReadonlyMap<string, string | undefined>, expect?: Change["expect"]): Change {
  const put: Array<{ key: string; value: string }> = [];
  const remove: string[] = [];
  for (const [key, value] of writes) {
    if (value === undefined) remove.push(key);
    else put.push({ key, value });
  }
  return expect ? { expect, put, remove } : { put, remove };
}

/** `writesOf`, with the keys as they are in both stores. */
export function dataWrites(change: Change): Writes {
  return new Map([...writesOf(change)].map(([key, value]) => [DATA + key, value]));
}

export function keysOf(change: Change): string[] {
  return [...(change.expect ?? []).map(({ key }) => key), ...writesOf(change).keys()];
}
