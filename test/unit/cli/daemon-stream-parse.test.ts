import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createStreamParser } from "../../../src/cli/daemon-stream-parse.ts";

/** HTML Living Standard, section 9.2.6: its own examples, and what else a stream may hold. */
const CASES: ReadonlyArray<readonly [string, ReadonlyArray<readonly [string, string, string]>]> = [
  [": a comment\n\ndata: one\n\n", [["message", "one", ""]]],
  ["data: YHOO\ndata: +2\ndata: 10\n\n", [["message", "YHOO\n+2\n10", ""]]],
  [
    ": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n",
    [
      ["message", "first event", "1"],
      ["message", "second event", ""],
      ["message", " third event", ""],
    ],
  ],
  [
    "data\n\ndata\ndata\n\ndata:",
    [
      ["message", "", ""],
      ["message", "\n", ""],
    ],
  ],
  [
    "data:test\n\ndata: test\n\n",
    [
      ["message", "test", ""],
      ["message", "test", ""],
    ],
  ],
  ["event: hosts\r\nid: 7\r\ndata: {}\r\n\r\n", [["hosts", "{}", "7"]]],
  [
    "event: hosts\rdata: a\r\rdata: b\r\r",
    [
      ["hosts", "a", ""],
      ["message", "b", ""],
    ],
  ],
  ["\ufeffdata: after a mark\n\n", [["message", "after a mark", ""]]],
  ["id: a\0b\ndata: x\n\n", [["message", "x", ""]]],
  ["retry: 5\nunknown: 5\n\n", []],
  ["event: hosts\n\ndata: x\n\n", [["message", "x", ""]]],
  ["data: broken off\nid: 9\n", []],
];

test("messages of a stream", () => {
  for (const [text, expected] of CASES) {
    const found = createStreamParser().push(text);
    const messages = expected.map(([event, data, id]) => ({ event, data, id }));
    assert.deepEqual(found, messages, JSON.stringify(text));
  }
});

test("however a stream is cut, its messages are the same", () => {
  const text = fc.string({
    unit: fc.constantFrom("\r", "\n", "\n\n", "data: x", "data", "id: 3", "event: e", ":", " "),
  });
  fc.assert(
    fc.property(text, fc.array(fc.nat(60), { maxLength: 6 }), (stream, cuts) => {
      const whole = createStreamParser();
      const pieces = createStreamParser();
      // A line end makes sure that a CR that is held back counts in both.
      const all = `${stream}\n`;
      const places = [0, ...cuts.map((cut) => Math.min(cut, all.length)), all.length].sort((a, b) => a - b);
      const found = places.flatMap((place, index) => pieces.push(all.slice(place, places[index + 1] ?? place)));
      assert.deepEqual(found, whole.push(all));
      assert.equal(pieces.lastId(), whole.lastId());
    }),
  );
});

test("an id counts once its message is whole; without data it moves on alone", () => {
  const parser = createStreamParser("3");
  assert.deepEqual(parser.push("id: 4\ndata: x\n"), []);
  assert.equal(parser.lastId(), "3");
  parser.restart();
  assert.deepEqual(parser.push("data: y\n\n"), [{ event: "message", data: "y", id: "3" }]);
  parser.push("id: 5\n\n");
  assert.equal(parser.lastId(), "5");
});
