/** An IPv4 packet with a UDP datagram in it, for clients that the kernel cannot reach yet. Pure. */
import { type Ipv4, ipv4FromBytes, ipv4ToBytes } from "../base/address.ts";
import { ByteWriter } from "../base/bytes.ts";
import { checksum, sumWords } from "../wire/internet-checksum.ts";

export interface Datagram {
  readonly from: { readonly address: Ipv4; readonly port: number };
  readonly to: { readonly address: Ipv4; readonly port: number };
  readonly payload: Uint8Array;
}

const IP_HEADER = 20;
const UDP_HEADER = 8;
const UDP_PROTOCOL = 17;
const TIME_TO_LIVE = 64;

/** RFC 791 and RFC 768, both checksums filled in. The payload must fit one packet (at most 65507 bytes). */
export function ipUdpPacket(datagram: Datagram): Uint8Array {
  const udpLength = UDP_HEADER + datagram.payload.length;
  const addresses = new Uint8Array([...ipv4ToBytes(datagram.from.address), ...ipv4ToBytes(datagram.to.address)]);
  const writer = new ByteWriter(IP_HEADER + udpLength);
  writer.u16(0x4500);
  writer.u16(IP_HEADER + udpLength);
  writer.u32(0);
  writer.u8(TIME_TO_LIVE);
  writer.u8(UDP_PROTOCOL);
  writer.u16(0);
  writer.put(addresses);
  writer.u16(datagram.from.port);
  writer.u16(datagram.to.port);
  writer.u16(udpLength);
  writer.u16(0);
  writer.put(datagram.payload);
  const packet = writer.finish();
  const view = new DataView(packet.buffer, packet.byteOffset, packet.length);
  view.setUint16(10, checksum(packet.subarray(0, IP_HEADER)));
  const pseudoHeader = sumWords(addresses) + UDP_PROTOCOL + udpLength;
  // A computed zero is sent as all ones: zero on the wire means "no checksum" (RFC 768).
  view.setUint16(IP_HEADER + 6, checksum(packet.subarray(IP_HEADER), pseudoHeader) || 0xffff);
  return packet;
}

/** Undefined for what is no whole UDP datagram: fragments, other protocols, packets cut short. Checksums are not looked at. */
export function readIpUdp(packet: Uint8Array): Datagram | undefined {
  const view = new DataView(packet.buffer, packet.byteOffset, packet.length);
  if (packet.length < IP_HEADER || packet[0] === undefined || packet[0] >> 4 !== 4) return undefined;
  const header = (packet[0] & 0x0f) * 4;
  // All but "do not fragment" and the reserved bit: more fragments follow, or this is a later one (RFC 791 section 3.1).
  const isFragment = (view.getUint16(6) & 0x3fff) !== 0;
  if (packet[9] !== UDP_PROTOCOL || isFragment || header < IP_HEADER || packet.length < header + UDP_HEADER)
    return undefined;
  const length = view.getUint16(header + 4);
  if (length < UDP_HEADER || packet.length < header + length) return undefined;
  return {
    from: { address: ipv4FromBytes(packet.subarray(12)), port: view.getUint16(header) },
    to: { address: ipv4FromBytes(packet.subarray(16)), port: view.getUint16(header + 2) },
    payload: packet.subarray(header + UDP_HEADER, header + length),
  };
}
