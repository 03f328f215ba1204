/**
 * Changes and rows as etcd's JSON gateway writes them (etcd 3.4, rpc.proto and kv.proto): bytes in base64, 64-bit
 * numbers as text, absent what is zero. Pure.
 */
import { compareKeys, rowOf, writesOf } from "./change.ts";
import type { Change, Deleted, Entry, Revision } from "./store.ts";

export interface RangeAnswer {
  readonly header: { readonly revision?: string };
  readonly kvs?: readonly KeyValue[];
  readonly more?: boolean;
}

export interface TxnAnswer {
  readonly header: { readonly revision?: string };
  readonly succeeded?: boolean;
  readonly responses?: ReadonlyArray<{ readonly response_range?: RangeAnswer }>;
}

export interface WatchAnswer {
  readonly created?: boolean;
  readonly canceled?: boolean;
  /** The watch began before this revision, which is the oldest that etcd still has. */
  readonly compact_revision?: string;
  readonly events?: ReadonlyArray<{ readonly type?: "DELETE"; readonly kv: KeyValue }>;
}

interface KeyValue {
  readonly key: string;
  readonly value?: string;
  readonly mod_revision?: string;
}

/** Where the keys of a store lie, and its writers' marks. */
export interface KeySpace {
  keyOf(key: string): string;
  /** Keys from the first to before the second, in base64. */
  rangeOf(prefix: string): { readonly key: string; readonly range_end: string };
  /** `kv` without the part that all keys of this store begin with. */
  entryOf(kv: KeyValue): Entry;
  markOf(writer: string, slot: number): string;
}

export function createKeySpace(prefix: string): KeySpace {
  const start = `${prefix}k/`;
  const toKey = (key: string) => encode(start + key);
  return {
    keyOf: toKey,
    rangeOf: (within) => ({ key: toKey(within), range_end: byteAfter(start + within) }),
    entryOf: (kv) => ({
      key: decode(kv.key).slice(start.length),
      value: decode(kv.value ?? ""),
      revision: Number(kv.mod_revision),
    }),
    markOf: (writer, slot) => encode(`${prefix}mark/${writer}/${slot}`),
  };
}

/** A key of the writer's own that each of its transactions moves on. */
export interface Mark {
  readonly key: string;
  /** As far as known. */
  revision: Revision;
}

/**
 * The transaction that makes a change, provided that the mark is as it was; it tells else how mark and expected keys
 * are. No two transactions of a mark can both take effect on the same revision of it, so sending one again is safe.
 */
export function changeTxn(space: KeySpace, change: Change, mark: Mark, id: string): unknown {
  const expected = (change.expect ?? []).map(({ key, revision }) => ({ key: space.keyOf(key), revision }));
  const writes = [...writesOf(change)].sort(([a], [b]) => compareKeys(a, b));
  return {
    compare: [mark, ...expected].map(({ key, revision }) => ({
      key,
      target: "MOD",
      result: "EQUAL",
      mod_revision: String(revision),
    })),
    success: [put(mark.key, id), ...writes.map(([key, value]) => writeOp(space.keyOf(key), value))],
    failure: [
      { request_range: { key: mark.key } },
      ...expected.map(({ key }) => ({ request_range: { key, keys_only: true } })),
    ],
  };
}

function writeOp(key: string, value: string | undefined): unknown {
  return value === undefined ? { request_delete_range: { key } } : put(key, value);
}

function put(key: string, value: string): unknown {
  return { request_put: { key, value: encode(value) } };
}

/** Revision and value of the mark, and the revisions of the expected keys, from a transaction that did not succeed. */
export function failureOf(answer: TxnAnswer): { mark: { revision: Revision; id: string }; revisions: Revision[] } {
  const [mark, ...found] = (answer.responses ?? []).map((each) => each.response_range?.kvs?.[0]);
  return {
    mark: { revision: Number(mark?.mod_revision ?? 0), id: decode(mark?.value ?? "") },
    revisions: found.map((kv) => Number(kv?.mod_revision ?? 0)),
  };
}

export function revisionOf(answer: RangeAnswer | TxnAnswer): Revision {
  return Number(answer.header.revision ?? 0);
}

/** In order of revision, then key. */
export function rowsOf(space: KeySpace, answer: WatchAnswer): Array<Entry | Deleted> {
  const rows = (answer.events ?? []).map(({ type, kv }) => {
    const { key, value, revision } = space.entryOf(kv);
    return rowOf(key, type === "DELETE" ? undefined : value, revision);
  });
  return rows.sort(byRevision);
}

export function byRevision(a: Entry | Deleted, b: Entry | Deleted): number {
  return a.revision - b.revision || compareKeys(a.key, b.key);
}

function encode(text: string): string {
  return Buffer.from(text).toString("base64");
}

function decode(text: string): string {
  return Buffer.from(text, "base64").toString("utf8");
}

/** The first key behind all that begin with `text`; UTF-8 has no byte 0xff, so the last one can always grow. */
function byteAfter(text: string): string {
  const bytes = Buffer.from(text);
  bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) + 1;
  return bytes.toString("base64");
}
