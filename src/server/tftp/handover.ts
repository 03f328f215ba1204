/** Going on with a transfer that another server began: what is told of one, and where an ACK falls in it. */
import type { Ipv4 } from "../../base/address.ts";
import type { Peer } from "../../net/datagram.ts";
import type { TftpSession } from "../../wire/peer-message.ts";
import type { Endpoint } from "../../wire/tcp-segment.ts";
import type { TftpRequest } from "../../wire/tftp-packet.ts";
import type { Terms } from "./negotiate.ts";
import type { Serve } from "./request.ts";

export interface KnownSession {
  readonly session: TftpSession;
  /**
   * Milliseconds from the last word of the server that ran it to the moment this one took its address over: so long
   * it may have gone on untold.
   */
  readonly untold: number;
}

/** How a TFTP server and its heirs tell each other of their transfers. */
export interface Handover {
  /** Tells all heirs at once that a transfer begins, or has moved on far. */
  tell(session: TftpSession): void;
  /** A transfer of this client with another server, by the address that is this one's now. */
  find(server: Endpoint, client: Peer): KnownSession | undefined;
}

/**
 * A transfer is told anew after so many blocks: with a 16-bit block number in the ACK, sixteen tellings in a row would
 * have to be lost before an heir could mistake one block for another.
 */
export const TELL_EVERY = 4096;

/** Block numbers ahead of the last known position that an ACK may mean; the other half lies behind it. */
const AHEAD = 1 << 15;
/** How much faster than its average a transfer may have been while nothing was told of it. */
const HASTE = 4;
/** Blocks a second that any transfer may reach. */
const LEAST_PACE = 8192;

/**
 * The block, counted from 1 without wrapping, that the client acknowledges by `wireBlock`; undefined when it cannot be
 * told for sure: a wrong guess would send wrong bytes, and silence only costs the client a new try.
 */
export function placeAck({ session, untold }: KnownSession, wireBlock: number): number | undefined {
  const lastBlock = Math.floor(session.size / session.blockSize) + 1;
  if (lastBlock <= 0xffff) return wireBlock <= lastBlock ? wireBlock : undefined;
  const mayHaveWrapped = (Math.max(session.pace, LEAST_PACE) * HASTE * untold) / 1000 > 0xffff;
  if (mayHaveWrapped) return undefined;
  const ahead = (wireBlock - session.acked) & 0xffff;
  const block = session.acked + ahead;
  return ahead < AHEAD && block <= lastBlock ? block : undefined;
}

/** What heirs are told of a transfer that begins; `acked` blocks have arrived before, sent by another server. */
export function describeSession(
  { path, mode, file }: Serve,
  size: number,
  { blockSize, windowSize, timeout }: Terms,
  about: { readonly server: Endpoint; readonly client: Peer; readonly acked: number },
): TftpSession {
  const { server, client, acked } = about;
  const agreed = { blockSize, windowSize, ...(timeout !== undefined && { timeout }) };
  // A UDP socket of IPv4 names its peers by canonical IPv4 addresses.
  const ends = { server, client: { address: client.address as Ipv4, port: client.port } };
  return { ...ends, path, mode, etag: file.etag, size, ...agreed, acked, pace: 0 };
}

/** As agreed with the server that began; its OACK has been acknowledged, so there is nothing to answer any more. */
export function termsOf({ blockSize, windowSize, timeout }: TftpSession): Terms {
  return { blockSize, windowSize, accepted: [], ...(timeout !== undefined && { timeout }) };
}

/** The request that began it, but for the options that are settled. */
export function requestOf({ path, mode }: TftpSession): TftpRequest {
  return { kind: "read", path, mode, options: [] };
}
