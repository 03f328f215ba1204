/**
 * Which changes of the common state are facts, that are kept though the cluster is away, and what becomes of a permit of
 * which two sides of a split have written (law 5). Pure.
 */
import type { Change } from "../store/store.ts";
import type { Permit, PermitState } from "./permit-rules.ts";

const PERMIT = "permit/";
const JOURNAL = "journal/";
const LEASE = "lease/";

/**
 * Events of the journal, what installers report, and leases of a server that has been cut off for long: it lends from its
 * own share of a pool alone (server/dhcp/shares.ts). Everything else waits for the cluster: issuing and taking back; and handing out, as a
 * server that is cut off cannot know that the permit was not used elsewhere.
 */
export function isFact({ put = [], remove = [] }: Change): boolean {
  const isReported = ({ key, value }: { readonly key: string; readonly value: string }) =>
    key.startsWith(JOURNAL) ||
    (key.startsWith(LEASE) && isApart(value)) ||
    (key.startsWith(PERMIT) && REPORTED.includes(permitIn(value)?.state ?? "issued"));
  return put.every(isReported) && remove.every((key) => key.startsWith(JOURNAL));
}

const REPORTED: readonly PermitState[] = ["writing", "used", "failed"];

/** The further, the less a machine is installed by it; of equal ones the later state is kept. */
const ORDER: readonly PermitState[] = ["issued", "started", "expired", "cancelled", "writing", "failed", "used"];

/**
 * Of two values of one key the one that all servers keep, whichever is whose: the newer permit, as somebody issued it
 * on purpose; of the same permit the state that is further from installing the machine; of two leases the one that lasts
 * longer; of anything else the one that is there, or the greater text.
 */
export function resolveKey(key: string, mine: string | undefined, theirs: string | undefined): string | undefined {
  if (mine === undefined || theirs === undefined) return mine ?? theirs;
  const order = compareValues(key, mine, theirs);
  if (order !== 0) return order > 0 ? mine : theirs;
  return mine > theirs ? mine : theirs;
}

function compareValues(key: string, mine: string, theirs: string): number {
  if (key.startsWith(LEASE)) return expiryIn(mine) - expiryIn(theirs);
  const [a, b] = key.startsWith(PERMIT) ? [permitIn(mine), permitIn(theirs)] : [];
  return a && b ? comparePermits(a, b) : 0;
}

function comparePermits(a: Permit, b: Permit): number {
  if (a.id !== b.id) return a.issued - b.issued || (a.id > b.id ? 1 : -1);
  return ORDER.indexOf(a.state) - ORDER.indexOf(b.state) || a.handOuts - b.handOuts || a.changed - b.changed;
}

/** Undefined for what is no permit. */
function permitIn(value: string): Permit | undefined {
  const record = recordIn(value);
  return record && "id" in record && "state" in record ? (record as Permit) : undefined;
}

/** Was it lent by a server that had been alone for long? */
function isApart(value: string): boolean {
  const record = recordIn(value);
  return record !== undefined && "apart" in record && record.apart === true;
}

/** When a lease ends; 0 for what is none. */
function expiryIn(value: string): number {
  const record = recordIn(value);
  return record && "expires" in record && typeof record.expires === "number" ? record.expires : 0;
}

function recordIn(value: string): object | undefined {
  try {
    const parsed: unknown = JSON.parse(value);
    return typeof parsed === "object" && parsed !== null ? parsed : undefined;
  } catch {
    return undefined;
  }
}
