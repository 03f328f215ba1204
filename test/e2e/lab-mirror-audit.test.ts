/** What the lab holds a mirror against: told from signatures, by other means than the mirror's. */
import assert from "node:assert/strict";
import { appendFile } from "node:fs/promises";
import { test } from "node:test";
import { filesIn, signedFiles } from "../../lab/mirror-audit.ts";
import { Archive, archiveObstacle, SigningKey } from "./mirror-lab.ts";

test("it vouches for what is signed, lists and packages, and for nothing else", {
  skip: archiveObstacle(),
}, async (t) => {
  const [key, other] = [await SigningKey.create(), await SigningKey.create()];
  const archive = await Archive.create();
  t.after(() => Promise.all([archive.remove(), key.remove(), other.remove()]));
  const paths = [await archive.addPackage("one", "1"), await archive.addPackage("two", "2", { udeb: true })];
  await archive.publish(key, 1_700_000_000);

  const signed = await signedFiles(archive.root, archive.suite, key.keyring);
  const there = filesIn(archive.root);
  for (const path of [...paths, "dists/bookworm/main/binary-amd64/Packages.xz"]) {
    assert.ok(there.has(path), path);
    assert.deepEqual(signed.get(path), there.get(path), path);
  }
  assert.equal(signed.has("dists/bookworm/InRelease"), false);
  await assert.rejects(signedFiles(archive.root, archive.suite, other.keyring), /gpgv/);
  await appendFile(archive.path("dists/bookworm/main/binary-amd64/Packages"), "\n");
  await assert.rejects(signedFiles(archive.root, archive.suite, key.keyring), /Packages is not what InRelease says/);
  assert.deepEqual(filesIn(archive.path("none")), new Map());
});
