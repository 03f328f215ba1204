import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ipv4FromNumber } from "../../src/base/address.ts";
import { DecodeError } from "../../src/base/bytes.ts";
import {
  openPeerMessage,
  type PeerFacts,
  packFacts,
  sealPeerMessage,
  type TftpSession,
} from "../../src/wire/peer-message.ts";
import { decodeTcpSegment, encodeTcpSegment } from "../../src/wire/tcp-segment.ts";

const plain = { noNullPrototype: true };
const word = fc.integer({ min: 0, max: 0xffff });
const long = fc.nat(0xffff_ffff);
const u48 = fc.integer({ min: 0, max: 2 ** 48 - 1 });
const endpoint = fc.record({ address: long.map(ipv4FromNumber), port: word }, plain);
const ends = { server: endpoint, client: endpoint };
const connection = fc.record(ends, plain);
const text = (maxLength: number) => fc.string({ unit: "grapheme", maxLength });

const session: fc.Arbitrary<TftpSession> = fc.record(
  {
    ...ends,
    path: text(200),
    mode: fc.constantFrom("octet", "netascii"),
    etag: text(20),
    size: u48,
    blockSize: word,
    windowSize: word,
    acked: u48,
    pace: long,
    timeout: fc.integer({ min: 1, max: 255 }),
  },
  {
    ...plain,
    requiredKeys: ["server", "client", "path", "mode", "etag", "size", "blockSize", "windowSize", "acked", "pace"],
  },
);
const facts: fc.Arbitrary<PeerFacts> = fc.record(
  { sessions: fc.array(session, { maxLength: 40 }), connections: fc.array(connection, { maxLength: 400 }) },
  plain,
);
const head = fc.record({ sender: text(10), epoch: u48, sequence: u48, round: long }, plain);
const key = fc.uint8Array({ minLength: 32, maxLength: 32 });

test("all facts arrive, in order, in messages that fit an Ethernet frame", () => {
  fc.assert(
    fc.property(facts, head, key, (told, about, secret) => {
      const heard = packFacts(told).map((pack) => {
        const bytes = sealPeerMessage({ ...about, ...pack }, secret);
        assert.ok(bytes.length <= 1472);
        const opened = openPeerMessage(bytes, secret);
        assert.ok(opened.kind === "message");
        const { sessions, connections, ...rest } = opened.message;
        assert.deepEqual(rest, about);
        return { sessions, connections };
      });
      assert.deepEqual(
        heard.flatMap(({ sessions }) => sessions),
        told.sessions,
      );
      assert.deepEqual(
        heard.flatMap(({ connections }) => connections),
        told.connections,
      );
    }),
  );
});

test("any bytes are dropped, never thrown at", () => {
  const nearly = fc.uint8Array({ maxLength: 1600 }).map((rest) => Buffer.concat([Buffer.from("EBTP\u0001"), rest]));
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array(), nearly), key, (bytes, secret) => {
      assert.equal(openPeerMessage(bytes, secret).kind, "drop");
    }),
  );
});

test("a TCP segment survives encoding and decoding", () => {
  const segment = fc.record(
    {
      from: endpoint,
      to: endpoint,
      sequence: long,
      acknowledgement: long,
      flags: fc.integer({ min: 0, max: 255 }),
      window: word,
      payload: fc.uint8Array({ maxLength: 1460 }),
    },
    plain,
  );
  fc.assert(fc.property(segment, (value) => assert.deepEqual(decodeTcpSegment(encodeTcpSegment(value)), value)));
});

test("any bytes decode as a TCP segment or throw DecodeError", () => {
  const nearly = fc.uint8Array({ maxLength: 80 }).map((rest) => Uint8Array.of(0x45, 0, 0, rest.length + 4, ...rest));
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array(), nearly), (bytes) => {
      try {
        decodeTcpSegment(bytes);
      } catch (error) {
        assert.ok(error instanceof DecodeError, String(error));
      }
    }),
  );
});
