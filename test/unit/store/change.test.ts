import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { compareKeys, prefixEnd, writesOf } from "../../../src/store/change.ts";

const anyText = fc.string({ unit: "binary" });

test("between a prefix and its end lie exactly the keys that begin with it", () => {
  fc.assert(
    fc.property(anyText, anyText, anyText, (prefix, rest, other) => {
      for (const key of [prefix + rest, other]) {
        const end = prefixEnd(prefix);
        const inside = compareKeys(key, prefix) >= 0 && (end === undefined || compareKeys(key, end) < 0);
        assert.equal(inside, key.startsWith(prefix));
      }
    }),
  );
});

test("the end of a prefix skips what is no character and carries over", () => {
  const rows: Array<[string, string | undefined]> = [
    ["", undefined],
    ["a/", "a0"],
    ["\u{d7ff}", "\u{e000}"],
    ["a\u{10ffff}", "b"],
    ["\u{10ffff}\u{10ffff}", undefined],
  ];
  for (const [prefix, end] of rows) assert.equal(prefixEnd(prefix), end);
});

test("the last word on a key counts, and removals come after puts", () => {
  const writes = writesOf({
    put: [
      { key: "a", value: "1" },
      { key: "a", value: "2" },
      { key: "b", value: "1" },
    ],
    remove: ["b"],
  });
  assert.deepEqual(
    [...writes],
    [
      ["a", "2"],
      ["b", undefined],
    ],
  );
});
