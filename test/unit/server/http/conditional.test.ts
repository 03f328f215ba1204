import assert from "node:assert/strict";
import { test } from "node:test";
import { checkPreconditions, lastModified, rangeStillValid } from "../../../../src/server/http/conditional.ts";

const MODIFIED = Date.UTC(2026, 0, 1, 12, 0, 0);
const NOW = MODIFIED + 3_600_000;
const FILE = { etag: '"abc"', modified: MODIFIED + 345 };
const BEFORE = "Thu, 01 Jan 2026 11:59:59 GMT";
const SAME = "Thu, 01 Jan 2026 12:00:00 GMT";
const AFTER = "Thu, 01 Jan 2026 12:00:01 GMT";

const PRECONDITIONS: readonly [Record<string, string>, string][] = [
  [{}, "proceed"],
  [{ "if-none-match": '"abc"' }, "not-modified"],
  [{ "if-none-match": 'W/"abc"' }, "not-modified"],
  [{ "if-none-match": '"x", W/"y" ,"abc"' }, "not-modified"],
  [{ "if-none-match": "*" }, "not-modified"],
  [{ "if-none-match": '"abcd"' }, "proceed"],
  [{ "if-none-match": '"x,"abc' }, "proceed"],
  [{ "if-none-match": "abc" }, "proceed"],
  [{ "if-none-match": '"a", "b,c"' }, "proceed"],
  [{ "if-modified-since": BEFORE }, "proceed"],
  [{ "if-modified-since": SAME }, "not-modified"],
  [{ "if-modified-since": AFTER }, "not-modified"],
  [{ "if-modified-since": "Thursday, 01-Jan-26 12:00:00 GMT" }, "not-modified"],
  [{ "if-modified-since": "yesterday" }, "proceed"],
  [{ "if-none-match": '"other"', "if-modified-since": AFTER }, "proceed"],
  [{ "if-match": '"abc"' }, "proceed"],
  [{ "if-match": "*" }, "proceed"],
  [{ "if-match": '"x", "abc"' }, "proceed"],
  [{ "if-match": 'W/"abc"' }, "failed"],
  [{ "if-match": '"x"' }, "failed"],
  [{ "if-match": "" }, "failed"],
  [{ "if-unmodified-since": BEFORE }, "failed"],
  [{ "if-unmodified-since": SAME }, "proceed"],
  [{ "if-unmodified-since": AFTER }, "proceed"],
  [{ "if-unmodified-since": "never" }, "proceed"],
  [{ "if-match": '"abc"', "if-unmodified-since": BEFORE }, "proceed"],
  [{ "if-match": '"x"', "if-none-match": '"abc"' }, "failed"],
  [{ "if-match": '"abc"', "if-none-match": '"abc"' }, "not-modified"],
];

for (const [headers, expected] of PRECONDITIONS) {
  test(`${JSON.stringify(headers)}: ${expected}`, () => {
    assert.equal(checkPreconditions(headers, FILE, NOW), expected);
  });
}

const IF_RANGE: readonly [string, boolean][] = [
  ['"abc"', true],
  ['W/"abc"', false],
  ['"other"', false],
  ['"abc", "abc"', false],
  [SAME, true],
  [BEFORE, false],
  [AFTER, false],
  ["yesterday", false],
  ["", false],
];

for (const [validator, expected] of IF_RANGE) {
  test(`If-Range: ${validator} lets a range pass: ${expected}`, () => {
    assert.equal(rangeStillValid({ "if-range": validator }, FILE, NOW), expected);
  });
}

test("without If-Range a range passes", () => assert.ok(rangeStillValid({}, FILE, NOW)));

test("the date of a file changed in this very second proves nothing", () => {
  assert.equal(rangeStillValid({ "if-range": SAME }, FILE, FILE.modified + 200), false);
});

test("Last-Modified is never in the future", () => {
  assert.equal(lastModified(FILE, NOW), MODIFIED);
  assert.equal(lastModified(FILE, MODIFIED - 5_500), MODIFIED - 6_000);
});
