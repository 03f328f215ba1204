/** The index files of rpm repositories. */
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { zstdCompressSync } from "node:zlib";
import fc from "fast-check";
import { readPackages } from "../../../src/content/packages-file.ts";
import { PrimaryParser, parseRepomd } from "../../../src/content/repomd.ts";

const SHA256 = "a".repeat(64);
const SHA512 = "b".repeat(128);

/** As createrepo_c 0.17 writes it. */
const REPOMD = `<?xml version="1.0" encoding="UTF-8"?>
<repomd xmlns="http://linux.duke.edu/metadata/repo" xmlns:rpm="http://linux.duke.edu/metadata/rpm">
  <revision>1700000000</revision>
  <data type="primary">
    <checksum type="sha256">${SHA256}</checksum>
    <open-checksum type="sha256">${"c".repeat(64)}</open-checksum>
    <location href="repodata/${SHA256}-primary.xml.gz"/>
    <timestamp>1700000000</timestamp>
    <size>1234</size>
    <open-size>5678</open-size>
  </data>
  <data type="group"><checksum type="sha">${"d".repeat(40)}</checksum><location href="repodata/g.xml"/><size>1</size></data>
  <data type="other"><checksum type="sha512">${SHA512}</checksum><location href="repodata/o.xml.zst"/><size>7</size></data>
  <data type="evil"><checksum type="sha256">${SHA256}</checksum><location href="../../etc/passwd"/><size>7</size></data>
</repomd>
`;

/** What libsolv and createrepo_c have in a package, \`é\` and all. */
function primaryOf(entries: readonly { path: string; base?: string }[]): Buffer {
  const packages = entries.map(
    ({ path, base }, index) => `<package type="rpm">
  <name>café-${index}</name><arch>noarch</arch><version epoch="0" ver="1" rel="1"/>
  <checksum type="sha256" pkgid="YES">${SHA256}</checksum>
  <summary>a &amp; b &lt;checksum type="sha256"&gt;</summary>
  <size package="${1000 + index}" installed="5" archive="6"/>
  <location ${base === undefined ? "" : `xml:base="${base}" `}href="${path}"/>
  <format><rpm:license>t</rpm:license><rpm:provides><rpm:entry name="x"/></rpm:provides><file>/opt/é</file></format>
</package>`,
  );
  const head = '<?xml version="1.0" encoding="UTF-8"?>\n<metadata xmlns="c" xmlns:rpm="r" packages="9">';
  return Buffer.from(`${head}${packages.join("\n")}</metadata>`);
}

const ENTRIES = [
  { path: "Packages/a-1.rpm" },
  { path: "Packages/é b.rpm" },
  { path: "../c.rpm" },
  { path: "d.rpm", base: "http://x/" },
];
const FOUND = [
  ["Packages/a-1.rpm", { size: 1000, sha256: SHA256 }],
  ["Packages/é b.rpm", { size: 1001, sha256: SHA256 }],
];

test("repomd.xml names index files by strong digests alone, and none outside of the repository", () => {
  const { revision, data } = parseRepomd(Buffer.from(REPOMD));
  assert.equal(revision, 1_700_000_000);
  assert.deepEqual(
    [...data],
    [
      ["primary", { path: `repodata/${SHA256}-primary.xml.gz`, expected: { size: 1234, sha256: SHA256 } }],
      ["other", { path: "repodata/o.xml.zst", expected: { size: 7, sha512: SHA512 } }],
    ],
  );
});

test("what is no XML is a mismatch", () => {
  for (const text of [
    "",
    "<repomd>",
    "<repomd></data>",
    REPOMD.slice(0, 300),
    '<!DOCTYPE r [<!ENTITY e "x">]><r>&e;</r>',
  ]) {
    assert.throws(() => parseRepomd(Buffer.from(text)), { code: "upstream-mismatch" }, text);
  }
});

test("primary.xml names the packages of the repository, however its bytes are cut", () => {
  const bytes = primaryOf(ENTRIES);
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: bytes.length })), (cuts) => {
      const parser = new PrimaryParser();
      const places = [0, ...cuts.toSorted((a, b) => a - b), bytes.length];
      for (const [index, place] of places.entries()) parser.push(bytes.subarray(places[index - 1] ?? 0, place));
      assert.deepEqual([...parser.finish()], FOUND);
    }),
  );
});

test("a primary.xml is read through zstd", async () => {
  const folder = await mkdtemp(join(tmpdir(), "everboot-test-"));
  const path = join(folder, "primary.xml.zst");
  try {
    await writeFile(path, zstdCompressSync(primaryOf(ENTRIES)));
    assert.deepEqual([...(await readPackages(path, ".zst", new PrimaryParser()))], FOUND);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("of a long primary.xml only paths and digests stay in memory", () => {
  setFlagsFromString("--expose-gc");
  const collect: () => void = runInNewContext("gc");
  const padding = `<description>${"long ".repeat(200_000)}</description>`;
  const before = process.memoryUsage().heapUsed;
  const parser = new PrimaryParser();
  parser.push(Buffer.from("<metadata>"));
  for (let index = 0; index < 40; index += 1) {
    const location = `<location href="Packages/p/package-${index}-1.rpm"/>`;
    const checksum = `<checksum type="sha256">${SHA256}</checksum><size package="1"/>`;
    parser.push(Buffer.from(`<package>${location}${checksum}${padding}</package>`));
  }
  parser.push(Buffer.from("</metadata>"));
  const files = parser.finish();
  collect();
  const megabytes = (process.memoryUsage().heapUsed - before) / 1e6;
  assert.equal(files.size, 40);
  assert.ok(megabytes < 10, `${megabytes} MB of 40`);
});
