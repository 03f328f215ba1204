import assert from "node:assert/strict";
import { test } from "node:test";
import { componentsFor, PackagesParser, packagesFolders, parseRelease } from "../../../src/content/apt-index.ts";

const A = "a".repeat(64);
const B = "b".repeat(64);

const RELEASE = `Origin: Debian
Suite: oldstable
Codename: bookworm
Date: Sat, 11 Jul 2026 09:36:37 UTC
Acquire-By-Hash: yes
No-Support-for-Architecture-all: Packages
Architectures: all amd64 arm64
Components: main contrib non-free-firmware
MD5Sum:
 0123456789abcdef0123456789abcdef      100 main/md5-only
SHA256:
 ${A}    10 main/binary-amd64/Packages.xz
 ${B.toUpperCase()} 20 main/debian-installer/binary-amd64/Packages
 ${B} 30 contrib/binary-all/Packages.gz
 ${B} 40 ../outside
 ${B} -1 main/negative
 short 50 main/short
`;

test("a Release file: fields, and SHA-256 hashes of paths inside the suite", () => {
  const release = parseRelease(RELEASE);
  assert.ok(release);
  assert.equal(release.suite, "oldstable");
  assert.equal(release.codename, "bookworm");
  assert.equal(release.date, Date.UTC(2026, 6, 11, 9, 36, 37));
  assert.deepEqual(release.components, ["main", "contrib", "non-free-firmware"]);
  assert.equal(release.byHash, true);
  assert.equal(release.allApart, false);
  assert.deepEqual(Object.fromEntries(release.files), {
    "main/binary-amd64/Packages.xz": { size: 10, sha256: A },
    "main/debian-installer/binary-amd64/Packages": { size: 20, sha256: B },
    "contrib/binary-all/Packages.gz": { size: 30, sha256: B },
  });
});

test("a Release file without SHA-256 hashes vouches for nothing", () => {
  assert.equal(parseRelease("Suite: stable\nMD5Sum:\n 00 1 x\n"), undefined);
  assert.equal(parseRelease("<html>not found</html>"), undefined);
});

test("the indices of a component are those that the Release file lists for the architecture", () => {
  const release = parseRelease(RELEASE);
  assert.ok(release);
  assert.deepEqual(packagesFolders(release, "main", "amd64"), [
    "main/binary-amd64",
    "main/debian-installer/binary-amd64",
  ]);
  assert.deepEqual(packagesFolders(release, "contrib", "amd64"), []);
  const apart = { ...release, allApart: true };
  assert.deepEqual(packagesFolders(apart, "contrib", "amd64"), ["contrib/binary-all"]);
});

test("a path tells its component, and main is always tried", () => {
  const release = parseRelease(RELEASE);
  assert.ok(release);
  assert.deepEqual(componentsFor(release, "pool/contrib/a/a.deb"), ["contrib", "main"]);
  assert.deepEqual(componentsFor(release, "pool/updates/main/a/a.deb"), ["main"]);
  assert.deepEqual(componentsFor(release, "pool/udeb/a.udeb"), ["main"]);
});

const PACKAGES = `Package: one
Filename: pool/main/o/one/one_1.0+b1~x_amd64.deb
Size: 11
Description: a Filename: in the text
 Filename: folded/is/no/field
SHA256: ${A}

Package: escapes
Filename: ../../etc/passwd
Size: 1
SHA256: ${A}

Package: no-hash
Filename: pool/none.deb
Size: 1

Package: last-without-newline
SHA256: ${B}
Size: 0
Filename: pool/last.deb`;

function parsePieces(bytes: Uint8Array, size: number) {
  const parser = new PackagesParser();
  for (let start = 0; start < bytes.length; start += size) parser.push(bytes.subarray(start, start + size));
  return parser.finish();
}

test("a Packages file names files with hash and size, however it is cut into pieces", () => {
  const bytes = Buffer.from(PACKAGES);
  for (let size = 1; size <= bytes.length; size++) {
    assert.deepEqual(Object.fromEntries(parsePieces(bytes, size)), {
      "pool/main/o/one/one_1.0+b1~x_amd64.deb": { size: 11, sha256: A },
      "pool/last.deb": { size: 0, sha256: B },
    });
  }
});

test("60,000 packages are read in a few seconds", () => {
  const filler = `Description: ${"text ".repeat(100)}\nTag: ${"x::y, ".repeat(30)}`;
  const stanza = (n: number) => `Package: p${n}\n${filler}\nFilename: pool/p${n}.deb\nSize: ${n}\nSHA256: ${A}\n`;
  const bytes = Buffer.from(Array.from({ length: 60_000 }, (_, n) => stanza(n)).join("\n"));
  const before = process.cpuUsage();
  assert.equal(parsePieces(bytes, 1 << 16).size, 60_000);
  const seconds = process.cpuUsage(before).user / 1e6;
  assert.ok(seconds < 4, `${seconds} s of processor time for ${bytes.length} bytes`);
});
