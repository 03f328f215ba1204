import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ByteReader, ByteWriter, DecodeError, decodeText, encodeText } from "../../../src/base/bytes.ts";

test("what a writer was given comes back, however often its buffer grows", () => {
  const value = fc.oneof(
    fc.record({ kind: fc.constant("u8" as const), value: fc.nat(0xff) }),
    fc.record({ kind: fc.constant("u16" as const), value: fc.nat(0xffff) }),
    fc.record({ kind: fc.constant("u32" as const), value: fc.nat(0xffffffff) }),
  );
  fc.assert(
    fc.property(fc.array(value, { maxLength: 200 }), fc.integer({ min: 1, max: 16 }), (values, capacity) => {
      const writer = new ByteWriter(capacity);
      for (const each of values) writer[each.kind](each.value);
      const reader = new ByteReader(writer.finish());
      assert.deepEqual(
        values.map((each) => reader[each.kind]()),
        values.map((each) => each.value),
      );
      assert.equal(reader.remaining, 0);
    }),
  );
});

test("zeros are zero in a buffer that was used before", () => {
  const writer = new ByteWriter(2);
  writer.put(Uint8Array.of(1, 2));
  writer.zeros(3);
  assert.deepEqual([...writer.finish()], [1, 2, 0, 0, 0]);
});

test("reading past the end is a DecodeError that says where", () => {
  const reader = new ByteReader(Uint8Array.of(1, 2, 3));
  reader.u16();
  assert.throws(
    () => reader.u16(),
    (error) => error instanceof DecodeError && error.offset === 2,
  );
  assert.throws(() => reader.take(-1), DecodeError);
  assert.equal(reader.u8(), 3);
});

test("text ends at its first NUL", () => {
  assert.equal(decodeText(Uint8Array.of(0x61, 0, 0x62)), "a");
  assert.equal(decodeText(encodeText("Grüße")), "Grüße");
});
