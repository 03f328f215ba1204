/**
 * A pool that several servers lend from, also while they do not hear each other. Each address has one owner among the
 * servers, which lends it at any time; the others lend it only while its owner tells that it is there, through the common
 * state, so that both write to the same record. An owner that is cut off waits until the others have noticed. Pure.
 */
import { type AddressRange, type Ipv4, ipv4ToNumber } from "../../base/address.ts";

/** How things stand between this server and the common state. */
export interface ShareStanding {
  /** This server's name, and those of all servers of the site. */
  readonly self: string;
  readonly servers: readonly string[];
  /** Milliseconds since the common state was last reached; 0 = it is now. */
  readonly awayMs: number;
  /** Has this server told of itself within the last three and a half seconds? */
  readonly isFresh: (server: string) => boolean;
}

/**
 * Others take an owner for present for 3.5 s after its last word, and may hear that word up to 2 s late; their commits
 * take a second at most.
 */
const NOTICED_MS = 8000;

/** Without the common state for so long that the others no longer lend from this server's share? */
export function isApart(awayMs: number): boolean {
  return awayMs >= NOTICED_MS;
}

/** Of these servers, the one that lends this address of the pool whatever happens; the same on every server. */
export function shareOwner({ first }: AddressRange, address: Ipv4, servers: readonly string[]): string | undefined {
  const sorted = servers.toSorted();
  return sorted[(ipv4ToNumber(address) - ipv4ToNumber(first)) % sorted.length];
}

/** May this server lend the address now, or prolong its lease? */
export function mayLend(pool: AddressRange, address: Ipv4, { self, servers, awayMs, isFresh }: ShareStanding): boolean {
  const owner = shareOwner(pool, address, servers);
  if (owner === self) return awayMs === 0 || isApart(awayMs);
  return awayMs === 0 && owner !== undefined && isFresh(owner);
}
