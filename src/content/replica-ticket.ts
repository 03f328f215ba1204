/**
 * How a server of the site shows another one that it is one: each request carries its name, the time, and an HMAC-SHA256
 * (RFC 2104) of both and of the path with the site's key. What is asked for is no secret, so that a request can be
 * repeated by one who heard it does no harm. Pure.
 */
import { createHmac, timingSafeEqual } from "node:crypto";

/** In the header `Authorization` (RFC 9110 section 11.6.2). */
const SCHEME = "Everboot";
const TICKET = new RegExp(`^${SCHEME} (\\S{1,64}) (\\d{1,15}) ([0-9a-f]{64})$`);

/** As much as Kerberos lets clocks differ (RFC 4120 section 1.6). */
export const TICKET_MS = 300_000;

export interface Ticket {
  /** Name in the site file of the server that asks. */
  readonly server: string;
  /** Milliseconds since 1970. */
  readonly time: number;
  /** Decoded. */
  readonly path: string;
}

export type OpenedTicket =
  | { readonly kind: "server"; readonly server: string }
  /** `aheadMs`: how much the clock of `server` is ahead of this one. */
  | { readonly kind: "stale"; readonly server: string; readonly aheadMs: number }
  | { readonly kind: "forged" };

/** The value of `Authorization`. */
export function sealTicket(ticket: Ticket, key: Uint8Array): string {
  return `${SCHEME} ${ticket.server} ${ticket.time} ${macOf(ticket, key).toString("hex")}`;
}

/** @param now in milliseconds since 1970 */
export function openTicket(value: string | undefined, path: string, key: Uint8Array, now: number): OpenedTicket {
  const [, server, digits, mac] = TICKET.exec(value ?? "") ?? [];
  if (server === undefined || mac === undefined) return { kind: "forged" };
  const time = Number(digits);
  if (!timingSafeEqual(macOf({ server, time, path }, key), Buffer.from(mac, "hex"))) return { kind: "forged" };
  const aheadMs = time - now;
  return Math.abs(aheadMs) > TICKET_MS ? { kind: "stale", server, aheadMs } : { kind: "server", server };
}

/** The first line keeps this from being taken for anything else that is signed with the same key. */
function macOf({ server, time, path }: Ticket, key: Uint8Array): Buffer {
  return createHmac("sha256", key).update(`everboot trees 1\n${server}\n${time}\n${path}`).digest();
}
