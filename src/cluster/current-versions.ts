/**
 * Which version of a tree all servers are to serve, in the common state under `tree-version/<tree>`; and whether a server
 * whose link says otherwise is behind, or was switched by its operator.
 */
import type { Deleted, Entry, Revision, Store } from "../store/store.ts";
import { type Following, followStore } from "./follow-store.ts";

export interface CurrentVersion {
  readonly version: string;
  /** Milliseconds since 1970. */
  readonly at: number;
  /** The server where it was switched. */
  readonly by: string;
}

export interface CurrentVersions {
  /** From memory; undefined = nobody has said anything of this tree. */
  of(tree: string): CurrentVersion | undefined;
  /**
   * Says it to all servers, in place of what `of` says now; `false` = somebody else was quicker, and `of` knows it.
   * Rejects with `store-unavailable`, or `cluster-away`.
   */
  say(tree: string, current: CurrentVersion): Promise<boolean>;
  /** Calls back with each tree of which something else was said. */
  follow(listener: (tree: string) => void): void;
}

export interface CurrentVersionsOptions {
  readonly store: Store;
  /** Where other servers write to the same store. */
  readonly following?: Following;
}

interface Said {
  readonly current: CurrentVersion | undefined;
  readonly revision: Revision;
}

const PREFIX = "tree-version/";

/** Reads them into memory. Rejects with `store-unavailable`. */
export async function openCurrentVersions({ store, following }: CurrentVersionsOptions): Promise<CurrentVersions> {
  const said = new Map<string, Said>();
  const listeners: Array<(tree: string) => void> = [];
  const known = await store.list(PREFIX);
  for (const row of known) apply(row);
  if (following) void followStore(store, PREFIX, known, apply, following);

  function apply({ key, value, revision }: Entry | Deleted): void {
    const tree = decodeURIComponent(key.slice(PREFIX.length));
    remember(tree, { current: value === undefined ? undefined : readCurrent(value), revision });
  }

  /** What the watch tells late of an older state does not count. */
  function remember(tree: string, now: Said): void {
    const before = said.get(tree);
    if (before && now.revision <= before.revision) return;
    said.set(tree, now);
    if (before?.current?.version !== now.current?.version) for (const listener of listeners) listener(tree);
  }

  return {
    of: (tree) => said.get(tree)?.current,
    async say(tree, { at, version, by }) {
      const key = PREFIX + encodeURIComponent(tree);
      // The time first: where two sides of a split have written, the greater text stays (`resolveKey`), so the later word.
      const current = { at, version, by };
      const expect = [{ key, revision: said.get(tree)?.revision ?? 0 }];
      const result = await store.commit({ expect, put: [{ key, value: JSON.stringify(current) }] });
      if (result.kind === "committed") remember(tree, { current, revision: result.revision });
      else apply((await store.get(key)) ?? { key, value: undefined, revision: 0 });
      return result.kind === "committed";
    },
    follow: (listener) => void listeners.push(listener),
  };
}

/** Undefined for what another version of the program has written. */
function readCurrent(value: string): CurrentVersion | undefined {
  const parsed: unknown = JSON.parse(value);
  if (typeof parsed !== "object" || parsed === null) return undefined;
  const { at, version, by }: Partial<Record<keyof CurrentVersion, unknown>> = parsed;
  if (typeof at !== "number" || typeof version !== "string" || typeof by !== "string") return undefined;
  return { at, version, by };
}

/** What a server knows of one tree. */
export interface LinkFacts {
  /** The version that is served here; absent = none: a plain tree, or an empty folder. */
  readonly link?: string | undefined;
  /** The version that all servers are to serve; absent = nobody has said anything. */
  readonly said?: string | undefined;
  /**
   * The versions of which this server knows that the link was on them by what was said, or that it has put it there itself;
   * absent = it has never looked.
   */
  readonly served?: readonly string[] | undefined;
}

/**
 * - `agreed`: nothing is to be done
 * - `follow`: the server is behind, or comes with a version of its own: it serves what was said
 * - `say`: an operator has switched the link here, or nothing was said yet: all servers are to follow
 */
export type LinkVerdict = "agreed" | "follow" | "say";

/** Pure. */
export function judgeLink({ link, said, served }: LinkFacts): LinkVerdict {
  if (link === said) return "agreed";
  if (link === undefined) return "follow";
  if (said === undefined) return "say";
  // Who has never served what was said has come with something: that is nobody's word for all.
  return served === undefined || served.includes(link) ? "follow" : "say";
}
