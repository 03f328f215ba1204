/**
 * Servers that hear nothing of each other both take an address, and a LAN that still lives carries what both announce.
 * An heir that hears a better holder announce an address which it has itself gives it up (RFC 5227 section 2.4: what to
 * do about a conflict); keepalived announces what it holds every second. Pure.
 */
import type { Ipv4 } from "../../base/address.ts";

interface Claim {
  readonly address: Ipv4;
  readonly by: string;
  readonly since: number;
  last: number;
}

/** Milliseconds that a server has held an address before it believes that another one has it too: what came before is old. */
const HELD_MS = 150;
/** Milliseconds in which a peer that is heard again is heard before its claim counts: then VRRP decides. */
const UNHEARD_MS = 60;
/** Milliseconds after the last announcement in which it still holds: three of them may be lost. */
const KEPT_MS = 3500;

export class Claims {
  private claims: readonly Claim[] = [];
  private readonly heldSince = new Map<Ipv4, number>();

  /** Times in milliseconds of a clock that only goes on. */
  held(address: Ipv4, isHeld: boolean, now: number): void {
    if (!isHeld) this.heldSince.delete(address);
    else if (!this.heldSince.has(address)) this.heldSince.set(address, now);
  }

  /** `by`, a better holder than this server, has announced the address. */
  announced(address: Ipv4, by: string, now: number): void {
    const claims = this.claims.filter((claim) => claim.address === address);
    const known = claims.find((claim) => claim.by === by);
    if (known) known.last = now;
    // Of several that have it too the worse ones give it up, and the best goes on.
    else if (claims.length > 0 || now - (this.heldSince.get(address) ?? now) >= HELD_MS)
      this.claims = [...this.claims, { address, by, since: now, last: now }];
  }

  /** Addresses to be given up, for servers that are known by nothing but what they announce. */
  contested(isHeard: (server: string) => boolean, now: number): Ipv4[] {
    this.claims = this.claims.filter(({ by, last }) => !isHeard(by) && now - last <= KEPT_MS);
    return this.claims.filter(({ since }) => now - since >= UNHEARD_MS).map(({ address }) => address);
  }
}
