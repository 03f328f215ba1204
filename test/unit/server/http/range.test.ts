import assert from "node:assert/strict";
import { test } from "node:test";
import { bytesFile, segmentLength } from "../../../../src/content/segments.ts";
import { decideRange, MOST_RANGES, multipart } from "../../../../src/server/http/range.ts";

const GIB = 1024 ** 3;
const many = (count: number) => `bytes=${Array.from({ length: count }, (_, index) => `${2 * index}-${2 * index}`)}`;

/** Header, size of the file, and the ranges as `first-last`, "whole" or "outside". */
const TABLE: readonly [string | undefined, number, string][] = [
  [undefined, 100, "whole"],
  ["bytes=0-99", 100, "0-99"],
  ["bytes=0-0", 100, "0-0"],
  ["bytes=99-", 100, "99-99"],
  ["bytes=0-", 100, "0-99"],
  ["bytes=10-200", 100, "10-99"],
  ["BYTES=1-2", 100, "1-2"],
  ["bytes=-1", 100, "99-99"],
  ["bytes=-100", 100, "0-99"],
  ["bytes=-500", 100, "0-99"],
  ["bytes=100-", 100, "outside"],
  ["bytes=100-200", 100, "outside"],
  ["bytes=-0", 100, "outside"],
  ["bytes=200-300,400-", 100, "outside"],
  ["bytes=0-1,200-300", 100, "0-1"],
  ["bytes=0-1,5-6", 100, "0-1 5-6"],
  ["bytes=0-1 ,\t5-6", 100, "0-1 5-6"],
  ["bytes=,0-1,,5-6,", 100, "0-1 5-6"],
  ["bytes=50-59,0-9", 100, "50-59 0-9"],
  ["bytes=0-9,10-19", 100, "0-9 10-19"],
  ["bytes=0-9,-10", 100, "0-9 90-99"],
  ["bytes=0-9,9-19", 100, "whole"],
  ["bytes=0-,0-,0-", 100, "whole"],
  ["bytes=90-,-20", 100, "whole"],
  [many(MOST_RANGES), 100, Array.from({ length: MOST_RANGES }, (_, index) => `${2 * index}-${2 * index}`).join(" ")],
  [many(MOST_RANGES + 1), 100, "whole"],
  ["bytes=", 100, "whole"],
  ["bytes=,", 100, "whole"],
  ["bytes=-", 100, "whole"],
  ["bytes=5-4", 100, "whole"],
  ["bytes=0-1,5-4", 100, "whole"],
  ["bytes=a-b", 100, "whole"],
  ["bytes=1", 100, "whole"],
  ["bytes=--1", 100, "whole"],
  ["bytes=0x1-2", 100, "whole"],
  ["bytes=1 - 2", 100, "whole"],
  ["bytes 0-1", 100, "whole"],
  ["seconds=0-1", 100, "whole"],
  ["bytes=0-1;5-6", 100, "whole"],
  ["bytes=0-0", 0, "whole"],
  ["bytes=-5", 0, "whole"],
  ["bytes=0-0", 1, "0-0"],
  [`bytes=${3 * GIB - 1}-`, 3 * GIB, `${3 * GIB - 1}-${3 * GIB - 1}`],
  ["bytes=0-99999999999999999999999", 100, "0-99"],
  ["bytes=99999999999999999999999-", 100, "outside"],
  ["bytes=-99999999999999999999999", 100, "0-99"],
];

for (const [header, size, expected] of TABLE) {
  test(`${header?.slice(0, 40)} of ${size} bytes: ${expected.slice(0, 40)}`, () => {
    const decision = decideRange(header, size);
    const text =
      decision.kind === "parts"
        ? decision.ranges.map(({ first, last }) => `${first}-${last}`).join(" ")
        : decision.kind;
    assert.equal(text, expected);
  });
}

test("a multipart body is the same each time, byte for byte", () => {
  const file = { ...bytesFile(Buffer.from("0123456789"), "text/plain", 0), etag: '"tag"' };
  const ranges = [
    { first: 8, last: 9 },
    { first: 0, last: 2 },
  ];
  const { contentType, body } = multipart(file, ranges);
  const text = Buffer.concat(body.map((segment) => (segment.kind === "bytes" ? segment.bytes : Buffer.alloc(0))));
  const boundary = "d4d85bff85965272eced0d89cb90819f";
  assert.equal(contentType, `multipart/byteranges; boundary=${boundary}`);
  assert.equal(
    text.toString(),
    `\r\n--${boundary}\r\nContent-Type: text/plain\r\nContent-Range: bytes 8-9/10\r\n\r\n89` +
      `\r\n--${boundary}\r\nContent-Type: text/plain\r\nContent-Range: bytes 0-2/10\r\n\r\n012` +
      `\r\n--${boundary}--\r\n`,
  );
  assert.equal(
    body.reduce((sum, segment) => sum + segmentLength(segment), 0),
    text.length,
  );
});
