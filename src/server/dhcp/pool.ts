/** Which address of a pool a machine gets. */
import { createHash } from "node:crypto";
import {
  type AddressRange,
  type Ipv4,
  ipv4FromNumber,
  ipv4ToNumber,
  type Mac,
  rangeContains,
} from "../../base/address.ts";
import type { LeaseView } from "../../cluster/leases.ts";

export interface PoolQuery {
  readonly pool: AddressRange;
  readonly leases: LeaseView;
  readonly reserved: ReadonlySet<Ipv4>;
  readonly mac: Mac;
  readonly now: number;
  /** Leaves out addresses that only another server may lend now; absent = this server may lend all. */
  readonly mayLend?: (address: Ipv4) => boolean;
}

/**
 * The machine's held or last address, else the one it wishes for, else one found by its MAC (so that it tends to get
 * the same again, on any server). Addresses that were lent before come last, the one that expired first before the
 * others. `undefined` when all are taken.
 */
export function chooseAddress(query: PoolQuery, wish: Ipv4 | undefined): Ipv4 | undefined {
  const { leases, mac, now } = query;
  const known = [leases.holdOf(mac, now)?.address, ...leases.of(mac).map(({ address }) => address)];
  const own = known.find((address) => address && mayHave(query, address));
  if (own) return own;
  if (wish && mayHave(query, wish) && !leases.at(wish)) return wish;
  return searchPool(query);
}

/** Is the address of this pool, ours to lend, and neither reserved, declined, held or lent to another machine? */
export function mayHave(query: PoolQuery, address: Ipv4): boolean {
  const { pool, leases, reserved, mac, now } = query;
  if (!rangeContains(pool, address) || reserved.has(address) || !isLentHere(query, address)) return false;
  const hold = leases.holdAt(address, now);
  if (hold && hold.mac !== mac) return false;
  const lease = leases.at(address);
  if (!lease || lease.expires <= now) return true;
  return lease.mac === mac && lease.state === "bound";
}

/** False for an address of this pool that only another server may lend now: nothing can be said of it here. */
export function isLentHere({ pool, mayLend }: PoolQuery, address: Ipv4): boolean {
  return !rangeContains(pool, address) || mayLend === undefined || mayLend(address);
}

function searchPool(query: PoolQuery): Ipv4 | undefined {
  const first = ipv4ToNumber(query.pool.first);
  const size = ipv4ToNumber(query.pool.last) - first + 1;
  const start = createHash("sha256").update(query.mac).digest().readUInt32BE() % size;
  let oldest: { readonly address: Ipv4; readonly expires: number } | undefined;
  for (let step = 0; step < size; step++) {
    const address = ipv4FromNumber(first + ((start + step) % size));
    if (!mayHave(query, address)) continue;
    const lease = query.leases.at(address);
    if (!lease) return address;
    if (!oldest || lease.expires < oldest.expires) oldest = lease;
  }
  return oldest?.address;
}
