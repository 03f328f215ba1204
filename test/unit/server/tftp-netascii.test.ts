import assert from "node:assert/strict";
import { test } from "node:test";
import type { Body } from "../../../src/server/tftp/body.ts";
import { netasciiBody, toNetascii } from "../../../src/server/tftp/netascii.ts";

const cases = [
  { name: "a line end", text: "a\nb\n", netascii: "a\r\nb\r\n" },
  { name: "a lone CR", text: "a\rb", netascii: "a\r\0b" },
  { name: "CR LF, byte for byte", text: "\r\n", netascii: "\r\0\r\n" },
  { name: "nothing to change", text: "abc", netascii: "abc" },
  { name: "nothing", text: "", netascii: "" },
];
for (const { name, text, netascii } of cases) {
  test(`netascii: ${name}`, () => assert.equal(Buffer.from(toNetascii(Buffer.from(text))).toString(), netascii));
}

function memory(bytes: Uint8Array): Body {
  return {
    size: bytes.length,
    read: async (offset, length) => bytes.subarray(offset, offset + length),
    close: async () => {},
  };
}

test("a large text can be read converted from anywhere", async () => {
  const text = Buffer.from(
    Array.from({ length: 40_000 }, (_, line) => `line ${line}${line % 3 ? "\n" : "\r"}`).join(""),
  );
  const whole = Buffer.from(toNetascii(text));
  const body = await netasciiBody(memory(text));
  assert.equal(body.size, whole.length);
  for (const [offset, length] of [
    [0, 512],
    [65_535, 3],
    [70_000, 200_000],
    [whole.length - 5, 512],
    [whole.length, 512],
  ] as const) {
    assert.deepEqual(Buffer.from(await body.read(offset, length)), whole.subarray(offset, offset + length));
  }
});
