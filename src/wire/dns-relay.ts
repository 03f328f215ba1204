/**
 * Questions to other name servers, and their answers on the way to the client. Answers stay as they came but for their
 * TTLs: record types that no codec here knows pass too.
 */
import { encode } from "dns-packet";
import { ByteReader, DecodeError } from "../base/bytes.ts";
import {
  DNS_TYPE,
  type DnsQuery,
  type DnsQuestion,
  type EncodedReply,
  FLAG,
  headFlags,
  optRecord,
  RCODE,
  withQuestion,
} from "./dns-message.ts";

/** What is asked of another name server; also what makes two questions the same. */
export interface RelayedQuestion {
  readonly question: DnsQuestion;
  readonly dnssecOk: boolean;
  readonly checkingDisabled: boolean;
}

export interface RelayedAnswer {
  readonly rcode: number;
  readonly truncated: boolean;
  /** Sections of answer and authority, as they came; compressed names in them point into a message of the same question. */
  readonly records: Uint8Array;
  readonly answers: number;
  readonly authorities: number;
  /** Where in `records` the TTLs are. */
  readonly ttlsAt: readonly number[];
  /** Seconds that it may be kept: of all records the least, RFC 2308 section 5 for what is not there. 0 = not at all. */
  readonly ttl: number;
}

export function relayedOf({ question, edns, checkingDisabled }: DnsQuery): RelayedQuestion {
  return { question, dnssecOk: edns?.dnssecOk === true, checkingDisabled };
}

export function encodeRelayed({ question, dnssecOk, checkingDisabled }: RelayedQuestion, id: number): Uint8Array {
  const head = { id, opcode: 0, recursionDesired: true, checkingDisabled };
  const message = encode({ type: "query", id, flags: headFlags(head), additionals: [optRecord(0, dnssecOk)] });
  return withQuestion(message, question.bytes);
}

/** `undefined` = it is no answer to this question, or cannot be read. */
export function decodeRelayed(bytes: Uint8Array, { question }: RelayedQuestion, id: number): RelayedAnswer | undefined {
  try {
    const reader = new ByteReader(bytes);
    if (reader.u16() !== id) return undefined;
    const flags = reader.u16();
    const [questions, answers, authorities] = [reader.u16(), reader.u16(), reader.u16()];
    reader.u16();
    if ((flags & FLAG.response) === 0 || questions !== 1) return undefined;
    if (!isSameQuestion(reader.take(question.bytes.length), question)) return undefined;
    const truncated = (flags & FLAG.tc) !== 0;
    const start = reader.offset;
    const records = truncated ? [] : Array.from({ length: answers + authorities }, () => readRecord(reader));
    return {
      ...{ rcode: flags & 15, truncated, answers, authorities },
      records: bytes.slice(start, reader.offset),
      ttlsAt: records.map(({ ttlAt }) => ttlAt - start),
      ttl: keepFor(records, answers),
    };
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}

/** With TTLs that are less by the answer's age; header and question alone, and so marked, when it is longer than `limit`. */
export function encodeRelay(query: DnsQuery, answer: RelayedAnswer, age: number, limit: number): EncodedReply {
  const { bytes: question } = query.question;
  const additionals = query.edns ? [optRecord(0)] : [];
  const message = (more: number) => {
    const flags = headFlags(query) | FLAG.ra | answer.rcode | more;
    return encode({ type: "response", id: query.id, flags, additionals: [...additionals] });
  };
  const whole = withQuestion(message(0), question, withAge(answer, age));
  whole.writeUInt16BE(answer.answers, 6);
  whole.writeUInt16BE(answer.authorities, 8);
  if (whole.length <= limit) return { bytes: whole, truncated: false };
  return { bytes: withQuestion(message(FLAG.tc), question), truncated: true };
}

/** Without regard to the case of letters: some servers answer in their own. */
function isSameQuestion(bytes: Uint8Array, question: DnsQuestion): boolean {
  const text = (each: Uint8Array) => Buffer.from(each).toString("latin1").toLowerCase();
  return text(bytes) === text(question.bytes);
}

interface ReadRecord {
  readonly type: number;
  readonly ttl: number;
  readonly ttlAt: number;
  readonly data: Uint8Array;
}

const LONGEST_TTL = 0x7fff_ffff;

function readRecord(reader: ByteReader): ReadRecord {
  skipName(reader);
  const type = reader.u16();
  reader.u16();
  const ttlAt = reader.offset;
  const ttl = reader.u32();
  // RFC 2181 section 8: the highest bit makes it 0.
  return { type, ttl: ttl > LONGEST_TTL ? 0 : ttl, ttlAt, data: reader.take(reader.u16()) };
}

/** Labels up to the empty one or to a pointer, which ends a name (RFC 1035 section 4.1.4). */
function skipName(reader: ByteReader): void {
  for (let length = reader.u8(); length !== 0; length = reader.u8()) {
    if (length >= 0xc0) {
      reader.u8();
      return;
    }
    reader.take(length);
  }
}

/** The last four bytes of a SOA are how long its zone's lack of a name may be remembered. */
const SOA_BYTES = 22;

function keepFor(records: readonly ReadRecord[], answers: number): number {
  const soa = records.slice(answers).find(({ type, data }) => type === DNS_TYPE.soa && data.length >= SOA_BYTES);
  const ttls = records.map(({ ttl }) => ttl);
  if (answers > 0) return Math.min(...ttls);
  if (!soa) return 0;
  return Math.min(...ttls, new ByteReader(soa.data, soa.data.length - 4).u32());
}

function withAge({ records, ttlsAt }: RelayedAnswer, age: number): Uint8Array {
  const copy = Buffer.from(records);
  for (const at of ttlsAt) copy.writeUInt32BE(Math.max(0, copy.readUInt32BE(at) - age), at);
  return copy;
}

/** Is it one that can be given on: the name is there, or is not? Anything else is the other server's trouble. */
export function isUsable({ rcode }: RelayedAnswer): boolean {
  return rcode === RCODE.noerror || rcode === RCODE.nxdomain;
}
