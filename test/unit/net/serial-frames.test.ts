import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { encodeFrame, FrameReader } from "../../../src/net/serial-frames.ts";

const LONGEST = 64;
const END = 0xc0;

/** What a reader makes of bytes that come in these pieces. */
function read(pieces: readonly Uint8Array[]): Uint8Array[] {
  const found: Uint8Array[] = [];
  const reader = new FrameReader(LONGEST, (packet) => found.push(packet));
  for (const piece of pieces) reader.read(piece);
  return found;
}

const packets = fc.uint8Array({ minLength: 1, maxLength: LONGEST });
/** Bytes that stand for something come as often as all others together. */
const lineBytes = fc.array(fc.oneof(fc.nat(255), fc.constantFrom(0xc0, 0xdb, 0xdc, 0xdd)), { maxLength: 300 });

function cut(bytes: Uint8Array, at: readonly number[]): Uint8Array[] {
  const places = [0, ...at.map((place) => place % (bytes.length + 1)), bytes.length].sort((a, b) => a - b);
  return places.slice(1).map((end, index) => bytes.subarray(places[index], end));
}

test("the bytes of RFC 1055", () => {
  assert.deepEqual([...encodeFrame(Uint8Array.of(1, 0xc0, 2, 0xdb))], [0xc0, 1, 0xdb, 0xdc, 2, 0xdb, 0xdd, 0xc0]);
});

test("packets come out as they went in, however the line cuts them", () => {
  fc.assert(
    fc.property(fc.array(packets), fc.array(fc.nat()), (sent, at) => {
      const line = Buffer.concat(sent.map(encodeFrame));
      assert.deepEqual(read(cut(line, at)), sent);
    }),
  );
});

test("after any noise the next packet is whole", () => {
  fc.assert(
    fc.property(lineBytes, packets, (noise, packet) => {
      const found = read([Uint8Array.from(noise), encodeFrame(packet)]);
      assert.deepEqual(found.at(-1), packet);
      assert.ok(found.every(({ length }) => length > 0 && length <= LONGEST));
    }),
  );
});

test("what is too long is dropped, and costs no memory", () => {
  const long = new Uint8Array(10_000).fill(7);
  assert.deepEqual(read([long, Uint8Array.of(END), encodeFrame(Uint8Array.of(1))]), [Uint8Array.of(1)]);
  assert.deepEqual(read([encodeFrame(new Uint8Array(LONGEST + 1))]), []);
});
