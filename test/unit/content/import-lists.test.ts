import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { parseSums, parseTreeinfoSums } from "../../../src/content/import-lists.ts";

const MD5 = "0123456789abcdef0123456789abcdef";
const SHA256 = MD5 + MD5;

test("lists of md5sum, sha256sum and BSD's, with a signature around them", () => {
  const text = `-----BEGIN PGP SIGNED MESSAGE-----
Hash: SHA256

# Rocky-9.6-x86_64-dvd.iso: 11930000 bytes
SHA256 (Rocky-9.6 (x).iso) = ${SHA256.toUpperCase()}
${MD5}  ./pool/main/a b.deb
${SHA256} *noble.iso\r
${SHA256}  ../outside
${SHA256}1  no-hash
-----BEGIN PGP SIGNATURE-----
${MD5}${SHA256}
-----END PGP SIGNATURE-----
`;
  assert.deepEqual(parseSums(text), [
    { path: "Rocky-9.6 (x).iso", algorithm: "sha256", hex: SHA256 },
    { path: "pool/main/a b.deb", algorithm: "md5", hex: MD5 },
    { path: "noble.iso", algorithm: "sha256", hex: SHA256 },
  ]);
});

test("the checksums of .treeinfo, and of no other section", () => {
  const text = `[general]\nname = sha256:${SHA256}\n[checksums]\nimages/a b.img = sha256:${SHA256}\nbad = sha256:1\n\n[stage2]\nmainimage = sha256:${SHA256}\n`;
  assert.deepEqual(parseTreeinfoSums(text), [{ path: "images/a b.img", algorithm: "sha256", hex: SHA256 }]);
  const fixture = join(import.meta.dirname, "../../fixtures/trees/redhat/rocky-9.6/treeinfo.txt");
  const names = parseTreeinfoSums(readFileSync(fixture, "utf8")).map(({ path }) => path);
  assert.deepEqual(names, ["images/efiboot.img", "images/install.img"]);
});
