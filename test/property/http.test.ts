/** Whatever a client writes: a range answers exactly its bytes, a path stays below its folder. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { bytesFile } from "../../src/content/segments.ts";
import { type Answer, answerVerdict } from "../../src/server/http/answer.ts";
import { formatHttpDate, parseHttpDate, wholeSeconds } from "../../src/server/http/date.ts";
import { parseTarget } from "../../src/server/http/path.ts";
import { testBytes } from "../support/http-folder.ts";

const NOW = Date.UTC(2026, 0, 1);

function askRange(bytes: Buffer, range: string): Answer {
  const file = bytesFile(bytes, "text/plain", 0);
  return answerVerdict({ kind: "file", file }, { method: "GET", headers: { range } }, NOW);
}

function bodyOf(answer: Answer): Buffer {
  return Buffer.concat(answer.body.map((segment) => (segment.kind === "bytes" ? segment.bytes : Buffer.alloc(0))));
}

interface Part {
  readonly contentRange: string;
  readonly bytes: string;
}

/** The parts of a 206, read as a client would. */
function partsOf(answer: Answer): Part[] {
  const body = bodyOf(answer).toString("latin1");
  const { "Content-Type": contentType = "", "Content-Range": onlyRange = "" } = answer.headers;
  const boundary = /boundary=(\w+)$/.exec(contentType)?.[1];
  if (boundary === undefined) return [{ contentRange: onlyRange, bytes: body }];
  const pieces = body.split(`\r\n--${boundary}`);
  assert.equal(pieces.at(0), "");
  assert.equal(pieces.at(-1), "--\r\n");
  return pieces.slice(1, -1).map((piece) => {
    const [, contentRange = "", bytes = ""] =
      /^\r\nContent-Type: text\/plain\r\nContent-Range: ([^\r]+)\r\n\r\n(.*)$/s.exec(piece) ?? [];
    return { contentRange, bytes };
  });
}

const position = fc.oneof(fc.nat(300), fc.constantFrom("", 0, 1, "99999999999999999999", "x", " "));
const spec = fc.tuple(position, fc.constantFrom("-", "-", "-", "", "--"), position).map((pieces) => pieces.join(""));
const rangeHeader = fc.oneof(
  fc.array(spec, { maxLength: 20 }).map((specs) => `bytes=${specs.join(",")}`),
  fc.string(),
);

test("any Range on any size: the parts are slices, the length is right, or the file is whole", () => {
  fc.assert(
    fc.property(fc.nat(300), rangeHeader, (size, range) => {
      const bytes = testBytes(size);
      const answer = askRange(bytes, range);
      const body = bodyOf(answer);
      assert.equal(answer.headers["Content-Length"], String(body.length));
      if (answer.status === 200) assert.ok(body.equals(bytes));
      else if (answer.status === 416) assert.equal(answer.headers["Content-Range"], `bytes */${size}`);
      else {
        assert.equal(answer.status, 206);
        for (const { contentRange, bytes: got } of partsOf(answer)) {
          const [first = -1, last = -1, total] = (contentRange.match(/\d+/g) ?? []).map(Number);
          assert.equal(total, size);
          assert.ok(first <= last && last < size);
          assert.equal(got, bytes.subarray(first, last + 1).toString("latin1"));
        }
      }
    }),
    { numRuns: 1000 },
  );
});

/** Ascending pairs with a gap between them: neither overlapping nor too many. */
const disjoint = fc
  .uniqueArray(fc.nat(299), { minLength: 2, maxLength: 16 })
  .map((points) => points.sort((a, b) => a - b).slice(0, points.length - (points.length % 2)))
  .map((points) => points.flatMap((first, index) => (index % 2 === 0 ? [[first, points[index + 1] ?? first]] : [])));

test("ranges that do not overlap are answered one by one, in the order of the request", () => {
  fc.assert(
    fc.property(
      disjoint.chain((pairs) => fc.shuffledSubarray(pairs, { minLength: 1 })),
      (pairs) => {
        const bytes = testBytes(300);
        const answer = askRange(bytes, `bytes=${pairs.map((pair) => pair.join("-")).join(", ")}`);
        assert.deepEqual(
          partsOf(answer),
          pairs.map(([first = 0, last = 0]) => ({
            contentRange: `bytes ${first}-${last}/300`,
            bytes: bytes.subarray(first, last + 1).toString("latin1"),
          })),
        );
      },
    ),
  );
});

const trickyPiece = fc.constantFrom(
  ..."/ .. . %2e %2E %2f %5c \\ %00 %0a % %25 %c0%ae a b+c ~ ? # : http: \xc3\xa9 %e2%80%ae ;".split(" "),
);
const tricky = fc.array(trickyPiece, { maxLength: 12 }).map((pieces) => pieces.join(""));

test("no target escapes its folder", () => {
  fc.assert(
    fc.property(
      fc.oneof(
        tricky,
        tricky.map((rest) => `/${rest}`),
        fc.string(),
      ),
      (text) => {
        const target = parseTarget(text);
        if (target.kind !== "path") return;
        assert.match(target.path, /^\/[^\0\\]*$/);
        if (target.path !== "/") {
          for (const part of target.path.slice(1).split("/")) assert.ok(!["", ".", ".."].includes(part), text);
        }
        assert.ok(`${join("/srv/tree", target.path)}/`.startsWith("/srv/tree/"));
      },
    ),
    { numRuns: 2000 },
  );
});

const fileName = fc.string({ unit: "binary", minLength: 1, maxLength: 20 }).filter((name) => {
  const odd = Array.from(name).some((character) => character < " " || "/\\\x7f".includes(character));
  return !odd && name !== "." && name !== ".." && name.isWellFormed();
});

test("every name survives the way through an encoded target", () => {
  fc.assert(
    fc.property(fc.array(fileName, { minLength: 1, maxLength: 5 }), (names) => {
      const target = `/${names.map(encodeURIComponent).join("/")}`;
      assert.deepEqual(parseTarget(target), { kind: "path", path: `/${names.join("/")}`, query: "" });
    }),
  );
});

test("a date comes back as the second it was", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: Date.UTC(9999, 0, 1) }), (time) => {
      assert.equal(parseHttpDate(formatHttpDate(time), NOW), wholeSeconds(time));
    }),
  );
});
