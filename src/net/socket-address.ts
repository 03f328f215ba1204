/** struct sockaddr_in of Linux. */
import { type Ipv4, ipv4ToBytes } from "../base/address.ts";

const BYTES = 16;
const AF_INET = 2;

/** @param port 0 for sockets that know none */
export function socketAddress(address: Ipv4, port: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(BYTES);
  bytes.set(new Uint8Array(Uint16Array.of(AF_INET).buffer), 0);
  new DataView(bytes.buffer).setUint16(2, port);
  bytes.set(ipv4ToBytes(address), 4);
  return bytes;
}
