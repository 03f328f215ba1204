/** Addresses of packet sockets; see packet(7). The constants are those of Linux on x86, Arm, RISC-V and LoongArch. */
import { type Mac, macToBytes } from "../base/address.ts";

export const AF_PACKET = 17;
export const SOCKADDR_LL_BYTES = 20;

/** struct sockaddr_ll of an Ethernet device, by its index; the kernel builds the link-layer header from it. */
export function linkAddress(index: number, etherType: number, mac?: Mac): Uint8Array {
  const bytes = new Uint8Array(SOCKADDR_LL_BYTES);
  bytes.set(new Uint8Array(Uint16Array.of(AF_PACKET).buffer), 0);
  new DataView(bytes.buffer).setUint16(2, etherType);
  bytes.set(new Uint8Array(Int32Array.of(index).buffer), 4);
  if (mac !== undefined) {
    const hardware = macToBytes(mac);
    bytes[11] = hardware.length;
    bytes.set(hardware, 12);
  }
  return bytes;
}
