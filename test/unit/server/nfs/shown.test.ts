import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { nfsExports } from "../../../../src/server/nfs/exports.ts";
import { changeBetween, presentExports, type Shown } from "../../../../src/server/nfs/shown.ts";

const shown = (exports: Readonly<Record<number, string>>, frame = "frame"): Shown => ({
  frame,
  exports: new Map(Object.entries(exports).map(([id, about]) => [Number(id), about])),
});

test("exports that come or go need a reload, all else a new start", () => {
  const cases: ReadonlyArray<readonly [Shown, Shown, string]> = [
    [shown({ 1: "a" }), shown({ 1: "a" }), "none"],
    [shown({ 1: "a" }), shown({ 1: "a", 2: "b" }), "reload"],
    [shown({ 1: "a", 2: "b" }), shown({ 1: "a" }), "reload"],
    [shown({ 1: "a" }), shown({ 2: "b" }), "reload"],
    [shown({ 1: "a" }), shown({ 1: "b" }), "restart"],
    [shown({ 1: "a" }), shown({ 1: "a" }, "other frame"), "restart"],
  ];
  for (const [before, after, change] of cases) assert.equal(changeBetween(before, after), change);
});

test("folders that are not there are left out, and another one in the same place is told apart", async () => {
  const root = mkdtempSync(join(tmpdir(), "everboot-nfs-"));
  try {
    const folder = join(root, "tree");
    const exports = nfsExports([{ name: "tree", folder }]);
    assert.deepEqual(await presentExports(exports), []);
    writeFileSync(folder, "a file");
    assert.deepEqual(await presentExports(exports), []);
    rmSync(folder);
    mkdirSync(folder);
    const [first] = await presentExports(exports);
    assert.deepEqual((await presentExports(exports))[0], first);
    renameSync(folder, `${folder}.old`);
    mkdirSync(folder);
    const [second] = await presentExports(exports);
    assert.notEqual(second?.about, first?.about);
    assert.deepEqual({ ...second, about: "" }, { ...first, about: "" });
  } finally {
    rmSync(root, { recursive: true });
  }
});
