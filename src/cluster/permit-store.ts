/**
 * Permits in the store, one a host under `permit/<host>`, with a copy in memory. A change compares and swaps the key's
 * revision, takes its journal entry along in the same commit, and is durable before it is told to anyone.
 */
import { EverbootError } from "../base/errors.ts";
import type { Deleted, Entry, Revision, Store } from "../store/store.ts";
import { type Following, followStore } from "./follow-store.ts";
import type { Journal } from "./journal.ts";
import { journalWords, type Permit } from "./permit-rules.ts";

export interface PermitStore {
  /** From memory: the newest permit, whatever became of it. */
  newestOf(host: string): Permit | undefined;
  /** From memory; only a host's newest permit is known by its token. */
  byToken(token: string): Permit | undefined;
  all(): readonly Permit[];
  /**
   * Stores what `decide` makes of the host's permit; the same one back = nothing to store. Called again when someone
   * else was quicker. Rejects with what `decide` throws, or `store-unavailable`.
   */
  change(host: string, decide: (current: Permit | undefined) => Permit): Promise<Permit>;
}

interface Held {
  readonly permit: Permit;
  readonly revision: Revision;
}

const PREFIX = "permit/";
/** Other writers to the same key that are put up with; more is a store that does not keep its contract. */
const MAX_TRIES = 10;

/**
 * Reads the permits into memory; with `following` also what other servers make of them. `seen` is called for each
 * permit that changes after that. Rejects with `store-unavailable`.
 */
export async function openPermitStore(
  store: Store,
  journal: Pick<Journal, "prepare">,
  following?: Following,
  seen: (permit: Permit) => void = () => {},
): Promise<PermitStore> {
  const byHost = new Map<string, Held>();
  const hostByToken = new Map<string, string>();
  const known = await store.list(PREFIX);
  for (const entry of known) remember(readHeld(entry));
  // Permits are never removed: a host's next one takes the place of the last.
  if (following) void followStore(store, PREFIX, known, rememberRow, following);

  function rememberRow(row: Entry | Deleted): void {
    if (row.value !== undefined) rememberChange(readHeld(row));
  }

  function rememberChange(held: Held): void {
    if (remember(held)) seen(held.permit);
  }

  /** `false` = something newer is known. */
  function remember(held: Held): boolean {
    const known = byHost.get(held.permit.host);
    if (known !== undefined && known.revision >= held.revision) return false;
    if (known !== undefined) hostByToken.delete(known.permit.token);
    byHost.set(held.permit.host, held);
    hostByToken.set(held.permit.token, held.permit.host);
    return true;
  }

  /** `false` = someone else has changed it meanwhile. */
  async function swap(held: Held | undefined, permit: Permit): Promise<boolean> {
    const key = keyOf(permit.host);
    const { host, id, changed, handOuts } = permit;
    const words = journalWords(permit.state);
    const entry = journal.prepare({ at: changed, host, permit: id, facts: { handOuts }, ...words });
    const result = await store.commit({
      expect: [{ key, revision: held?.revision ?? 0 }],
      put: [{ key, value: JSON.stringify(permit) }, ...entry.put],
      remove: entry.remove,
    });
    if (result.kind === "conflict") return false;
    rememberChange({ permit, revision: result.revision });
    entry.confirm();
    return true;
  }

  async function refresh(host: string): Promise<void> {
    const entry = await store.get(keyOf(host));
    if (entry !== undefined) rememberRow(entry);
  }

  return {
    newestOf: (host) => byHost.get(host)?.permit,
    byToken(token) {
      const host = hostByToken.get(token);
      return host === undefined ? undefined : byHost.get(host)?.permit;
    },
    all: () => Array.from(byHost.values(), ({ permit }) => permit),
    async change(host, decide) {
      for (let tries = 0; tries < MAX_TRIES; tries++) {
        const held = byHost.get(host);
        const permit = decide(held?.permit);
        if (permit === held?.permit || (await swap(held, permit))) return permit;
        await refresh(host);
      }
      throw new EverbootError("store-unavailable", {}, new Error(`permit of ${host}: ${MAX_TRIES} conflicts in a row`));
    },
  };
}

function readHeld({ value, revision }: Entry): Held {
  return { permit: JSON.parse(value), revision };
}

function keyOf(host: string): string {
  return `${PREFIX}${encodeURIComponent(host)}`;
}
