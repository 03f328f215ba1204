import assert from "node:assert/strict";
import { test } from "node:test";
import { SyslogFrames } from "../../../src/server/syslog/frames.ts";

const cases = [
  { name: "lines", stream: "<1>a\n<2>b\n", messages: ["<1>a", "<2>b"] },
  { name: "counted messages, with a line end inside", stream: "4 <1>a6 <2>b\nc", messages: ["<1>a", "<2>b\nc"] },
  { name: "both kinds in turn", stream: "<1>a\n4 <2>b<3>c\n", messages: ["<1>a", "<2>b", "<3>c"] },
  { name: "empty lines", stream: "\n\n<1>a\n\n", messages: ["<1>a"] },
  { name: "a line that begins with digits", stream: "2026-11-20 up\n12\n", messages: ["2026-11-20 up", "12"] },
  { name: "a line that begins like a count", stream: "12 files\n0 <1>a\n", messages: ["12 files", "0 <1>a"] },
  { name: "a last line without an end", stream: "<1>a\n<2>b", messages: ["<1>a", "<2>b"] },
  { name: "characters of several bytes, counted in bytes", stream: "6 <1>日<2>x\n", messages: ["<1>日", "<2>x"] },
];

for (const { name, stream, messages } of cases) {
  const bytes = Buffer.from(stream);
  for (const size of [1, 2, 3, bytes.length]) {
    test(`${name}, in chunks of ${size}`, () => {
      const frames = new SyslogFrames();
      const got: string[] = [];
      for (let at = 0; at < bytes.length; at += size)
        got.push(...(frames.push(bytes.subarray(at, at + size)) ?? ["?"]));
      assert.deepEqual([...got, ...frames.end()], messages);
    });
  }
}

test("a line without an end, and a count past the limit, are not collected for ever", () => {
  for (const stream of ["x".repeat(70_000), `999999 ${"x".repeat(70_000)}`]) {
    assert.equal(new SyslogFrames().push(Buffer.from(stream)), undefined);
  }
});
