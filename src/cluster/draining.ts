/**
 * Servers that are being taken out of service, in the common state under `draining/<server>`: no host is sent to them,
 * and they hold no floating address. All servers know all of them.
 */
import type { Deleted, Entry, Revision, Store } from "../store/store.ts";
import { type Following, followStore } from "./follow-store.ts";
import type { Permit } from "./permit-rules.ts";

export interface Draining {
  /** From memory. */
  has(server: string): boolean;
  /** Saying the same twice is well. Rejects with `store-unavailable`, or `cluster-away`. */
  set(server: string, draining: boolean): Promise<void>;
}

export interface DrainingOptions {
  readonly store: Store;
  /** Where other servers write to the same store. */
  readonly following?: Following;
  /** A server was marked, or its mark was taken away; also for those that are marked at the start. */
  readonly changed?: (server: string, draining: boolean) => void;
}

const PREFIX = "draining/";

/** Reads the marks into memory. Rejects with `store-unavailable`. */
export async function openDraining({ store, following, changed = () => {} }: DrainingOptions): Promise<Draining> {
  const marks = new Map<string, Mark>();
  const known = await store.list(PREFIX);
  for (const row of known) apply(row);
  if (following) void followStore(store, PREFIX, known, apply, following);

  function apply({ key, value, revision }: Entry | Deleted): void {
    remember(decodeURIComponent(key.slice(PREFIX.length)), { draining: value !== undefined, revision });
  }

  /** What the watch tells late of an older state does not count. */
  function remember(server: string, mark: Mark): void {
    const before = marks.get(server) ?? { draining: false, revision: 0 };
    if (mark.revision <= before.revision) return;
    marks.set(server, mark);
    if (mark.draining !== before.draining) changed(server, mark.draining);
  }

  return {
    has: (server) => marks.get(server)?.draining ?? false,
    async set(server, draining) {
      const key = PREFIX + encodeURIComponent(server);
      const result = await store.commit(draining ? { put: [{ key, value: "true" }] } : { remove: [key] });
      if (result.kind === "committed") remember(server, { draining, revision: result.revision });
    },
  };
}

interface Mark {
  readonly draining: boolean;
  readonly revision: Revision;
}

/** Hosts whose install was sent to the server and is not over: it has to serve them to their end. */
export function installsAt(permits: readonly Permit[], server: string): readonly string[] {
  const isUnderWay = ({ state }: Permit) => state === "started" || state === "writing";
  return permits.filter((permit) => permit.server === server && isUnderWay(permit)).map(({ host }) => host);
}
