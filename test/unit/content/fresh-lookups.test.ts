/** What was found is found again without looking for it, and never when anything has changed. */
import assert from "node:assert/strict";
import { link, mkdir, mkdtemp, rename, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { folderResolver } from "../../../src/content/folder.ts";
import { buildManifest, writeManifest } from "../../../src/content/manifest.ts";

/** Files that were written just now are not remembered. */
const SETTLED_MS = 150;
/** What was looked at in one turn of the loop is not looked at again in it. */
const nextTurn = () => new Promise((resolve) => setImmediate(resolve));

async function inFolder(task: (root: string) => Promise<void>): Promise<void> {
  const work = await mkdtemp(join(tmpdir(), "everboot-fresh-"));
  try {
    const root = join(work, "tree");
    await mkdir(join(root, "sub"), { recursive: true });
    await writeFile(join(root, "sub/file"), "one");
    await task(root);
  } finally {
    await rm(work, { recursive: true });
  }
}

const CHANGES: Readonly<Record<string, (root: string) => Promise<void>>> = {
  "its content": (root) => writeFile(join(root, "sub/file"), "two"),
  "another file in its place": async (root) => {
    await writeFile(join(root, "new"), "two");
    await rename(join(root, "new"), join(root, "sub/file"));
  },
  "its time": (root) => utimes(join(root, "sub/file"), 1, 1),
  "its absence": (root) => rm(join(root, "sub/file")),
  "another folder in the place of its own": async (root) => {
    await mkdir(join(root, "other"));
    await writeFile(join(root, "other/file"), "two");
    await rename(join(root, "sub"), join(root, "old"));
    await rename(join(root, "other"), join(root, "sub"));
  },
  "a manifest": async (root) => writeManifest(root, await buildManifest(root)),
  "a link that leads out": async (root) => {
    await writeFile(join(root, "../secret"), "one");
    await rm(join(root, "sub/file"));
    await symlink("../../secret", join(root, "sub/file"));
  },
};

for (const [what, change] of Object.entries(CHANGES)) {
  test(`is forgotten at once: ${what}`, () =>
    inFolder(async (root) => {
      await pause(SETTLED_MS);
      const find = folderResolver(root);
      const found = await find("sub/file");
      await nextTurn();
      assert.equal(find.known("sub/file"), found);
      assert.equal(await find("sub/file"), found);
      await change(root);
      await nextTurn();
      assert.equal(find.known("sub/file"), undefined);
      assert.notDeepEqual(await find("sub/file"), found);
    }));
}

test("a manifest that is gone or another one is noticed", () =>
  inFolder(async (root) => {
    await writeManifest(root, await buildManifest(root));
    await pause(SETTLED_MS);
    const find = folderResolver(root);
    const found = await find("sub/file");
    await nextTurn();
    assert.equal(find.known("sub/file"), found);
    await writeManifest(root, new Map([["sub/file", { size: 3, sha256: "0".repeat(64) }]]));
    await nextTurn();
    assert.equal(find.known("sub/file"), undefined);
    assert.notDeepEqual(await find("sub/file"), found);
  }));

test("a file that may be written on this instant is not remembered", () =>
  inFolder(async (root) => {
    const find = folderResolver(root);
    await writeFile(join(root, "sub/file"), "new");
    await find("sub/file");
    assert.equal(find.known("sub/file"), undefined);
    await link(join(root, "sub/file"), join(root, "sub/same"));
    await find("sub/same");
    assert.equal(find.known("sub/same"), undefined);
  }));
