/** What every implementation of the store does alike: judging a change, ordering keys, following commits. Pure. */
import { EverbootError } from "../base/errors.ts";
import type { Change, Deleted, Entry, Revision } from "./store.ts";

/**
 * Deletions are remembered for so many commits, so that a watcher that comes back learns of them. One that was away
 * for longer lists anew.
 */
export const DELETIONS_KEPT = 10_000;

/** Keys in the order of their UTF-8 bytes, which is that of their code points and not of JavaScript's UTF-16 units. */
export function compareKeys(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

/** The first key, bytewise, behind all that begin with `prefix`; `undefined` = there is none. */
export function prefixEnd(prefix: string): string | undefined {
  const points = Array.from(prefix, (char) => char.codePointAt(0) ?? 0);
  while (points.length > 0) {
    const last = points.pop() ?? 0;
    if (last === 0xd7ff) return String.fromCodePoint(...points, 0xe000);
    if (last < 0x10ffff) return String.fromCodePoint(...points, last + 1);
  }
  return undefined;
}

/** The key of the first expectation that does not hold. `revisionOf` is 0 for absent keys. */
export function firstConflict(change: Change, revisionOf: (key: string) => Revision): string | undefined {
  return change.expect?.find(({ key, revision }) => revisionOf(key) !== revision)?.key;
}

/** What a change writes: the last word on each key, `undefined` = remove it. Removals come after puts. */
export function writesOf(change: Change): ReadonlyMap<string, string | undefined> {
  const writes = new Map<string, string | undefined>();
  for (const { key, value } of change.put ?? []) writes.set(key, value);
  for (const key of change.remove ?? []) writes.set(key, undefined);
  return writes;
}

/** The row of a key after a write at `revision`. */
export function rowOf(key: string, value: string | undefined, revision: Revision): Entry | Deleted {
  return value === undefined ? { key, value, revision } : { key, value, revision };
}

export function storeUnavailable(cause: unknown): EverbootError {
  return new EverbootError("store-unavailable", {}, cause);
}
