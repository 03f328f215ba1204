/** Addresses lent from the pools: a memory copy of the store's `lease/` keys, and offers that wait for their request. */
import { type Ipv4, type Mac, parseIpv4, parseMac } from "../base/address.ts";
import { EverbootError } from "../base/errors.ts";
import type { Deleted, Entry, Revision, Store } from "../store/store.ts";
import { type Following, followStore } from "./follow-store.ts";

export interface Lease {
  readonly address: Ipv4;
  readonly mac: Mac;
  /** `declined`: another machine uses the address; nobody gets it before `expires`. */
  readonly state: "bound" | "declined";
  /** Milliseconds since 1970. An expired lease stays on record, so that its machine can have it again. */
  readonly expires: number;
}

/** An address set aside for a machine that was offered it; kept in memory only. */
export interface Hold {
  readonly address: Ipv4;
  readonly mac: Mac;
  readonly until: number;
}

/** What deciding on a request needs to know. */
export interface LeaseView {
  at(address: Ipv4): Lease | undefined;
  /** Those of a machine, the one that lasts longest first. */
  of(mac: Mac): readonly Lease[];
  /** Holds that are not over at `now`. */
  holdAt(address: Ipv4, now: number): Hold | undefined;
  holdOf(mac: Mac, now: number): Hold | undefined;
}

export interface LeaseOptions {
  /** Where other servers lend too. */
  readonly following?: Following;
  /** Has this server been without the others for so long that it lends from its own share of a pool (shares.ts)? */
  readonly isApart?: () => boolean;
}

const PREFIX = "lease/";

export class LeaseTable implements LeaseView {
  private readonly store: Store;
  private readonly isApart: () => boolean;
  private readonly entries = new Map<Ipv4, { readonly lease: Lease; readonly revision: Revision }>();
  private readonly byMac = new Map<Mac, Set<Ipv4>>();
  private readonly holds = new Map<Ipv4, Hold>();
  private readonly holdByMac = new Map<Mac, Hold>();

  private constructor(store: Store, isApart: () => boolean) {
    this.store = store;
    this.isApart = isApart;
  }

  /**
   * With `following` it keeps up with what other servers lend. Rejects with EverbootError `store-unavailable`, or
   * `state-broken` for a record that is no lease.
   */
  static async open(store: Store, { following, isApart = () => false }: LeaseOptions = {}): Promise<LeaseTable> {
    const table = new LeaseTable(store, isApart);
    const known = await store.list(PREFIX);
    for (const entry of known) table.remember(entry);
    if (following) void followStore(store, PREFIX, known, (row) => table.apply(row), following);
    return table;
  }

  at(address: Ipv4): Lease | undefined {
    return this.entries.get(address)?.lease;
  }

  of(mac: Mac): readonly Lease[] {
    const leases = [...(this.byMac.get(mac) ?? [])].flatMap((address) => this.at(address) ?? []);
    return leases.sort((a, b) => b.expires - a.expires);
  }

  holdAt(address: Ipv4, now: number): Hold | undefined {
    return current(this.holds.get(address), now);
  }

  holdOf(mac: Mac, now: number): Hold | undefined {
    return current(this.holdByMac.get(mac), now);
  }

  /** Replaces what was held for this machine and at this address, and forgets the holds that are over. */
  hold(hold: Hold, now: number): void {
    for (const old of this.holds.values()) {
      // A Map keeps the order of insertion and all holds last equally long, so the first live one ends the search.
      if (old.until > now) break;
      this.drop(old);
    }
    for (const old of [this.holds.get(hold.address), this.holdByMac.get(hold.mac)]) if (old) this.drop(old);
    this.holds.set(hold.address, hold);
    this.holdByMac.set(hold.mac, hold);
  }

  /**
   * Resolves when the lease is durable: `true`, or `false` when another server wrote the address first (its record is
   * then known here). Rejects with EverbootError `store-unavailable`; memory is then as before.
   */
  async commit(lease: Lease): Promise<boolean> {
    const key = PREFIX + lease.address;
    const expected = this.entries.get(lease.address)?.revision ?? 0;
    const { mac, state, expires } = lease;
    // One that was decided on with the others must not be kept without them (permit-facts.ts).
    const value = JSON.stringify({ mac, state, expires, ...(this.isApart() && { apart: true }) });
    const result = await this.store.commit({ expect: [{ key, revision: expected }], put: [{ key, value }] });
    if (result.kind === "committed") {
      this.remember({ key, value, revision: result.revision });
      return true;
    }
    const entry = await this.store.get(key);
    if (entry) this.remember(entry);
    else this.forget(lease.address);
    return false;
  }

  /** Another server's commit. One that is no lease would be refused at the next start, and is passed over now. */
  private apply(row: Entry | Deleted): void {
    const address = parseIpv4(row.key.slice(PREFIX.length));
    if (row.value === undefined) {
      if (address && (this.entries.get(address)?.revision ?? 0) < row.revision) this.forget(address);
    } else if (leaseOf(row)) this.remember(row);
  }

  private remember(entry: Entry): void {
    const lease = parseLease(entry);
    const known = this.entries.get(lease.address);
    // Commits may resolve in another order than they were made in.
    if (known && known.revision > entry.revision) return;
    this.forget(lease.address);
    this.entries.set(lease.address, { lease, revision: entry.revision });
    const addresses = this.byMac.get(lease.mac) ?? new Set();
    this.byMac.set(lease.mac, addresses.add(lease.address));
  }

  private forget(address: Ipv4): void {
    const known = this.entries.get(address);
    if (!known) return;
    this.entries.delete(address);
    const addresses = this.byMac.get(known.lease.mac);
    addresses?.delete(address);
    if (addresses?.size === 0) this.byMac.delete(known.lease.mac);
  }

  private drop(hold: Hold): void {
    this.holds.delete(hold.address);
    this.holdByMac.delete(hold.mac);
  }
}

function current(hold: Hold | undefined, now: number): Hold | undefined {
  return hold && hold.until > now ? hold : undefined;
}

function parseLease(entry: Entry): Lease {
  const lease = leaseOf(entry);
  if (!lease) throw new EverbootError("state-broken", { path: entry.key, reason: "not a lease" });
  return lease;
}

function leaseOf({ key, value }: Entry): Lease | undefined {
  const address = parseIpv4(key.slice(PREFIX.length));
  const record = parseRecord(value);
  const mac = typeof record.mac === "string" ? parseMac(record.mac) : undefined;
  const { state, expires } = record;
  const isState = state === "bound" || state === "declined";
  return address && mac && isState && typeof expires === "number" ? { address, mac, state, expires } : undefined;
}

function parseRecord(value: string): Readonly<Record<string, unknown>> {
  try {
    const record: unknown = JSON.parse(value);
    return typeof record === "object" && record !== null ? { ...record } : {};
  } catch {
    return {};
  }
}
