/** DHCP messages, bytes to values and back (RFC 2131 section 2). Pure. */
import { type Ipv4, ipv4FromBytes, ipv4ToBytes, type Mac, macFromBytes } from "../base/address.ts";
import { ByteReader, ByteWriter, DecodeError } from "../base/bytes.ts";
import { type DhcpOptions, OPTION } from "./dhcp-options.ts";
import { isOptionCode, readTlvs, writeEnd, writeTlv } from "./dhcp-tlv.ts";

export interface DhcpPacket {
  readonly op: "request" | "reply";
  /** Hardware type: 1 is Ethernet. */
  readonly htype: number;
  /** Length of the hardware address, at most 16. */
  readonly hlen: number;
  readonly hops: number;
  readonly xid: number;
  /** Seconds since the client began. */
  readonly secs: number;
  /** Bit 15 is the broadcast flag, the others are reserved; see `wantsBroadcast`. */
  readonly flags: number;
  readonly ciaddr: Ipv4;
  readonly yiaddr: Ipv4;
  readonly siaddr: Ipv4;
  readonly giaddr: Ipv4;
  /** All 16 bytes of the field; the address is the first `hlen`. */
  readonly chaddr: Uint8Array;
  /** One character a byte (latin1), up to the first NUL; at most 64. Empty when options overflowed into it. */
  readonly sname: string;
  /** As `sname`; at most 128. */
  readonly file: string;
  readonly options: DhcpOptions;
}

export const DHCP_PORTS = { server: 67, client: 68, pxe: 4011 } as const;

const MAGIC_COOKIE = 0x63825363;
const BROADCAST_FLAG = 0x8000;
const SNAME_BYTES = 64;
const FILE_BYTES = 128;
/** BOOTP's smallest packet (RFC 951 section 3): relay agents and old firmware drop shorter ones. */
const SMALLEST_PACKET = 300;
const ETHERNET = 1;

/** Longest text that fits `file` with the NUL that firmware expects after it. */
export const LONGEST_FILE_TEXT = FILE_BYTES - 1;

/** Throws DecodeError, and nothing else, for bytes that are no DHCP message. The result shares no memory with `bytes`. */
export function decodeDhcp(bytes: Uint8Array): DhcpPacket {
  const reader = new ByteReader(bytes);
  const fixed = readFixedFields(reader);
  const sname = reader.take(SNAME_BYTES);
  const file = reader.take(FILE_BYTES);
  const cookieAt = reader.offset;
  if (reader.u32() !== MAGIC_COOKIE) throw new DecodeError("no DHCP magic cookie", cookieAt);
  const options = new Map<number, Uint8Array>();
  readTlvs(bytes.subarray(reader.offset), "framed", options);
  const overload = takeOverload(options);
  if (overload.file) readTlvs(file, "framed", options);
  if (overload.sname) readTlvs(sname, "framed", options);
  // An overload option inside an overloaded field means nothing.
  options.delete(OPTION.overload);
  return {
    ...fixed,
    sname: overload.sname ? "" : fieldText(sname),
    file: overload.file ? "" : fieldText(file),
    options,
  };
}

function readFixedFields(reader: ByteReader) {
  const op = reader.u8();
  if (op !== 1 && op !== 2) throw new DecodeError(`op ${op} is neither request nor reply`, 0);
  const htype = reader.u8();
  const hlen = reader.u8();
  if (hlen > 16) throw new DecodeError(`hardware address of ${hlen} bytes`, 2);
  return {
    op: op === 1 ? ("request" as const) : ("reply" as const),
    htype,
    hlen,
    hops: reader.u8(),
    xid: reader.u32(),
    secs: reader.u16(),
    flags: reader.u16(),
    ciaddr: ipv4FromBytes(reader.take(4)),
    yiaddr: ipv4FromBytes(reader.take(4)),
    siaddr: ipv4FromBytes(reader.take(4)),
    giaddr: ipv4FromBytes(reader.take(4)),
    chaddr: Uint8Array.from(reader.take(16)),
  };
}

/** Which fields hold options instead of text; takes the option away, since `encodeDhcp` never overloads. */
function takeOverload(options: Map<number, Uint8Array>): { readonly file: boolean; readonly sname: boolean } {
  const value = options.get(OPTION.overload);
  if (!value) return { file: false, sname: false };
  options.delete(OPTION.overload);
  const bits = value.length === 1 ? (value[0] ?? 0) : 0;
  if (bits < 1 || bits > 3) throw new DecodeError("bad option overload", 0);
  return { file: (bits & 1) !== 0, sname: (bits & 2) !== 0 };
}

/**
 * Deterministic: message type first (old firmware looks no further), the others by code, relay agent information last
 * (RFC 3046 section 2.1), end mark, zeros up to 300 bytes. Never overloads: old ROMs do not understand it.
 * Throws RangeError when `sname`, `file` or `chaddr` do not fit.
 */
export function encodeDhcp(packet: DhcpPacket): Uint8Array {
  const writer = new ByteWriter(roomFor(packet.options));
  writer.u8(packet.op === "request" ? 1 : 2);
  writer.u8(packet.htype);
  writer.u8(packet.hlen);
  writer.u8(packet.hops);
  writer.u32(packet.xid);
  writer.u16(packet.secs);
  writer.u16(packet.flags);
  for (const address of [packet.ciaddr, packet.yiaddr, packet.siaddr, packet.giaddr]) writer.put(ipv4ToBytes(address));
  putField(writer, packet.chaddr, 16);
  putField(writer, Buffer.from(packet.sname, "latin1"), SNAME_BYTES);
  putField(writer, Buffer.from(packet.file, "latin1"), FILE_BYTES);
  writer.u32(MAGIC_COOKIE);
  for (const [code, value] of inWireOrder(packet.options)) writeTlv(writer, code, value);
  writeEnd(writer);
  writer.zeros(Math.max(0, SMALLEST_PACKET - writer.length));
  return writer.finish();
}

/** Enough bytes for a packet with these options, split ones among them. */
function roomFor(options: DhcpOptions): number {
  return [...options.values()].reduce((sum, { length }) => sum + 2 * length + 2, SMALLEST_PACKET);
}

function putField(writer: ByteWriter, bytes: Uint8Array, size: number): void {
  if (bytes.length > size) throw new RangeError(`${bytes.length} bytes in a field of ${size}`);
  writer.put(bytes);
  writer.zeros(size - bytes.length);
}

function inWireOrder(options: DhcpOptions): Array<[number, Uint8Array]> {
  return [...options]
    .filter(([code]) => isOptionCode(code) && code !== OPTION.overload)
    .sort(([a], [b]) => wireRank(a) - wireRank(b));
}

function wireRank(code: number): number {
  if (code === OPTION["message-type"]) return 0;
  return code === OPTION["relay-agent"] ? 256 : code;
}

function fieldText(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return Buffer.from(end < 0 ? bytes : bytes.subarray(0, end)).toString("latin1");
}

/** The client's MAC address; `undefined` unless the hardware is Ethernet. */
export function clientMac(packet: DhcpPacket): Mac | undefined {
  return packet.htype === ETHERNET && packet.hlen === 6 ? macFromBytes(packet.chaddr) : undefined;
}

/** The client cannot take a unicast before it has its address (RFC 2131 section 4.1). */
export function wantsBroadcast(packet: DhcpPacket): boolean {
  return (packet.flags & BROADCAST_FLAG) !== 0;
}

/** `flags` with the broadcast bit set. */
export function withBroadcastFlag(flags: number): number {
  return flags | BROADCAST_FLAG;
}
