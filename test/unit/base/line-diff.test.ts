import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type DiffLine, diffLines } from "../../../src/base/line-diff.ts";

const shown = (lines: readonly DiffLine[]) =>
  lines.map(({ kind, line }) => `${{ same: " ", removed: "-", added: "+" }[kind]}${line}`).join(" ");

test("what is common stays, what is replaced is told in one place", () => {
  const cases: ReadonlyArray<readonly [before: string, after: string, expected: string]> = [
    ["a b c", "a b c", " a  b  c"],
    ["a b c", "a x c", " a -b +x  c"],
    ["", "a b", "+a +b"],
    ["a b", "", "-a -b"],
    ["a b c d", "b c d e", "-a  b  c  d +e"],
    ["a a", "a a a", " a  a +a"],
  ];
  const words = (text: string) => text.split(" ").filter((word) => word !== "");
  for (const [before, after, expected] of cases) {
    assert.equal(shown(diffLines(words(before), words(after))), expected, `${before} / ${after}`);
  }
});

const texts = fc.array(fc.constantFrom("a", "b", "c", "d"), { maxLength: 8 });

test("without the added lines it is the first text, without the removed ones the second", () => {
  fc.assert(
    fc.property(texts, texts, (before, after) => {
      const lines = diffLines(before, after);
      const without = (kind: DiffLine["kind"]) => lines.filter((each) => each.kind !== kind).map(({ line }) => line);
      assert.deepEqual(without("added"), before);
      assert.deepEqual(without("removed"), after);
    }),
  );
});

test("no pair of lines could have stayed that is told as a change", () => {
  fc.assert(
    fc.property(texts, texts, (before, after) => {
      const same = diffLines(before, after).filter(({ kind }) => kind === "same").length;
      assert.equal(same, longestCommon(before, after));
    }),
  );
});

function longestCommon(a: readonly string[], b: readonly string[]): number {
  if (a.length === 0 || b.length === 0) return 0;
  if (a[0] === b[0]) return 1 + longestCommon(a.slice(1), b.slice(1));
  return Math.max(longestCommon(a.slice(1), b), longestCommon(a, b.slice(1)));
}
