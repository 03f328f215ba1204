import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { cutText, fitText, printable, textWidth, wrapText } from "../../../src/cli/status-width.ts";

test("the width of text in columns", () => {
  const rows: ReadonlyArray<readonly [string, number]> = [
    ["vm1", 3],
    ["", 0],
    ["müller", 6],
    ["mu\u0308ller", 6],
    ["機械", 4],
    ["한국어", 6],
    ["ｖｍ", 4],
    ["😀", 2],
    ["a\u200db", 2],
  ];
  for (const [text, width] of rows) assert.equal(textWidth(text), width, JSON.stringify(text));
});

test("cut text says that it is cut", () => {
  assert.equal(cutText("packages", 8), "packages");
  assert.equal(cutText("packages", 7), "packa..");
  assert.equal(cutText("packages", 2), "pa");
  assert.equal(cutText("機械機械", 7), "機械..");
  assert.equal(fitText("機械", 5), "機械 ");
  assert.equal(fitText("12", 4, "right"), "  12");
});

test("wrapped text breaks at blanks, later lines are indented", () => {
  assert.deepEqual(wrapText("  to do  look at its screen", 15, "    "), ["  to do  look", "    at its", "    screen"]);
  assert.deepEqual(wrapText("short", 15), ["short"]);
  assert.deepEqual(wrapText("", 15), [""]);
  assert.deepEqual(wrapText("aaaaaaaaaa", 4), ["aaaa", "aaaa", "aa"]);
});

test("any text, any width: nothing is too wide, wrapping loses no word", () => {
  const words = fc.string({ unit: fc.constantFrom("a", "b", " ", "機", "\u0308", "-"), maxLength: 60 });
  fc.assert(
    fc.property(words, fc.integer({ min: 2, max: 40 }), fc.integer({ min: 0, max: 12 }), (text, width, indent) => {
      assert.ok(textWidth(cutText(text, width)) <= width);
      assert.equal(textWidth(fitText(text, width)), width);
      const lines = wrapText(text, width, " ".repeat(indent));
      for (const line of lines) assert.ok(textWidth(line) <= width, `${JSON.stringify(line)} in ${width}`);
      assert.equal(lines.join("").replaceAll(" ", ""), text.replaceAll(" ", ""));
    }),
  );
});

test("machines' own words cannot steer the terminal", () => {
  assert.equal(printable("a\u001b[2Jb\nc\u009bd\u202ee"), "a [2Jb c d e");
});
