import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { connect } from "node:net";
import { test } from "node:test";
import fc from "fast-check";
import { ipv4FromNumber } from "../../src/base/address.ts";
import { dnsSite, judgeQuery } from "../../src/server/dns/judge.ts";
import {
  type DnsReply,
  decodeDnsQuery,
  encodeDnsError,
  encodeDnsReply,
  RCODE,
  udpLimit,
} from "../../src/wire/dns-message.ts";
import { decodeRelayed, encodeRelay, relayedOf } from "../../src/wire/dns-relay.ts";
import { ask, framed, queryBytes, read, startDns } from "../support/dns.ts";
import { exampleSite } from "../support/sites.ts";

const label = fc.stringMatching(/^[A-Za-z0-9_-]{1,20}$/);
const name = fc.array(label, { minLength: 1, maxLength: 8 }).map((labels) => labels.join("."));
const known = fc.constantFrom("ftp.youyuanyin.org", "cli128.youyuanyin.org", "youyuanyin.org", "x.youyuanyin.org");
const type = fc.constantFrom("A" as const, "AAAA", "PTR", "NS", "SOA", "TXT", "ANY" as const, "AXFR", "MX");
const id = fc.nat(0xffff);
const edns = fc.option(fc.nat(0xffff), { nil: undefined });
const good = fc
  .record({ name: fc.oneof(name, known), type, id, edns })
  .map(({ name: asked, type: kind, edns: size, ...more }) =>
    queryBytes(asked, kind, { ...more, ...(size !== undefined && { edns: size }) }),
  );

const noise = fc.uint8Array({ maxLength: 600 });
const cut = fc.tuple(good, fc.nat()).map(([bytes, length]) => bytes.subarray(0, length % bytes.length));
const changed = fc
  .tuple(good, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 8 }))
  .map(([bytes, changes]) => {
    const copy = Buffer.from(bytes);
    for (const [at, value] of changes) copy[at % copy.length] = value;
    return copy;
  });
const longer = fc.tuple(good, noise).map((parts) => Buffer.concat(parts));
const anything = fc.oneof(noise, cut, changed, longer, good);
const streamed = fc.array(fc.oneof(anything.map(framed), noise), { maxLength: 5 });

const SITE = dnsSite(exampleSite("pair"), []);
const CLIENT = ipv4FromNumber(0xc0a8_0080);

test("any bytes are a query, an error or a drop; what is answered fits, and can be read", () => {
  fc.assert(
    fc.property(anything, (bytes) => {
      const incoming = decodeDnsQuery(bytes);
      if (incoming.kind === "drop") return;
      if (incoming.kind === "error") {
        assert.equal(encodeDnsError(incoming.head, incoming.rcode).length, 12);
        return;
      }
      const { query } = incoming;
      const verdict = judgeQuery(query, CLIENT, SITE, () => [CLIENT]);
      assert.ok(verdict.kind === "reply");
      const limit = udpLimit(query);
      const reply = encodeDnsReply(query, verdict.reply, limit).bytes;
      assert.ok(reply.length <= limit, `${reply.length} bytes`);
      const { id: told, flag_qr, questions } = read(reply);
      assert.deepEqual([told, flag_qr, questions?.length], [query.id, true, 1]);
      assert.ok(Buffer.from(reply).subarray(12).indexOf(query.question.bytes) === 0, "the question as it came");
    }),
    { numRuns: 2000 },
  );
});

test("a query survives decoding: name, type and id", () => {
  fc.assert(
    fc.property(name, id, (asked, number) => {
      const incoming = decodeDnsQuery(queryBytes(asked, "A", { id: number }));
      assert.ok(incoming.kind === "query");
      const { query } = incoming;
      assert.deepEqual([query.question.name, query.question.type, query.id], [asked, 1, number]);
      assert.equal(query.question.key, asked.toLowerCase());
    }),
  );
});

test("a reply is never much longer than its query, but for what the install name has to say", () => {
  const rcodes = Object.keys(RCODE);
  fc.assert(
    fc.property(good, (bytes) => {
      const incoming = decodeDnsQuery(bytes);
      assert.ok(incoming.kind === "query");
      const { reply } = judgeQuery(incoming.query, CLIENT, SITE, () => []) as { reply: DnsReply };
      assert.ok(rcodes.includes(reply.rcode));
      const { bytes: answer } = encodeDnsReply(incoming.query, reply, udpLimit(incoming.query));
      // The longest is NS with its addresses: seven times a query of the shortest kind.
      assert.ok(answer.length <= 7 * bytes.length, `${bytes.length} bytes became ${answer.length}`);
    }),
  );
});

test("any bytes from a forwarder are an answer or none; what is given on fits, and ages", () => {
  const query = decodeDnsQuery(queryBytes("www.other.example", "A", { id: 9 }));
  assert.ok(query.kind === "query");
  const asked = relayedOf(query.query);
  const head = queryBytes("www.other.example", "A", { id: 9 });
  head.writeUInt16BE(0x8180, 2);
  const response = fc.tuple(fc.nat(3), fc.nat(3), noise).map(([answers, authorities, rest]) => {
    const bytes = Buffer.concat([head, rest]);
    bytes.writeUInt16BE(answers, 6);
    bytes.writeUInt16BE(authorities, 8);
    return bytes;
  });
  fc.assert(
    fc.property(fc.oneof(response, anything), fc.nat(100_000), (bytes, age) => {
      const answer = decodeRelayed(bytes, asked, 9);
      if (answer === undefined) return;
      assert.ok(encodeRelay(query.query, answer, age, 512).bytes.length <= 512);
    }),
    { numRuns: 2000 },
  );
});

/** In every run some thousand; for a minute, and with other bytes each time, with EVERBOOT_LAB=names. */
const FUZZ_MS = process.env.EVERBOOT_LAB === "names" ? 60_000 : 0;
const BATCH = 1000;
/** All are judged and answered: what the limit drops is not put to the test. */
const EVERYTHING = { burst: 1e9, rate: 1e9 };

test("no bytes, over UDP or TCP, stop the server", { timeout: 60_000 + 2 * FUZZ_MS }, async (t) => {
  const server = await startDns(SITE, { limits: { site: EVERYTHING, others: EVERYTHING } });
  const socket = createSocket("udp4");
  const end = performance.now() + FUZZ_MS;
  let [seed, streams] = [FUZZ_MS === 0 ? 6 : Date.now() & 0x7fff_ffff, 0];
  t.diagnostic(`first seed: ${seed}`);
  do {
    for (const bytes of fc.sample(anything, { numRuns: BATCH, seed })) {
      await new Promise((resolve) => socket.send(bytes, server.port, "127.0.0.1", resolve));
    }
    for (const stream of fc.sample(streamed, { numRuns: BATCH / 10, seed })) {
      await sendStream(server.port, Buffer.concat(stream));
      streams += 1;
    }
    // All that came before has been read, and it still answers.
    assert.equal((await ask(server.port, "cli128.youyuanyin.org", "A")).rcode, "NOERROR", `seed ${seed}`);
    seed += 1;
  } while (performance.now() < end);
  socket.close();
  const { "drop.malformed": malformed = 0, "drop.internal": internal, request = 0 } = server.counters();
  t.diagnostic(`${streams} streams; ${JSON.stringify(server.counters())}`);
  assert.ok(malformed > 100 && request > 100, `${malformed} malformed, ${request} requests`);
  assert.equal(internal, undefined);
  await server.stop();
});

async function sendStream(port: number, bytes: Uint8Array): Promise<void> {
  const connection = connect(port, "127.0.0.1").resume();
  connection.end(bytes);
  await new Promise((resolve) => connection.on("error", resolve).on("close", resolve));
}
