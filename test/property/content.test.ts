/** Laws of the content room's formats. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type FileHash, PackagesParser, parseRelease } from "../../src/content/apt-index.ts";
import { formatManifest, parseManifest } from "../../src/content/manifest.ts";
import { isTreePath } from "../../src/content/tree-path.ts";

const hash: fc.Arbitrary<FileHash> = fc.record(
  {
    size: fc.nat(),
    sha256: fc.stringMatching(/^[0-9a-f]{64}$/),
  },
  { noNullPrototype: true },
);
const anyPath = fc.string({ unit: "grapheme", minLength: 1 }).filter(isTreePath);
/** As in indices: no white space. */
const indexPath = fc.stringMatching(/^[a-z0-9+~._-]{1,8}(\/[a-z0-9+~._-]{1,8}){0,3}$/).filter(isTreePath);

test("a manifest is read as it was written, and does not depend on the order", () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.tuple(anyPath, hash), { selector: ([path]) => path }), (entries) => {
      const text = formatManifest(new Map(entries));
      const parsed = parseManifest(text);
      assert.ok(!("badLine" in parsed));
      assert.deepEqual(parsed, new Map(entries));
      assert.equal(formatManifest(new Map([...entries].reverse())), text);
    }),
  );
});

test("a Packages file gives back its files, wherever it is cut", () => {
  const stanzas = fc.uniqueArray(fc.tuple(indexPath, hash), { selector: ([path]) => path });
  fc.assert(
    fc.property(stanzas, fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1 }), (entries, cuts) => {
      const stanza = ([path, { size, sha256 }]: [string, FileHash]) =>
        `Package: x\nSize: ${size}\nFilename: ${path}\nDescription: d\n more\nSHA256: ${sha256}\n`;
      let rest = Buffer.from(entries.map(stanza).join("\n"));
      const parser = new PackagesParser();
      for (let turn = 0; rest.length > 0; turn++) {
        const cut = cuts[turn % cuts.length] ?? 1;
        parser.push(rest.subarray(0, cut));
        rest = rest.subarray(cut);
      }
      assert.deepEqual(new Map(parser.finish()), new Map(entries));
    }),
  );
});

test("a Release file gives back its hashes", () => {
  const entries = fc.uniqueArray(fc.tuple(indexPath, hash), { selector: ([path]) => path });
  fc.assert(
    fc.property(entries, (files) => {
      const lines = files.map(([path, { size, sha256 }]) => ` ${sha256} ${String(size).padStart(16)} ${path}\n`);
      const release = parseRelease(`Suite: s\nSHA256:\n${lines.join("")}Components: main\n`);
      assert.deepEqual(release?.files, new Map(files));
      assert.deepEqual(release?.components, ["main"]);
    }),
  );
});

test("no index, whatever its bytes, names a path outside, and none makes the parsers throw", () => {
  const line = fc.oneof(
    fc.string(),
    fc.string().map((path) => `Filename: ${path}`),
    fc.nat().map((size) => `Size: ${size}`),
    fc.constant(`SHA256: ${"a".repeat(64)}`),
    fc.constant("SHA256:"),
    fc.string().map((path) => ` ${"a".repeat(64)} 1 ${path}`),
  );
  fc.assert(
    fc.property(fc.array(line), (lines) => {
      const text = lines.join("\n");
      const parser = new PackagesParser();
      parser.push(Buffer.from(text));
      const paths = [...parser.finish().keys(), ...(parseRelease(text)?.files.keys() ?? [])];
      assert.ok(paths.every(isTreePath));
    }),
  );
});
