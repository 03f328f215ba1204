/**
 * What servers tell each other of the transfers under way, so that one can go on where another died: bytes <-> values.
 * Every message is authenticated by HMAC-SHA256 (RFC 2104) with the site's key. It holds no secret, so it is not
 * encrypted. Replays are the receiver's business: `epoch` and `sequence` tell them.
 */
import { createHmac, createSecretKey, type KeyObject, timingSafeEqual } from "node:crypto";
import { type Ipv4, ipv4FromBytes, ipv4ToBytes } from "../base/address.ts";
import { ByteReader, ByteWriter, DecodeError, encodeText } from "../base/bytes.ts";
import type { Endpoint } from "./tcp-segment.ts";

/** A connection that a client may be waiting on; `server` is the end that moves to the heir. */
export interface TcpConnection {
  readonly server: Endpoint;
  readonly client: Endpoint;
}

/** What an heir needs to go on with a TFTP transfer. */
export interface TftpSession {
  /** Where the client talks to. */
  readonly server: Endpoint;
  readonly client: Endpoint;
  /** Normalised; what the server's resolver was asked for. */
  readonly path: string;
  /** As in the request: `octet` or `netascii`. */
  readonly mode: string;
  /** Strong tag of the file: the heir's must be the same. */
  readonly etag: string;
  /** Bytes to be transferred. */
  readonly size: number;
  readonly blockSize: number;
  readonly windowSize: number;
  /** Seconds between repetitions, if the client set it (RFC 2349). */
  readonly timeout?: number;
  /** Blocks that had arrived when this was told, counted from 1 without wrapping. */
  readonly acked: number;
  /** Blocks a second so far; 0 = it has only begun. */
  readonly pace: number;
}

export interface PeerFacts {
  readonly sessions: readonly TftpSession[];
  readonly connections: readonly TcpConnection[];
}

export interface PeerMessage extends PeerFacts {
  /** The server's name in the site file, or `supervisorOf` it. */
  readonly sender: string;
  /** Larger after each start of the sender. */
  readonly epoch: number;
  /** Larger with each message of an epoch. */
  readonly sequence: number;
  /** Counts the sender's full accounts: a fact that is missing in two of them is over. */
  readonly round: number;
}

export type OpenedMessage =
  | { readonly kind: "message"; readonly message: PeerMessage }
  /** `forged`: not made with this key. `version`: of another version of the protocol. */
  | { readonly kind: "drop"; readonly reason: "malformed" | "version" | "forged" };

export const PEER_KEY_BYTES = 32;
/** UDP. */
export const PEER_PORT = 7069;

/** The supervisor of a daemon speaks under a name of its own: it has sequence numbers of its own. */
const SUPERVISOR = "/supervisor";

export function supervisorOf(server: string): string {
  return `${server}${SUPERVISOR}`;
}

/** The server that a message's sender belongs to. */
export function serverOf(sender: string): string {
  return sender.endsWith(SUPERVISOR) ? sender.slice(0, -SUPERVISOR.length) : sender;
}

const MAGIC = 0x45425450; // "EBTP"
const VERSION = 1;
const MAC_BYTES = 32;
/** Keeps a datagram within one Ethernet frame: 1500 less the headers of IPv4 and UDP. */
const MAX_DATAGRAM = 1472;
const MAX_NAME = 64 + SUPERVISOR.length;
const HEAD_BYTES = 4 + 1 + (1 + MAX_NAME) + 6 + 6 + 4 + 2 + 2;
const MAX_FACTS_BYTES = MAX_DATAGRAM - HEAD_BYTES - MAC_BYTES;
const ENDPOINT_BYTES = 6;
/** Of a session with empty texts. */
const SESSION_BYTES = 2 * ENDPOINT_BYTES + 2 + 2 + 1 + 6 + 6 + 4 + 1 + 1 + 2;

/**
 * @param message with a server's name of at most 64 bytes, and facts as `packFacts` gives them
 * @param key of PEER_KEY_BYTES bytes, which must stay as they are
 */
export function sealPeerMessage(message: PeerMessage, key: Uint8Array): Uint8Array {
  const writer = new ByteWriter(MAX_DATAGRAM);
  writer.u32(MAGIC);
  writer.u8(VERSION);
  putText8(writer, message.sender);
  putU48(writer, message.epoch);
  putU48(writer, message.sequence);
  writer.u32(message.round);
  writer.u16(message.sessions.length);
  for (const session of message.sessions) putSession(writer, session);
  writer.u16(message.connections.length);
  for (const connection of message.connections) putConnection(writer, connection);
  writer.put(macOf(writer.finish(), key));
  return writer.finish();
}

/** Reads nothing of a body that is not authentic. */
export function openPeerMessage(bytes: Uint8Array, key: Uint8Array): OpenedMessage {
  try {
    const reader = new ByteReader(bytes);
    if (bytes.length > MAX_DATAGRAM || reader.u32() !== MAGIC) return { kind: "drop", reason: "malformed" };
    if (reader.u8() !== VERSION) return { kind: "drop", reason: "version" };
    const end = bytes.length - MAC_BYTES;
    if (end < reader.offset) return { kind: "drop", reason: "malformed" };
    const signed = bytes.subarray(0, end);
    if (!timingSafeEqual(macOf(signed, key), bytes.subarray(end))) return { kind: "drop", reason: "forged" };
    return { kind: "message", message: readMessage(new ByteReader(signed, reader.offset)) };
  } catch (error) {
    if (error instanceof DecodeError) return { kind: "drop", reason: "malformed" };
    throw error;
  }
}

/**
 * Shares facts out to as many messages as they need: one at least. Sessions of paths too long for a datagram are left
 * out: nobody can take those over.
 */
export function packFacts({ sessions, connections }: PeerFacts): PeerFacts[] {
  const packs: { sessions: TftpSession[]; connections: TcpConnection[] }[] = [];
  let room = 0;
  const packFor = (bytes: number) => {
    const last = packs.at(-1);
    room -= bytes;
    if (last && room >= 0) return last;
    const fresh = { sessions: [], connections: [] };
    packs.push(fresh);
    room = MAX_FACTS_BYTES - bytes;
    return fresh;
  };
  for (const session of sessions) {
    const bytes = sessionBytes(session);
    if (bytes <= MAX_FACTS_BYTES) packFor(bytes).sessions.push(session);
  }
  for (const connection of connections) packFor(2 * ENDPOINT_BYTES).connections.push(connection);
  return packs.length > 0 ? packs : [{ sessions: [], connections: [] }];
}

function readMessage(reader: ByteReader): PeerMessage {
  const head = { sender: readText(reader, reader.u8()), epoch: readU48(reader), sequence: readU48(reader) };
  const round = reader.u32();
  const sessions = Array.from({ length: reader.u16() }, () => readSession(reader));
  const connections = Array.from({ length: reader.u16() }, () => readConnection(reader));
  if (reader.remaining > 0) throw new DecodeError("bytes after the end", reader.offset);
  return { ...head, round, sessions, connections };
}

/** OpenSSL takes six times as long to make a key as to use it (Node 24), and every transfer is told of. */
const preparedKeys = new WeakMap<Uint8Array, KeyObject>();

function macOf(bytes: Uint8Array, key: Uint8Array): Uint8Array {
  const prepared = preparedKeys.get(key) ?? createSecretKey(key);
  preparedKeys.set(key, prepared);
  return createHmac("sha256", prepared).update(bytes).digest();
}

function sessionBytes({ mode, etag, path }: TftpSession): number {
  return SESSION_BYTES + Buffer.byteLength(mode) + Buffer.byteLength(etag) + Buffer.byteLength(path);
}

function putSession(writer: ByteWriter, session: TftpSession): void {
  putConnection(writer, session);
  writer.u16(session.blockSize);
  writer.u16(session.windowSize);
  writer.u8(session.timeout ?? 0); // 0 is no timeout that RFC 2349 knows
  putU48(writer, session.size);
  putU48(writer, session.acked);
  writer.u32(session.pace);
  putText8(writer, session.mode);
  putText8(writer, session.etag);
  const path = encodeText(session.path);
  writer.u16(path.length);
  writer.put(path);
}

function readSession(reader: ByteReader): TftpSession {
  const ends = readConnection(reader);
  const blockSize = reader.u16();
  const windowSize = reader.u16();
  const timeout = reader.u8();
  const size = readU48(reader);
  const acked = readU48(reader);
  const pace = reader.u32();
  const mode = readText(reader, reader.u8());
  const etag = readText(reader, reader.u8());
  const path = readText(reader, reader.u16());
  return { ...ends, path, mode, etag, size, blockSize, windowSize, acked, pace, ...(timeout > 0 && { timeout }) };
}

function putConnection(writer: ByteWriter, { server, client }: TcpConnection): void {
  for (const { address, port } of [server, client]) {
    writer.put(ipv4ToBytes(address));
    writer.u16(port);
  }
}

function readConnection(reader: ByteReader): TcpConnection {
  return { server: readEndpoint(reader), client: readEndpoint(reader) };
}

function readEndpoint(reader: ByteReader): Endpoint {
  const address: Ipv4 = ipv4FromBytes(reader.take(4));
  return { address, port: reader.u16() };
}

function putText8(writer: ByteWriter, text: string): void {
  const bytes = encodeText(text);
  writer.u8(bytes.length);
  writer.put(bytes);
}

function readText(reader: ByteReader, length: number): string {
  return Buffer.from(reader.take(length)).toString("utf8");
}

function putU48(writer: ByteWriter, value: number): void {
  writer.u16(Math.floor(value / 2 ** 32));
  writer.u32(value % 2 ** 32);
}

function readU48(reader: ByteReader): number {
  return reader.u16() * 2 ** 32 + reader.u32();
}
