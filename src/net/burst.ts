/** Datagrams that are cut from the same bytes, and the socket that sends them at once where the system can. */
import type { DatagramSocket, Peer } from "./datagram.ts";

/** Each datagram is a header of its own, then its slice; the last slice may be shorter than the others, or empty. */
export interface Burst {
  /** All headers, one after the other: as many datagrams as there are. */
  readonly headers: Uint8Array;
  readonly headerLength: number;
  /** All slices, one after the other. */
  readonly bytes: Uint8Array;
  readonly sliceLength: number;
}

export interface BurstSocket extends DatagramSocket {
  /** The headers are copied; the bytes must stay as they are. What cannot be sent is lost, as on the wire. */
  sendBurst(burst: Burst, to: Peer): void;
}

/** Each as bytes of its own. */
export function datagramsOf({ headers, headerLength, bytes, sliceLength }: Burst): Uint8Array[] {
  const count = headers.length / headerLength;
  return Array.from({ length: count }, (_, index) => {
    const slice = bytes.subarray(index * sliceLength, (index + 1) * sliceLength);
    const datagram = new Uint8Array(headerLength + slice.length);
    datagram.set(headers.subarray(index * headerLength, (index + 1) * headerLength));
    datagram.set(slice, headerLength);
    return datagram;
  });
}
