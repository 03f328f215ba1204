import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import {
  buildManifest,
  formatManifest,
  parseManifest,
  readManifest,
  verifyTree,
  writeManifest,
} from "../../../src/content/manifest.ts";

const EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

describe("the manifest of a tree", () => {
  let root: string;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), "everboot-test-"));
    await mkdir(join(root, "b"));
    for (const path of ["b/two", "b-one", "Z"]) await writeFile(join(root, path), "");
  });
  afterEach(() => rm(root, { recursive: true }));

  test("is one line for each file, sorted by bytes, whatever the order on disk", async () => {
    const line = (path: string) => `{"path":"${path}","size":0,"sha256":"${EMPTY}"}\n`;
    assert.equal(formatManifest(await buildManifest(root)), line("Z") + line("b-one") + line("b/two"));
  });

  test("is read as it was written, and leaves nothing else behind", async () => {
    const manifest = await buildManifest(root);
    assert.equal(await readManifest(root), undefined);
    await writeManifest(root, manifest);
    await writeManifest(root, manifest);
    assert.deepEqual(await readManifest(root), manifest);
    assert.deepEqual((await readdir(root)).sort(), [".everboot-manifest.jsonl", "Z", "b", "b-one"]);
  });

  test("tells what is missing, changed and too much", async () => {
    const manifest = await buildManifest(root);
    assert.deepEqual(await verifyTree(root, manifest), []);
    const other = new Map(manifest).set("b/two", { size: 0, sha256: "0".repeat(64) });
    await writeFile(join(root, "Z"), "longer");
    await rm(join(root, "b-one"));
    await writeFile(join(root, "new"), "");
    assert.deepEqual(await verifyTree(root, other), [
      { path: "Z", problem: "size" },
      { path: "b-one", problem: "missing" },
      { path: "b/two", problem: "hash" },
      { path: "new", problem: "extra" },
    ]);
  });

  test("a damaged one is an error with its line", async () => {
    await writeFile(
      join(root, ".everboot-manifest.jsonl"),
      `${JSON.stringify({ path: "a", size: 0, sha256: EMPTY })}\n{`,
    );
    await assert.rejects(readManifest(root), { code: "state-broken", message: /line 2/ });
  });
});

test("lines that are no entries are refused", () => {
  const good = { path: "a", size: 1, sha256: EMPTY };
  for (const bad of [{ ...good, path: "../a" }, { ...good, size: -1 }, { ...good, sha256: "x" }, [], null, 1]) {
    assert.deepEqual(parseManifest(`${JSON.stringify(bad)}\n`), { badLine: 1 }, JSON.stringify(bad));
  }
  assert.deepEqual(parseManifest(""), new Map());
});
