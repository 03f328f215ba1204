/**
 * Waking clients whose server died while they were only receiving: nothing tells them, so curl waited 62.8 s and wget
 * more than 75 s (measured). A segment that does not fit the connection makes the client's kernel say where it stands
 * (RFC 9293 section 3.10.7.4), this kernel knows no such connection and answers RST, and the client connects anew.
 * Samba's CTDB does the same.
 */
import type { Ipv4 } from "../../base/address.ts";
import type { TcpConnection } from "../../wire/peer-message.ts";
import { encodeTcpSegment, TCP_FLAG } from "../../wire/tcp-segment.ts";

export interface Tickle {
  /** Milliseconds after the address came. */
  readonly after: number;
  readonly to: Ipv4;
  /** With its IPv4 header. */
  readonly packet: Uint8Array;
}

/**
 * The second in case the link was not ready. The others come more than half a second apart: Linux answers segments out
 * of place no oftener (tcp_invalid_ratelimit); the client's first answer is lost when it has not yet heard where the
 * address moved to.
 */
const TIMES = [0, 100, 700, 1500, 3000];

/** Far enough apart that at most one of them can lie in a client's receive window, which is 1 GiB at most. */
const SEQUENCE_STEP = 0x4000_0000;

/** In order of time. Harmless to connections that have ended: their clients answer RST, or nothing. */
export function planTickles(connections: readonly TcpConnection[]): Tickle[] {
  return TIMES.flatMap((after, turn) =>
    connections.map(({ server, client }) => ({
      after,
      to: client.address,
      packet: encodeTcpSegment({
        from: server,
        to: client,
        sequence: (turn * SEQUENCE_STEP) % 2 ** 32,
        acknowledgement: 0,
        flags: TCP_FLAG.ack,
        window: 1,
        payload: new Uint8Array(),
      }),
    })),
  );
}
