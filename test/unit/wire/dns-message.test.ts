import assert from "node:assert/strict";
import { test } from "node:test";
import { encode } from "dns-packet";
import { ipv4FromNumber } from "../../../src/base/address.ts";
import {
  type DnsQuery,
  type DnsReply,
  decodeDnsQuery,
  encodeDnsError,
  encodeDnsReply,
  udpLimit,
} from "../../../src/wire/dns-message.ts";
import { dataOf, queryBytes, read } from "../../support/dns.ts";

function decoded(bytes: Uint8Array): DnsQuery {
  const incoming = decodeDnsQuery(bytes);
  assert.equal(incoming.kind, "query", JSON.stringify(incoming));
  return (incoming as Extract<typeof incoming, { kind: "query" }>).query;
}

function withWord(bytes: Buffer, at: number, value: number): Buffer {
  const copy = Buffer.from(bytes);
  copy.writeUInt16BE(value, at);
  return copy;
}

function replyWith(addresses: number): DnsReply {
  const answers = Array.from({ length: addresses }, (_, place) => ({
    ...{ type: "A" as const, name: "install.lab.example", ttl: 2, data: ipv4FromNumber(0x0a000001 + place) },
  }));
  const rest = { authoritative: true, recursionAvailable: false, authorities: [], additionals: [] };
  return { rcode: "noerror", answers, ...rest };
}

const QUERY = queryBytes("Install.lab.example", "A", { id: 0x1234 });

test("a query: id, flags, name as asked and as a key, type, class, EDNS", () => {
  const query = decoded(queryBytes("Install.lab.example", "AAAA", { id: 0x1234, edns: 4096 }));
  const { question, edns, ...head } = query;
  assert.deepEqual(head, { id: 0x1234, opcode: 0, recursionDesired: true, checkingDisabled: false });
  assert.deepEqual(
    { ...question, bytes: question.bytes.length },
    { name: "Install.lab.example", key: "install.lab.example", type: 28, class: 1, bytes: 25 },
  );
  assert.deepEqual(edns, { udpBytes: 4096, version: 0, dnssecOk: false });
});

test("a type that the codec has no name for is its number", () => {
  const https = withWord(QUERY, QUERY.length - 4, 65);
  assert.equal(decoded(https).question.type, 65);
});

test("letters of other scripts that are ASCII ones in lower case stay others", () => {
  assert.equal(decoded(queryBytes("\u212Aey.lab", "A")).question.key, "\u212Aey.lab");
});

const opt = { type: "OPT", name: ".", udpPayloadSize: 1232, flags: 0, options: [] } as never;
const odd: ReadonlyArray<readonly [string, Uint8Array, object]> = [
  ["nothing", Buffer.alloc(0), { kind: "drop", reason: "malformed" }],
  ["a header without its question", QUERY.subarray(0, 12), { kind: "drop", reason: "malformed" }],
  ["a question cut short", QUERY.subarray(0, QUERY.length - 1), { kind: "drop", reason: "malformed" }],
  ["more than 4096 bytes", Buffer.concat([QUERY, Buffer.alloc(4096)]), { kind: "drop", reason: "malformed" }],
  ["a response", withWord(QUERY, 2, 0x8100), { kind: "drop", reason: "response" }],
  ["a dot inside a label", Buffer.from(QUERY).fill(".", 14, 15), { kind: "drop", reason: "malformed" }],
  ["bytes that are no UTF-8", Buffer.from(QUERY).fill(0xff, 14, 15), { kind: "drop", reason: "malformed" }],
  ["a name that points at itself", withWord(QUERY, 12, 0xc00c), { kind: "drop", reason: "malformed" }],
];
for (const [what, bytes, expected] of odd) {
  test(`dropped: ${what}`, () => assert.deepEqual(decodeDnsQuery(bytes), expected));
}

const wrong: ReadonlyArray<readonly [string, Uint8Array, string]> = [
  ["two questions", withWord(QUERY, 4, 2), "formerr"],
  ["no question", withWord(QUERY, 4, 0), "formerr"],
  ["an answer", withWord(QUERY, 6, 1), "formerr"],
  ["two OPT records", encode({ questions: [{ name: "a.b", type: "A" }], additionals: [opt, opt] }), "formerr"],
  ["NOTIFY", withWord(QUERY, 2, 4 << 11), "notimp"],
];
for (const [what, bytes, rcode] of wrong) {
  test(`${what} is answered with ${rcode}, header alone`, () => {
    const incoming = decodeDnsQuery(bytes);
    assert.ok(incoming.kind === "error" && incoming.rcode === rcode);
    const reply = encodeDnsError(incoming.head, incoming.rcode);
    assert.equal(reply.length, 12);
    const { rcode: told, id, flag_qr } = read(reply);
    assert.deepEqual([told.toLowerCase(), id, flag_qr], [rcode, bytes[0] === 0 ? 0 : 0x1234, true]);
  });
}

test("a reply repeats the question as it was written", () => {
  const { bytes, truncated } = encodeDnsReply(decoded(QUERY), replyWith(2), 512);
  assert.equal(truncated, false);
  const reply = read(bytes);
  assert.equal(reply.questions?.[0]?.name, "Install.lab.example");
  assert.deepEqual([reply.flag_aa, reply.flag_rd, reply.flag_ra, reply.flag_tc], [true, true, false, false]);
  assert.deepEqual(dataOf(reply), ["10.0.0.1", "10.0.0.2"]);
  assert.deepEqual(reply.additionals, []);
});

test("EDNS is answered with EDNS, an extended code in it", () => {
  const query = decoded(queryBytes("a.b", "A", { edns: 1232 }));
  const { bytes } = encodeDnsReply(query, { ...replyWith(0), rcode: "badvers" }, 512);
  const reply = read(bytes);
  const [record] = reply.additionals ?? [];
  assert.ok(record?.type === "OPT");
  assert.deepEqual([reply.rcode, record.extendedRcode, record.udpPayloadSize], ["NOERROR", 1, 1232]);
});

test("what does not fit is left out and marked, and no longer than its query", () => {
  const { bytes, truncated } = encodeDnsReply(decoded(QUERY), replyWith(40), 512);
  assert.equal(truncated, true);
  const reply = read(bytes);
  assert.deepEqual([reply.flag_tc, reply.answers, bytes.length], [true, [], QUERY.length]);
});

test("additional records go first", () => {
  const extra = replyWith(40).answers;
  const { bytes, truncated } = encodeDnsReply(decoded(QUERY), { ...replyWith(2), additionals: extra }, 512);
  assert.equal(truncated, false);
  assert.equal(dataOf(read(bytes)).length, 2);
});

test("datagrams: 512 bytes without EDNS, never more than 1232 with it", () => {
  const limits = [undefined, 100, 900, 65_000].map((edns) =>
    udpLimit(decoded(queryBytes("a.b", "A", edns === undefined ? {} : { edns }))),
  );
  assert.deepEqual(limits, [512, 512, 900, 1232]);
});
