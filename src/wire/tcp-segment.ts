/** A TCP segment in its IPv4 packet (RFC 9293 section 3.1, RFC 791 section 3.1): bytes <-> values. */
import { type Ipv4, ipv4FromBytes, ipv4ToBytes } from "../base/address.ts";
import { ByteReader, ByteWriter, DecodeError } from "../base/bytes.ts";
import { checksum, sumWords } from "./internet-checksum.ts";

export interface Endpoint {
  readonly address: Ipv4;
  readonly port: number;
}

export interface TcpSegment {
  readonly from: Endpoint;
  readonly to: Endpoint;
  /** 32 bits, as `acknowledgement`. */
  readonly sequence: number;
  readonly acknowledgement: number;
  /** Sum of TCP_FLAG. */
  readonly flags: number;
  readonly window: number;
  /** A view of the packet's bytes when decoded. */
  readonly payload: Uint8Array;
}

export const TCP_FLAG = { fin: 1, syn: 2, rst: 4, psh: 8, ack: 16 } as const;

const IP_HEADER = 20;
const IP_CHECKSUM_AT = 10;
const TCP_HEADER = 20;
const TCP_CHECKSUM_AT = 16;
const TCP_PROTOCOL = 6;
const TIME_TO_LIVE = 64;
const DONT_FRAGMENT = 0x4000;
const MORE_FRAGMENTS_OR_OFFSET = 0x3fff;

/** Without options; both checksums filled in. The payload must fit one packet (at most 65495 bytes). */
export function encodeTcpSegment(segment: TcpSegment): Uint8Array {
  const { from, to, payload } = segment;
  const tcpLength = TCP_HEADER + payload.length;
  const addresses = new Uint8Array([...ipv4ToBytes(from.address), ...ipv4ToBytes(to.address)]);
  const writer = new ByteWriter(IP_HEADER + tcpLength);
  writer.u16(0x4500);
  writer.u16(IP_HEADER + tcpLength);
  writer.u16(0);
  writer.u16(DONT_FRAGMENT);
  writer.u8(TIME_TO_LIVE);
  writer.u8(TCP_PROTOCOL);
  writer.u16(0);
  writer.put(addresses);
  writer.u16(from.port);
  writer.u16(to.port);
  writer.u32(segment.sequence);
  writer.u32(segment.acknowledgement);
  writer.u8((TCP_HEADER / 4) << 4);
  writer.u8(segment.flags);
  writer.u16(segment.window);
  writer.u32(0);
  writer.put(payload);
  const packet = writer.finish();
  const view = new DataView(packet.buffer, packet.byteOffset, packet.length);
  view.setUint16(IP_CHECKSUM_AT, checksum(packet.subarray(0, IP_HEADER)));
  view.setUint16(IP_HEADER + TCP_CHECKSUM_AT, checksum(packet.subarray(IP_HEADER), pseudoHeader(addresses, tcpLength)));
  return packet;
}

/** Skips options; bytes after the packet's own length are ignored, as link layers pad. Throws DecodeError. */
export function decodeTcpSegment(bytes: Uint8Array): TcpSegment {
  const { header, body } = splitIpPacket(bytes);
  const addresses = header.subarray(12, 20);
  if (checksum(body, pseudoHeader(addresses, body.length)) !== 0) throw new DecodeError("TCP checksum", header.length);
  const reader = new ByteReader(body);
  const ports = { from: reader.u16(), to: reader.u16() };
  const sequence = reader.u32();
  const acknowledgement = reader.u32();
  const headerLength = (reader.u8() >> 4) * 4;
  if (headerLength < TCP_HEADER) throw new DecodeError("TCP header length", header.length + 12);
  const flags = reader.u8();
  const window = reader.u16();
  reader.take(headerLength - reader.offset);
  return {
    from: { address: ipv4FromBytes(addresses), port: ports.from },
    to: { address: ipv4FromBytes(addresses.subarray(4)), port: ports.to },
    sequence,
    acknowledgement,
    flags,
    window,
    payload: reader.take(reader.remaining),
  };
}

function splitIpPacket(bytes: Uint8Array): { readonly header: Uint8Array; readonly body: Uint8Array } {
  const reader = new ByteReader(bytes);
  const first = reader.u8();
  if (first >> 4 !== 4) throw new DecodeError("not IPv4", 0);
  reader.u8();
  const length = reader.u16();
  reader.u16();
  if ((reader.u16() & MORE_FRAGMENTS_OR_OFFSET) !== 0) throw new DecodeError("a fragment", 6);
  reader.u8();
  if (reader.u8() !== TCP_PROTOCOL) throw new DecodeError("not TCP", 9);
  const headerLength = (first & 15) * 4;
  if (headerLength < IP_HEADER || length < headerLength + TCP_HEADER) throw new DecodeError("IPv4 lengths", 2);
  const packet = new ByteReader(bytes).take(length);
  const header = packet.subarray(0, headerLength);
  if (checksum(header) !== 0) throw new DecodeError("IPv4 checksum", IP_CHECKSUM_AT);
  return { header, body: packet.subarray(headerLength) };
}

/** The sum that stands for the pseudo header (RFC 9293 section 3.1). */
function pseudoHeader(addresses: Uint8Array, tcpLength: number): number {
  return sumWords(addresses) + TCP_PROTOCOL + tcpLength;
}
