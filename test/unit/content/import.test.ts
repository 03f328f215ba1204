import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { type ImportProgress, importFolder } from "../../../src/content/import.ts";
import { findImportSource } from "../../../src/content/import-source.ts";
import { readManifest, verifyTree } from "../../../src/content/manifest.ts";
import type { Tree } from "../../../src/site/model.ts";

describe("taking files into a tree", () => {
  let base: string;
  let tree: Tree;
  const at = (path: string) => join(base, path);

  async function put(...paths: string[]): Promise<void> {
    for (const path of paths) {
      await mkdir(dirname(at(path)), { recursive: true });
      await writeFile(at(path), path);
    }
  }
  const refusal = (reason: RegExp) => ({ code: "import-refused", message: reason });

  beforeEach(async () => {
    base = await mkdtemp(join(tmpdir(), "everboot-test-"));
    tree = { name: "t", family: "debian", release: "bookworm", arch: "amd64", path: at("tree") };
    await put("net/text/debian-installer/amd64/linux", "net/text/debian-installer/amd64/initrd.gz");
    await put("mirror/pool/main/a.deb", "mirror/dists/bookworm/InRelease", "mirror/dists/bookworm/main/Packages");
  });
  afterEach(() => rm(base, { recursive: true }));

  test("finds the netboot images at or below the folder", async () => {
    for (const folder of ["net", "net/text", "net/text/debian-installer/amd64"]) {
      const source = await findImportSource(at(folder), "bookworm");
      assert.deepEqual(source, {
        kind: "netboot",
        kernel: at("net/text/debian-installer/amd64/linux"),
        files: ["linux", "initrd.gz"].map((name) => ({
          from: at(`net/text/debian-installer/amd64/${name}`),
          to: `netboot/${name}`,
          link: false,
        })),
      });
    }
  });

  test("says which choices there are", async () => {
    await put("net/gtk/linux", "net/gtk/initrd.gz");
    const choices = `${at("net/gtk")}, ${at("net/text/debian-installer/amd64")}`;
    await assert.rejects(importFolder(at("net"), tree), refusal(new RegExp(`name one: ${choices}$`)));
  });

  test("refuses in one line what it cannot take in", async () => {
    await put("file.iso", "half/linux");
    const cases: Array<[string, RegExp]> = [
      [at("none"), /no such folder$/],
      [at("file.iso"), /not a folder: unpack it/],
      ["https://example.org/netboot.tar.gz", /is a URL, not a folder/],
      [at("half"), /has neither linux and initrd\.gz in one folder/],
    ];
    for (const [folder, reason] of cases) await assert.rejects(importFolder(folder, tree), refusal(reason));
    await assert.rejects(
      importFolder(at("mirror"), { ...tree, release: "trixie" }),
      refusal(/no dists\/trixie\/InRelease/),
    );
    await assert.rejects(importFolder(at("net"), { ...tree, family: "redhat" }), refusal(/of family redhat/));
    assert.deepEqual((await readdir(base)).sort(), ["file.iso", "half", "mirror", "net"]);
  });

  test("several imports add up, and the manifest is right", async () => {
    const seen: ImportProgress[] = [];
    await importFolder(at("net"), tree);
    const result = await importFolder(at("mirror"), tree, { onProgress: (progress) => seen.push(progress) });
    assert.equal(result.kind, "mirror");
    assert.deepEqual(
      seen.map(({ files, totalFiles }) => `${files}/${totalFiles}`),
      ["1/3", "2/3", "3/3"],
    );
    const manifest = await readManifest(tree.path);
    assert.ok(manifest);
    assert.equal(manifest.size, 5);
    assert.deepEqual(await verifyTree(tree.path, manifest), []);
    assert.deepEqual((await readdir(tree.path)).sort(), [".everboot-manifest.jsonl", "dists", "netboot", "pool"]);
    assert.equal(
      await readFile(join(tree.path, "dists/bookworm/InRelease"), "utf8"),
      "mirror/dists/bookworm/InRelease",
    );
  });

  test("packages are hard links, indices are copies, signed files come last", async () => {
    const { files } = await importFolder(at("mirror"), tree);
    assert.deepEqual(
      files.map((file) => file.path),
      ["pool/main/a.deb", "dists/bookworm/main/Packages", "dists/bookworm/InRelease"],
    );
    const inode = async (path: string) => (await stat(path)).ino;
    const inTree = (path: string) => join(tree.path, path);
    assert.equal(await inode(inTree("pool/main/a.deb")), await inode(at("mirror/pool/main/a.deb")));
    assert.notEqual(
      await inode(inTree("dists/bookworm/InRelease")),
      await inode(at("mirror/dists/bookworm/InRelease")),
    );
  });

  test("a newer netboot image takes the place of the old one", async () => {
    await importFolder(at("net"), tree);
    await put("new/linux", "new/initrd.gz");
    await importFolder(at("new"), tree);
    assert.equal(await readFile(join(tree.path, "netboot/linux"), "utf8"), "new/linux");
    const manifest = await readManifest(tree.path);
    assert.deepEqual(manifest && (await verifyTree(tree.path, manifest)), []);
  });

  test("symbolic links to folders are left out of a mirror", async () => {
    await symlink("bookworm", at("mirror/dists/oldstable"));
    const { files } = await importFolder(at("mirror"), tree);
    assert.equal(files.length, 3);
  });

  test("broken off or failed in the middle, the tree is as it was", async () => {
    await importFolder(at("net"), tree);
    const before = await readFile(join(tree.path, ".everboot-manifest.jsonl"));
    const stop = new AbortController();
    const options = { signal: stop.signal, onProgress: () => stop.abort(new Error("enough")) };
    await assert.rejects(importFolder(at("mirror"), tree, options), refusal(/broken off before/));
    const failing = importFolder(at("mirror"), tree, {
      onProgress: () => {
        throw Object.assign(new Error("disk full"), { code: "ENOSPC" });
      },
    });
    await assert.rejects(failing, refusal(/cannot be taken in: ENOSPC/));
    assert.deepEqual((await readdir(tree.path)).sort(), [".everboot-manifest.jsonl", "netboot"]);
    assert.ok(before.equals(await readFile(join(tree.path, ".everboot-manifest.jsonl"))));
  });

  test("what a killed import left behind is removed", async () => {
    // No process has this id: Linux ends at 2^22.
    await put("tree/.everboot-import-4194999/pool/half", `tree/.everboot-import-${process.ppid}/pool/running`);
    await importFolder(at("net"), tree);
    const names = (await readdir(tree.path)).sort();
    assert.deepEqual(names, [`.everboot-import-${process.ppid}`, ".everboot-manifest.jsonl", "netboot"]);
  });
});
