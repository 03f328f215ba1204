import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { test } from "node:test";
import type { Ipv4 } from "../../../src/base/address.ts";
import {
  openPeerMessage,
  type PeerMessage,
  packFacts,
  sealPeerMessage,
  type TftpSession,
} from "../../../src/wire/peer-message.ts";

const KEY = Buffer.alloc(32, 1);
const SERVER = { address: "192.168.77.1" as Ipv4, port: 69 };
const CLIENT = { address: "192.168.77.101" as Ipv4, port: 2070 };
const SESSION: TftpSession = {
  server: SERVER,
  client: CLIENT,
  path: "/päckli",
  mode: "octet",
  etag: '"tag"',
  size: 2 ** 40 + 5,
  blockSize: 65_464,
  windowSize: 2,
  timeout: 5,
  acked: 2 ** 33,
  pace: 9000,
};
const MESSAGE: PeerMessage = {
  sender: "s1",
  epoch: 0x0123_4567_89ab,
  sequence: 77,
  round: 3,
  sessions: [SESSION],
  connections: [{ server: { ...SERVER, port: 80 }, client: CLIENT }],
};
const SEALED = sealPeerMessage(MESSAGE, KEY);

/** The signed bytes, put together again by hand. */
function signed(body: Uint8Array, key = KEY): Uint8Array {
  return Buffer.concat([body, createHmac("sha256", key).update(body).digest()]);
}

const BODY = SEALED.subarray(0, -32);

test("a message: both ways", () =>
  assert.deepEqual(openPeerMessage(SEALED, KEY), { kind: "message", message: MESSAGE }));

test("its layout is as documented", () => {
  const head = Buffer.concat([
    Buffer.from("EBTP\u0001\u0002s1"),
    Buffer.from("0123456789ab00000000004d00000003", "hex"),
  ]);
  assert.equal(Buffer.from(SEALED.subarray(0, head.length)).toString("hex"), head.toString("hex"));
});

test("the MAC is HMAC-SHA256 of all before it", () => assert.deepEqual(Buffer.from(SEALED), signed(BODY)));

test("another key is forged", () => {
  assert.deepEqual(openPeerMessage(SEALED, Buffer.alloc(32, 2)), { kind: "drop", reason: "forged" });
});

test("every changed byte is noticed", () => {
  for (let offset = 0; offset < SEALED.length; offset++) {
    const bytes = Uint8Array.from(SEALED);
    bytes[offset] = (bytes[offset] ?? 0) ^ 1;
    assert.equal(openPeerMessage(bytes, KEY).kind, "drop", `byte ${offset}`);
  }
});

test("every shortened message is dropped", () => {
  for (let length = 0; length < SEALED.length; length++) {
    assert.equal(openPeerMessage(SEALED.subarray(0, length), KEY).kind, "drop");
  }
});

const dropped: ReadonlyArray<{ name: string; bytes: Uint8Array; reason: string }> = [
  { name: "noise", bytes: Buffer.alloc(100, 9), reason: "malformed" },
  { name: "a later version", bytes: Buffer.concat([Buffer.from("EBTP\u0002"), Buffer.alloc(60)]), reason: "version" },
  { name: "bytes after the facts", bytes: signed(Buffer.concat([BODY, Buffer.alloc(1)])), reason: "malformed" },
  { name: "facts cut short, signed", bytes: signed(BODY.subarray(0, -3)), reason: "malformed" },
  { name: "more than a frame holds", bytes: Buffer.concat([SEALED, Buffer.alloc(1472)]), reason: "malformed" },
];
for (const { name, bytes, reason } of dropped) {
  test(`${name}: ${reason}`, () => assert.deepEqual(openPeerMessage(bytes, KEY), { kind: "drop", reason }));
}

test("no facts are one empty pack: a sign of life", () => {
  assert.deepEqual(packFacts({ sessions: [], connections: [] }), [{ sessions: [], connections: [] }]);
});

test("a session whose path fits no datagram is left out", () => {
  const long = { ...SESSION, path: `/${"x".repeat(1400)}` };
  assert.deepEqual(packFacts({ sessions: [long, SESSION], connections: [] }), [
    { sessions: [SESSION], connections: [] },
  ]);
});
