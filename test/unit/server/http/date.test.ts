import assert from "node:assert/strict";
import { test } from "node:test";
import { formatHttpDate, parseHttpDate } from "../../../../src/server/http/date.ts";

const NOW = Date.UTC(2026, 0, 1);
/** The example of RFC 9110 section 5.6.7. */
const EXAMPLE = Date.UTC(1994, 10, 6, 8, 49, 37);

for (const text of ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"]) {
  test(`"${text}" is understood`, () => assert.equal(parseHttpDate(text, NOW), EXAMPLE));
}

test("a two-digit year lies at most 50 years ahead", () => {
  assert.equal(parseHttpDate("Wednesday, 01-Jan-76 00:00:00 GMT", NOW), Date.UTC(2076, 0, 1));
  assert.equal(parseHttpDate("Saturday, 01-Jan-77 00:00:00 GMT", NOW), Date.UTC(1977, 0, 1));
});

for (const text of [
  "",
  "0",
  "1994-11-06T08:49:37Z",
  "Sun, 06 Nov 1994 08:49:37",
  "Sun, 06 Nov 1994 08:49:37 CET",
  "Sun, 31 Feb 1994 08:49:37 GMT",
  "Sun, 06 Nox 1994 08:49:37 GMT",
  "Sun, 06 Nov 1994 99:49:37 GMT",
]) {
  test(`"${text}" is no date`, () => assert.equal(parseHttpDate(text, NOW), undefined));
}

test("dates are written as IMF-fixdate", () => {
  assert.equal(formatHttpDate(EXAMPLE), "Sun, 06 Nov 1994 08:49:37 GMT");
});
