/** The site file that was applied to all servers, in their common state under `site/current`. */
import { promisify } from "node:util";
import { gunzip, gzip } from "node:zlib";
import { EverbootError } from "../base/errors.ts";
import type { Entry, Store } from "../store/store.ts";
import { type Following, followStore } from "./follow-store.ts";

/** One that was applied: the how manyth, and its text's hash (`Site.revision`). */
export interface SiteNumber {
  readonly number: number;
  readonly revision: string;
}

export interface AppliedSite extends SiteNumber {
  readonly text: string;
  /** Milliseconds since 1970. */
  readonly at: number;
  /** Name of the server by which it was applied. */
  readonly by: string;
  /** Those before it, newest first: to tell how far behind a server is. */
  readonly earlier: readonly SiteNumber[];
}

const KEY = "site/current";
const EARLIER_KEPT = 16;
/** Bytes of the stored value: etcd takes requests of 1.5 MiB (its `--max-request-bytes`). */
const MOST_BYTES = 1_400_000;

const zip = promisify(gzip);
const unzip = promisify(gunzip);

/** `undefined` = none was ever applied. Rejects with `store-unavailable`, or `state-broken` for what cannot be read. */
export async function readAppliedSite(store: Pick<Store, "get">): Promise<AppliedSite | undefined> {
  const entry = await store.get(KEY);
  return entry && readEntry(entry);
}

export interface Publication {
  readonly text: string;
  readonly revision: string;
  readonly at: number;
  readonly by: string;
  /** Number of the one that this one follows; 0 = none. */
  readonly expected: number;
}

/**
 * Durable when it resolves. Rejects with EverbootError `site-conflict` when another one was applied since `expected`,
 * `site-too-large`, or `store-unavailable`: then it may still take effect.
 */
export async function publishSite(store: Pick<Store, "get" | "commit">, site: Publication): Promise<AppliedSite> {
  const { expected, ...rest } = site;
  const entry = await store.get(KEY);
  const before = entry && (await readEntry(entry));
  if ((before?.number ?? 0) !== expected) throw conflict(before);
  const earlier = before ? [{ number: before.number, revision: before.revision }, ...before.earlier] : [];
  const applied = { ...rest, number: expected + 1, earlier: earlier.slice(0, EARLIER_KEPT) };
  const value = await writeValue(applied);
  const result = await store.commit({
    expect: [{ key: KEY, revision: entry?.revision ?? 0 }],
    put: [{ key: KEY, value }],
  });
  if (result.kind === "conflict") throw conflict(await readAppliedSite(store));
  return applied;
}

/**
 * Hands every applied site to `take` as it comes, the one that is there already first. `broken` is told of what cannot
 * be read: another version wrote it.
 */
export async function followAppliedSite(
  store: Pick<Store, "list" | "watch">,
  take: (site: AppliedSite) => void,
  broken: (error: unknown) => void,
  following: Following,
): Promise<void> {
  // In the order in which they came, although unpacking takes its time.
  let taken = Promise.resolve();
  const row = (entry: Entry) => {
    taken = taken.then(() => readEntry(entry)).then(take, broken);
  };
  const known = await store.list(KEY);
  known.forEach(row);
  await followStore(store, KEY, known, (change) => change.value !== undefined && row(change), following);
}

async function writeValue({ text, ...rest }: AppliedSite): Promise<string> {
  const packed = (await zip(text)).toString("base64");
  const value = JSON.stringify({ ...rest, text: packed });
  if (value.length > MOST_BYTES) throw new EverbootError("site-too-large", { bytes: value.length, limit: MOST_BYTES });
  return value;
}

async function readEntry({ value }: Entry): Promise<AppliedSite> {
  try {
    const { text, ...rest } = JSON.parse(value) as AppliedSite;
    return { ...rest, text: (await unzip(Buffer.from(text, "base64"))).toString("utf8") };
  } catch (error) {
    throw new EverbootError("state-broken", { path: KEY, reason: "its text cannot be unpacked" }, error);
  }
}

function conflict(newer: AppliedSite | undefined): EverbootError {
  return new EverbootError("site-conflict", { number: newer?.number ?? 0, by: newer?.by ?? "nobody" });
}
