import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { readPairFile, writePairFile } from "../../../src/cluster/pair-file.ts";

const folder = mkdtempSync(join(tmpdir(), "everboot-pair-"));
after(() => rmSync(folder, { recursive: true }));

test("only the word that a server went on alone counts after a restart", () => {
  assert.equal(readPairFile(folder), "waiting");
  writePairFile(folder, "sole");
  assert.equal(readPairFile(folder), "sole");
  writePairFile(folder, "paired");
  assert.equal(readPairFile(folder), "waiting");
  assert.deepEqual(readdirSync(folder), ["pair"]);
  assert.equal(statSync(join(folder, "pair")).mode & 0o777, 0o600);
});

test("a file that is none of ours counts as no word", () => {
  writeFileSync(join(folder, "pair"), "\0\0\0");
  assert.equal(readPairFile(folder), "waiting");
});

test("what cannot be read or written is told with its path", () => {
  const missing = join(folder, "missing");
  assert.throws(() => writePairFile(missing, "sole"), { code: "state-unwritable", message: /missing\/pair/ });
  const file = join(folder, "file");
  writeFileSync(file, "");
  assert.throws(() => readPairFile(file), { code: "state-broken", message: /ENOTDIR/ });
});
