import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type Key, parseKeys, restKeys } from "../../../src/cli/watch-keys.ts";

function names(keys: readonly Key[]): string[] {
  return keys.map((key) => ("name" in key ? `<${key.name}>` : key.text));
}

test("what terminals send for each key", () => {
  const rows: ReadonlyArray<readonly [string, string]> = [
    ["\u001b[A\u001bOA", "<up><up>"],
    ["\u001b[B\u001b[C\u001b[D", "<down><right><left>"],
    ["\u001b[5~\u001b[6~", "<page-up><page-down>"],
    ["\u001b[H\u001b[1~\u001b[7~\u001bOH", "<home><home><home><home>"],
    ["\u001b[F\u001b[4~\u001b[8~", "<end><end><end>"],
    ["\r\n", "<enter><enter>"],
    ["\u007f\b", "<backspace><backspace>"],
    ["\u0003\u000c", "<interrupt><redraw>"],
    ["q/ä機😀", "q/ä機😀"],
    // With a modifier: shift and up.
    ["\u001b[1;2A", "<up>"],
    // F1, F5, delete, a tab and control-A mean nothing.
    ["\u001bOP\u001b[15~\u001b[3~\t\u0001x", "x"],
    // Alt and x.
    ["\u001bx", "<escape>x"],
    ["\u001b\u001b[A", "<escape><up>"],
  ];
  for (const [sent, expected] of rows) {
    const { keys, rest } = parseKeys(sent);
    assert.equal(names(keys).join(""), expected, JSON.stringify(sent));
    assert.equal(rest, "");
  }
});

test("a lone escape is a key once nothing comes after it", () => {
  const { keys, rest } = parseKeys("a\u001b");
  assert.deepEqual([names(keys), rest], [["a"], "\u001b"]);
  assert.deepEqual(restKeys(rest), [{ name: "escape" }]);
  assert.deepEqual(names(parseKeys(`${rest}[A`).keys), ["<up>"]);
  // A sequence that never came to its end was no key.
  assert.deepEqual(restKeys("\u001b["), []);
});

test("however what is sent is cut, the keys are the same", () => {
  const sent = fc.array(fc.constantFrom("\u001b[A", "\u001b[5~", "\u001b[1;2B", "q", "\r", "ä", "\u001bOH"), {
    maxLength: 8,
  });
  fc.assert(
    fc.property(sent, fc.nat(20), (parts, cut) => {
      const text = parts.join("");
      const first = parseKeys(text.slice(0, cut));
      const second = parseKeys(first.rest + text.slice(cut));
      assert.deepEqual(names([...first.keys, ...second.keys]), names(parseKeys(text).keys));
      assert.equal(second.rest, "");
    }),
  );
});
