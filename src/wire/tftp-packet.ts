/** TFTP packets (RFC 1350 section 5) with the option extension (RFC 2347): bytes <-> values. */
import { ByteReader, ByteWriter, DecodeError, encodeText } from "../base/bytes.ts";

/** The name as the client wrote it: names match in any case (RFC 2347), some clients only know their own. */
export interface TftpOption {
  readonly name: string;
  readonly value: string;
}

export interface TftpRequest {
  readonly kind: "read" | "write";
  readonly path: string;
  /** Lower case: `octet`, `netascii`, or what else was sent. */
  readonly mode: string;
  /** In the order sent. */
  readonly options: readonly TftpOption[];
}

export interface TftpData {
  readonly kind: "data";
  /** 0 to 65535: wraps in files of more than 65535 blocks. */
  readonly block: number;
  /** A view of the packet's bytes when decoded. */
  readonly data: Uint8Array;
}

export interface TftpAck {
  readonly kind: "ack";
  readonly block: number;
}

export interface TftpError {
  readonly kind: "error";
  /** One of TFTP_ERROR, or what else was sent. */
  readonly code: number;
  readonly text: string;
}

export interface TftpOptionAck {
  readonly kind: "oack";
  readonly options: readonly TftpOption[];
}

export type TftpPacket = TftpRequest | TftpData | TftpAck | TftpError | TftpOptionAck;

/** Error codes (RFC 1350 appendix, RFC 2347). */
export const TFTP_ERROR = { undefined: 0, absent: 1, refused: 2, illegal: 4, unknownTransfer: 5, options: 8 } as const;

const OPCODE = { read: 1, write: 2, data: 3, ack: 4, error: 5, oack: 6 } as const;

/** Throws DecodeError, and nothing else. */
export function decodeTftp(bytes: Uint8Array): TftpPacket {
  // One for each window: it is worth a short way.
  if (bytes.length >= 4 && bytes[0] === 0 && bytes[1] === OPCODE.ack) {
    return { kind: "ack", block: ((bytes[2] ?? 0) << 8) | (bytes[3] ?? 0) };
  }
  const reader = new ByteReader(bytes);
  const opcode = reader.u16();
  switch (opcode) {
    case OPCODE.read:
      return decodeRequest("read", reader);
    case OPCODE.write:
      return decodeRequest("write", reader);
    case OPCODE.data:
      return decodeData(reader);
    case OPCODE.ack:
      return { kind: "ack", block: reader.u16() };
    case OPCODE.error:
      return decodeError(reader);
    case OPCODE.oack:
      return { kind: "oack", options: readOptions(reader) };
    default:
      throw new DecodeError(`unknown opcode ${opcode}`, 0);
  }
}

/** Texts must hold no NUL: it ends them on the wire. */
export function encodeTftp(packet: TftpPacket): Uint8Array {
  const writer = new ByteWriter(packet.kind === "data" ? packet.data.length + 4 : 64);
  writer.u16(OPCODE[packet.kind]);
  switch (packet.kind) {
    case "read":
    case "write":
      putText(writer, packet.path);
      putText(writer, packet.mode);
      putOptions(writer, packet.options);
      break;
    case "data":
      writer.u16(packet.block);
      writer.put(packet.data);
      break;
    case "ack":
      writer.u16(packet.block);
      break;
    case "error":
      writer.u16(packet.code);
      putText(writer, packet.text);
      break;
    case "oack":
      putOptions(writer, packet.options);
      break;
  }
  return writer.finish();
}

/**
 * RRQ (1) and WRQ (2):
 * ```
 *  2 bytes   string   1   string  1   string  1   string  1
 * +--------+--------+---+--------+---+--------+---+--------+---+
 * | opcode |  path  | 0 |  mode  | 0 | option | 0 | value  | 0 | ...
 * +--------+--------+---+--------+---+--------+---+--------+---+
 * ```
 */
function decodeRequest(kind: "read" | "write", reader: ByteReader): TftpRequest {
  const path = readText(reader);
  const mode = readText(reader).toLowerCase();
  return { kind, path, mode, options: readOptions(reader) };
}

/**
 * DATA (3); ACK (4) is its first four bytes alone:
 * ```
 *  2 bytes  2 bytes    n bytes
 * +--------+--------+-----------+
 * | opcode | block  |   data    |
 * +--------+--------+-----------+
 * ```
 */
function decodeData(reader: ByteReader): TftpData {
  return { kind: "data", block: reader.u16(), data: reader.take(reader.remaining) };
}

/**
 * ERROR (5); boot ROMs that break off after the size leave out the text, or its NUL:
 * ```
 *  2 bytes  2 bytes   string   1
 * +--------+--------+--------+---+
 * | opcode |  code  |  text  | 0 |
 * +--------+--------+--------+---+
 * ```
 */
function decodeError(reader: ByteReader): TftpError {
  const code = reader.u16();
  const rest = reader.take(reader.remaining);
  const end = rest.indexOf(0);
  return { kind: "error", code, text: textOf(end < 0 ? rest : rest.subarray(0, end)) };
}

/**
 * OACK (6), and the end of RRQ and WRQ. An empty name ends the list: some ROMs pad with zeros.
 * ```
 *  2 bytes   string   1   string  1
 * +--------+--------+---+--------+---+
 * | opcode | option | 0 | value  | 0 | ...
 * +--------+--------+---+--------+---+
 * ```
 */
function readOptions(reader: ByteReader): TftpOption[] {
  const options: TftpOption[] = [];
  while (reader.remaining > 0) {
    const name = readText(reader);
    if (name === "") break;
    options.push({ name, value: readText(reader) });
  }
  return options;
}

function putOptions(writer: ByteWriter, options: readonly TftpOption[]): void {
  for (const { name, value } of options) {
    putText(writer, name);
    putText(writer, value);
  }
}

function readText(reader: ByteReader): string {
  const end = reader.bytes.indexOf(0, reader.offset);
  if (end < 0) throw new DecodeError("text without an end", reader.offset);
  const text = textOf(reader.take(end - reader.offset));
  reader.take(1);
  return text;
}

function putText(writer: ByteWriter, text: string): void {
  writer.put(encodeText(`${text}\0`));
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("utf8");
}

/** Bytes before the data of a DATA packet. */
export const TFTP_HEADER_BYTES = 4;

/** Fills `headers` with those of DATA packets, one after the other; `block` is the first one's, not wrapped. */
export function putDataHeaders(headers: Uint8Array, block: number): void {
  for (let at = 0, next = block; at < headers.length; at += TFTP_HEADER_BYTES, next++) {
    headers[at] = 0;
    headers[at + 1] = OPCODE.data;
    headers[at + 2] = (next >>> 8) & 0xff;
    headers[at + 3] = next & 0xff;
  }
}
