/** DNS queries and our own replies (RFC 1035, EDNS by RFC 6891); the codec is dns-packet. Never throws on what comes. */
import { type Answer, decode, encode, type SoaData } from "dns-packet";
import type { Ipv4 } from "../base/address.ts";

export const DNS_TYPE = { a: 1, ns: 2, soa: 6, ptr: 12, opt: 41, ixfr: 251, axfr: 252, any: 255 } as const;
export const DNS_CLASS_IN = 1;

/** RFC 1035 section 4.1.1; BADVERS, which needs EDNS: RFC 6891 section 9. */
export const RCODE = { noerror: 0, formerr: 1, servfail: 2, nxdomain: 3, notimp: 4, refused: 5, badvers: 16 } as const;
export type RcodeName = keyof typeof RCODE;

/** What every message may be over UDP without EDNS (RFC 1035 section 4.2.1). */
export const PLAIN_UDP_BYTES = 512;
/** The most that is sent over UDP: fits IPv6's smallest MTU, so that nothing is cut into fragments (DNS flag day 2020). */
export const EDNS_UDP_BYTES = 1232;

export const HEADER_BYTES = 12;
/** A question takes up to 259 bytes, its options some dozens. */
const LONGEST_QUERY = 4096;
const TAIL_BYTES = 4;

/** Bits of the header's second word. */
export const FLAG = { response: 0x8000, aa: 0x0400, tc: 0x0200, rd: 0x0100, ra: 0x0080, cd: 0x0010 } as const;

/** What a reply takes over from its query, whatever else is in that. */
export interface DnsHead {
  readonly id: number;
  readonly opcode: number;
  readonly recursionDesired: boolean;
  /** Of DNSSEC: passed on to forwarders. */
  readonly checkingDisabled: boolean;
}

export interface DnsQuestion {
  /** As it was asked for, without the dot at its end; `.` is the root. */
  readonly name: string;
  /** The name in lower case: names are compared without regard to it (RFC 4343). */
  readonly key: string;
  readonly type: number;
  readonly class: number;
  /** As it came, for the echo. */
  readonly bytes: Uint8Array;
}

export interface DnsQuery extends DnsHead {
  readonly question: DnsQuestion;
  /** Absent = the client knows no EDNS. */
  readonly edns?: { readonly udpBytes: number; readonly version: number; readonly dnssecOk: boolean };
}

export type DnsIncoming =
  | { readonly kind: "query"; readonly query: DnsQuery }
  /** Well formed as far as its header goes, and nothing that is answered: `encodeDnsError` says so. */
  | { readonly kind: "error"; readonly head: DnsHead; readonly rcode: "formerr" | "notimp" }
  /** `response`: were it answered, two servers could keep each other busy for ever. */
  | { readonly kind: "drop"; readonly reason: "malformed" | "response" };

export type DnsRecord = { readonly name: string; readonly ttl: number } & (
  | { readonly type: "A"; readonly data: Ipv4 }
  | { readonly type: "NS" | "PTR"; readonly data: string }
  | { readonly type: "SOA"; readonly data: Required<SoaData> }
  | { readonly type: "HINFO"; readonly data: { readonly cpu: string; readonly os: string } }
);

export interface DnsReply {
  readonly rcode: RcodeName;
  readonly authoritative: boolean;
  readonly recursionAvailable: boolean;
  readonly answers: readonly DnsRecord[];
  readonly authorities: readonly DnsRecord[];
  readonly additionals: readonly DnsRecord[];
}

export interface EncodedReply {
  readonly bytes: Uint8Array;
  /** The answer did not fit: the client is to ask again over TCP. */
  readonly truncated: boolean;
}

export function decodeDnsQuery(bytes: Uint8Array): DnsIncoming {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (buffer.length < HEADER_BYTES || buffer.length > LONGEST_QUERY) return { kind: "drop", reason: "malformed" };
  const flags = buffer.readUInt16BE(2);
  if (flags & FLAG.response) return { kind: "drop", reason: "response" };
  const head = {
    id: buffer.readUInt16BE(0),
    opcode: (flags >> 11) & 15,
    recursionDesired: (flags & FLAG.rd) !== 0,
    checkingDisabled: (flags & FLAG.cd) !== 0,
  };
  if (head.opcode !== 0) return { kind: "error", head, rcode: "notimp" };
  if (!hasPlausibleCounts(buffer)) return { kind: "error", head, rcode: "formerr" };
  try {
    return decodeBody(buffer, head);
  } catch {
    return { kind: "drop", reason: "malformed" };
  }
}

/** One question (RFC 9619); IXFR has a record of authority (RFC 1995); OPT and TSIG are additional ones. */
function hasPlausibleCounts(buffer: Buffer): boolean {
  const [questions, answers, authorities, additionals] = [4, 6, 8, 10].map((at) => buffer.readUInt16BE(at));
  return questions === 1 && answers === 0 && Number(authorities) <= 1 && Number(additionals) <= 2;
}

function decodeBody(buffer: Buffer, head: DnsHead): DnsIncoming {
  const { questions = [], additionals = [] } = decode(buffer);
  const [first] = questions;
  const bytes = first && Buffer.from(encode({ questions: [first] }).subarray(HEADER_BYTES));
  // What text cannot say (a dot inside a label, bytes that are no UTF-8) or compresses comes out otherwise.
  if (!first || !bytes?.equals(buffer.subarray(HEADER_BYTES, HEADER_BYTES + bytes.length)))
    return { kind: "drop", reason: "malformed" };
  const options = additionals.filter((record) => record.type === "OPT");
  // RFC 6891 section 6.1.1.
  if (options.length > 1) return { kind: "error", head, rcode: "formerr" };
  const [opt] = options;
  const question = {
    ...{ name: first.name, key: lowerCase(first.name), bytes },
    type: bytes.readUInt16BE(bytes.length - TAIL_BYTES),
    class: bytes.readUInt16BE(bytes.length - 2),
  };
  const edns = opt && { udpBytes: opt.udpPayloadSize, version: opt.ednsVersion, dnssecOk: opt.flag_do };
  return { kind: "query", query: { ...head, question, ...(edns && { edns }) } };
}

/** Of ASCII alone (RFC 4343): some letters of other scripts become ASCII ones in lower case. */
function lowerCase(name: string): string {
  return /^[!-~]*$/.test(name) ? name.toLowerCase() : name;
}

/** The header alone: what an error says when the question cannot be relied on. */
export function encodeDnsError(head: DnsHead, rcode: "formerr" | "notimp"): Uint8Array {
  return encode({ type: "response", id: head.id, flags: headFlags(head) | RCODE[rcode] });
}

/** Without its additional records when they do not fit `limit` bytes; without any, and so marked, when that is too long. */
export function encodeDnsReply(query: DnsQuery, reply: DnsReply, limit: number): EncodedReply {
  const whole = encodeSections(query, reply, 0);
  if (whole.length <= limit) return { bytes: whole, truncated: false };
  const less = encodeSections(query, { ...reply, additionals: [] }, 0);
  if (less.length <= limit) return { bytes: less, truncated: false };
  return { bytes: encodeTruncated(query, reply), truncated: true };
}

/** Header and question, and the word to ask again over TCP: no longer than the query. */
export function encodeTruncated(query: DnsQuery, reply: DnsReply): Uint8Array {
  return encodeSections(query, { ...reply, answers: [], authorities: [], additionals: [] }, FLAG.tc);
}

/** How long a reply to this query may be over UDP (RFC 6891 section 6.2.5). */
export function udpLimit({ edns }: DnsQuery): number {
  return edns ? Math.min(EDNS_UDP_BYTES, Math.max(PLAIN_UDP_BYTES, edns.udpBytes)) : PLAIN_UDP_BYTES;
}

function encodeSections(query: DnsQuery, reply: DnsReply, more: number): Uint8Array {
  const { authoritative, recursionAvailable, answers, authorities, additionals } = reply;
  const rcode = RCODE[reply.rcode];
  const flags = headFlags(query) | (authoritative ? FLAG.aa : 0) | (recursionAvailable ? FLAG.ra : 0) | more;
  const rest = encode({
    ...{ type: "response", id: query.id, flags: flags | (rcode & 15) },
    answers: answers.map(mutable),
    authorities: authorities.map(mutable),
    additionals: [...additionals.map(mutable), ...(query.edns ? [optRecord(rcode)] : [])],
  });
  return withQuestion(rest, query.question.bytes);
}

/** Puts a question, and more of what comes after it, behind the header. dns-packet compresses nothing, so the rest may move. */
export function withQuestion(message: Buffer, ...parts: readonly Uint8Array[]): Buffer {
  const whole = Buffer.concat([message.subarray(0, HEADER_BYTES), ...parts, message.subarray(HEADER_BYTES)]);
  whole.writeUInt16BE(1, 4);
  return whole;
}

/** The OPT record of our messages; the upper bits of the response code are in it. */
export function optRecord(rcode: number, dnssecOk = false): Answer {
  return {
    ...{ type: "OPT", name: ".", udpPayloadSize: EDNS_UDP_BYTES, extendedRcode: rcode >> 4, ednsVersion: 0 },
    ...{ flags: dnssecOk ? 0x8000 : 0, flag_do: dnssecOk, options: [] },
  };
}

export function headFlags({ opcode, recursionDesired, checkingDisabled }: DnsHead): number {
  return (opcode << 11) | (recursionDesired ? FLAG.rd : 0) | (checkingDisabled ? FLAG.cd : 0);
}

/** dns-packet's types know no `readonly`; it changes no record of these types. */
function mutable(record: DnsRecord): Answer {
  return { ...record };
}
