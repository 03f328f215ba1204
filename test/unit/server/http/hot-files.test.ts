import assert from "node:assert/strict";
import { closeSync, openSync, statSync } from "node:fs";
import { test } from "node:test";
import { versionOf } from "../../../../src/content/file-version.ts";
import { HotFiles } from "../../../../src/server/http/hot-files.ts";
import type { DiskSegment } from "../../../../src/server/http/open-file.ts";
import { type Folder, temporaryFolder } from "../../../support/http-folder.ts";

async function kept(hot: HotFiles, folder: Folder, name: string, text: string): Promise<DiskSegment> {
  const path = await folder.put(name, text);
  const version = versionOf(statSync(path, { bigint: true }));
  const segment: DiskSegment = { kind: "disk", path, offset: 0, length: text.length, version };
  const file = openSync(path, "r");
  assert.ok(hot.fits(segment));
  assert.equal(Buffer.from(await hot.read(file, segment)).toString(), text);
  closeSync(file);
  return segment;
}

const textOf = (bytes: Uint8Array | undefined) => bytes && Buffer.from(bytes).toString();

test("a file is found again while it is the same version, whole and in part", async () => {
  await using folder = await temporaryFolder();
  const hot = new HotFiles();
  const segment = await kept(hot, folder, "a", "0123456789");
  assert.equal(textOf(hot.find({ ...segment, offset: 2, length: 3 })), "234");
  assert.equal(textOf(hot.find(segment)), "0123456789");
  assert.ok(segment.version);
  assert.equal(
    hot.find({ ...segment, version: { ...segment.version, ctimeMs: segment.version.ctimeMs + 1 } }),
    undefined,
  );
  assert.equal(hot.find(segment), undefined, "the old version is gone for good");
});

test("what was not asked for longest makes room", async () => {
  await using folder = await temporaryFolder();
  const hot = new HotFiles(3 * 1000);
  const [a, b] = [await kept(hot, folder, "a", "a".repeat(700)), await kept(hot, folder, "b", "b".repeat(700))];
  assert.ok(hot.find(a));
  await kept(hot, folder, "c", "c".repeat(700));
  assert.equal(hot.find(b), undefined);
  assert.ok(hot.find(a));
});

test("large files and files without a version do not fit", () => {
  const version = { dev: 1, ino: 1, size: 65_537, mtimeMs: 1, ctimeMs: 1 };
  const segment: DiskSegment = { kind: "disk", path: "/a", offset: 0, length: 10, version };
  const hot = new HotFiles();
  assert.ok(!hot.fits(segment));
  assert.ok(hot.fits({ ...segment, version: { ...version, size: 65_536 } }));
  assert.ok(!hot.fits({ kind: "disk", path: "/a", offset: 0, length: 10 }));
});
