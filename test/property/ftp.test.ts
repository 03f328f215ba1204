/** Whatever is said to the FTP server. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type ControlLine, LineReader, LONGEST_LINE } from "../../src/server/ftp/control-line.ts";
import { resolvePath } from "../../src/server/ftp/path.ts";

test("lines do not depend on how TCP cuts them", () => {
  const text = fc.stringMatching(/^[A-Za-z]{3,4} [^\r\n]{0,20}\r?\n$/u);
  fc.assert(
    fc.property(fc.array(text, { maxLength: 8 }), fc.array(fc.nat(200), { maxLength: 10 }), (lines, cuts) => {
      const bytes = Buffer.from(lines.join(""));
      const places = [0, ...cuts.map((cut) => Math.min(cut, bytes.length)).sort((a, b) => a - b), bytes.length];
      const reader = new LineReader();
      const inParts = places.flatMap((place, index) => reader.push(bytes.subarray(places[index - 1] ?? 0, place)));
      assert.deepEqual(inParts, new LineReader().push(bytes));
      assert.equal(inParts.length, lines.length);
    }),
  );
});

test("any bytes are lines of some kind, and no more than one line is kept", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 3000 }), { maxLength: 6 }), (parts) => {
      const reader = new LineReader();
      const lines: ControlLine[] = parts.flatMap((part) => reader.push(part));
      for (const line of lines) {
        if (line.kind === "command") assert.ok(Buffer.byteLength(line.verb + line.argument) <= LONGEST_LINE);
      }
    }),
  );
});

test("no name leads out of the root, or to a part that a resolver would not expect", () => {
  const part = fc.oneof(fc.constantFrom("..", ".", "", "a", "ü", " ", "%2e%2e"), fc.string({ maxLength: 6 }));
  const name = fc
    .tuple(fc.constantFrom("", "/"), fc.array(part, { maxLength: 8 }))
    .map(([start, parts]) => start + parts.join("/"));
  fc.assert(
    fc.property(fc.array(name, { maxLength: 4 }), (walk) => {
      let folder = "/";
      for (const step of walk) {
        const found = resolvePath(folder, step);
        if (found.kind !== "path") continue;
        folder = found.path;
        assert.match(folder, /^\//);
        const parts = folder === "/" ? [] : folder.slice(1).split("/");
        assert.ok(
          parts.every((each) => each !== "" && each !== "." && each !== ".." && !/[\p{Cc}\\]/u.test(each)),
          folder,
        );
      }
    }),
  );
});
