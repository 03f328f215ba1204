import assert from "node:assert/strict";
import { test } from "node:test";
import { type Answer, decode } from "dns-packet";
import { type DnsQuery, decodeDnsQuery } from "../../../src/wire/dns-message.ts";
import { decodeRelayed, encodeRelay, encodeRelayed, relayedOf } from "../../../src/wire/dns-relay.ts";
import { answerBytes, dataOf, queryBytes, read } from "../../support/dns.ts";

function queryOf(name: string, edns?: number): DnsQuery {
  const incoming = decodeDnsQuery(queryBytes(name, "A", edns === undefined ? {} : { edns }));
  assert.ok(incoming.kind === "query");
  return incoming.query;
}

const QUERY = queryOf("WWW.other.example");
const ASKED = relayedOf(QUERY);
const ID = 77;
const sent = decode(Buffer.from(encodeRelayed(ASKED, ID)));

const address = (data: string, ttl = 300): Answer => ({ type: "A", name: "www.other.example", ttl, data });
const soa = (ttl: number, minimum: number): Answer => ({
  ...{ type: "SOA", name: "other.example", ttl },
  data: { mname: "ns.other.example", rname: "root.other.example", minimum },
});

function received(bytes: Uint8Array) {
  const answer = decodeRelayed(bytes, ASKED, ID);
  assert.ok(answer);
  return answer;
}

test("a question goes out with an id of its own, RD and EDNS, and nothing else of its client", () => {
  assert.deepEqual([sent.id, sent.flag_rd, sent.questions?.[0]?.name], [ID, true, "WWW.other.example"]);
  const [opt] = sent.additionals ?? [];
  assert.ok(opt?.type === "OPT");
  assert.deepEqual([opt.udpPayloadSize, opt.flag_do, opt.options], [1232, false, []]);
});

test("an answer comes to its client with that client's id and question, and TTLs less by its age", () => {
  const answer = received(answerBytes(sent, { answers: [address("10.0.0.1", 300), address("10.0.0.2", 20)] }));
  assert.equal(answer.ttl, 20);
  const { bytes, truncated } = encodeRelay(QUERY, answer, 15, 512);
  assert.equal(truncated, false);
  const reply = read(bytes);
  assert.deepEqual([reply.id, reply.flag_ra, reply.flag_aa], [QUERY.id, true, false]);
  assert.equal(reply.questions?.[0]?.name, "WWW.other.example");
  assert.deepEqual(dataOf(reply), ["10.0.0.1", "10.0.0.2"]);
  assert.deepEqual(
    reply.answers?.map((each) => "ttl" in each && each.ttl),
    [285, 5],
  );
});

test("compressed names and unknown record types arrive as they were sent", () => {
  const plain = answerBytes(sent, {});
  // A record of type 65 (HTTPS), its name a pointer to the question.
  const record = Buffer.from("c00c004100010000003c00030001ab", "hex");
  const message = Buffer.concat([plain, record]);
  message.writeUInt16BE(1, 6);
  const { bytes } = encodeRelay(QUERY, received(message), 0, 512);
  assert.deepEqual(Buffer.from(bytes).subarray(-record.length), record);
});

test("how long it may be kept", () => {
  const ttlOf = (parts: Parameters<typeof answerBytes>[1]) => received(answerBytes(sent, parts)).ttl;
  assert.equal(ttlOf({ rcode: 3, authorities: [soa(900, 60)] }), 60);
  assert.equal(ttlOf({ authorities: [soa(30, 60)] }), 30);
  assert.equal(ttlOf({ rcode: 3 }), 0, "RFC 2308 section 5: without SOA not at all");
  assert.equal(ttlOf({ answers: [address("10.0.0.1", 0xffff_ffff)] }), 0, "RFC 2181 section 8");
});

test("additional records, which a client does not need, are left out; EDNS is ours", () => {
  const opt = { type: "OPT", name: ".", udpPayloadSize: 4096, flags: 0, options: [] } as never;
  const answer = received(answerBytes(sent, { answers: [address("10.0.0.1")], additionals: [opt] }));
  assert.deepEqual(read(encodeRelay(QUERY, answer, 0, 512).bytes).additionals, []);
  const [ours] = read(encodeRelay(queryOf("www.other.example", 4096), answer, 0, 512).bytes).additionals ?? [];
  assert.ok(ours?.type === "OPT" && ours.udpPayloadSize === 1232);
});

test("what is longer than the limit becomes header and question, marked", () => {
  const answers = Array.from({ length: 30 }, (_, place) => address(`10.0.0.${place}`));
  const { bytes, truncated } = encodeRelay(QUERY, received(answerBytes(sent, { answers })), 0, 512);
  assert.equal(truncated, true);
  const reply = read(bytes);
  assert.deepEqual([reply.flag_tc, reply.answers?.length, reply.questions?.length], [true, 0, 1]);
});

test("what is no answer to the question is not taken for one", () => {
  const other = decode(queryBytes("www.evil.example", "A", { id: ID }));
  const good = answerBytes(sent, { answers: [address("10.0.0.1")] });
  assert.equal(decodeRelayed(good, ASKED, ID + 1), undefined, "another id");
  assert.equal(decodeRelayed(answerBytes(other, {}), ASKED, ID), undefined, "another question");
  assert.equal(decodeRelayed(encodeRelayed(ASKED, ID), ASKED, ID), undefined, "a query");
  for (let length = 0; length < good.length; length += 1)
    assert.equal(decodeRelayed(good.subarray(0, length), ASKED, ID), undefined, `cut to ${length} bytes`);
});
