import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { type ImportProgress, importTree } from "../../../src/content/import.ts";
import { findImportSource } from "../../../src/content/import-source.ts";
import { readManifest, verifyTree } from "../../../src/content/manifest.ts";
import { debian } from "../../../src/os/debian.ts";
import { redhat } from "../../../src/os/redhat.ts";
import type { Tree } from "../../../src/site/model.ts";

const FAMILIES = new Map([debian, redhat].map((family) => [family.name, family]));

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
      const source = await findImportSource(at(folder), tree);
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
    await assert.rejects(importTree(at("net"), tree, FAMILIES), refusal(new RegExp(`name one: ${choices}$`)));
  });

  test("refuses in one line what it cannot take in", async () => {
    await put("file.iso", "half/linux");
    const cases: Array<[string, RegExp]> = [
      [at("none"), /no such folder or file$/],
      [at("file.iso"), /neither a folder nor an ISO file: unpack it/],
      ["https://example.org/netboot.tar.gz", /is a URL, not a folder or ISO file/],
      [at("half"), /has neither linux and initrd\.gz in one folder/],
    ];
    for (const [folder, reason] of cases) await assert.rejects(importTree(folder, tree, FAMILIES), refusal(reason));
    await assert.rejects(
      importTree(at("mirror"), { ...tree, release: "trixie" }, FAMILIES),
      refusal(/no dists\/trixie\/InRelease/),
    );
    await assert.rejects(
      importTree(at("net"), { ...tree, family: "redhat" }, FAMILIES),
      refusal(/no install medium of a family that is known: looked for .*\.treeinfo/),
    );
    assert.deepEqual((await readdir(base)).sort(), ["file.iso", "half", "mirror", "net"]);
  });

  test("refuses images that say that they are of another release or architecture", async () => {
    await writeFile(at("net/text/version.info"), "Debian version:  13 (trixie)\n");
    const itself = "this is Debian 13 \\(trixie\\) netboot for amd64 \\(family debian\\), and tree t is debian";
    await assert.rejects(
      importTree(at("net/text"), tree, FAMILIES),
      refusal(new RegExp(`${itself} bookworm for amd64: .* correct its \`release\`$`)),
    );
    await assert.rejects(
      importTree(at("net/text"), { ...tree, release: "trixie", arch: "arm64" }, FAMILIES),
      refusal(new RegExp(`${itself} trixie for arm64: .* correct its \`arch\`$`)),
    );
    await importTree(at("net/text"), { ...tree, release: "trixie" }, FAMILIES);
    assert.equal((await readManifest(tree.path))?.size, 2);
  });

  test("several imports add up, and the manifest is right", async () => {
    const seen: ImportProgress[] = [];
    await importTree(at("net"), tree, FAMILIES);
    const result = await importTree(at("mirror"), tree, FAMILIES, { onProgress: (progress) => seen.push(progress) });
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
    const { files } = await importTree(at("mirror"), tree, FAMILIES);
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
    await importTree(at("net"), tree, FAMILIES);
    await put("new/linux", "new/initrd.gz");
    await importTree(at("new"), tree, FAMILIES);
    assert.equal(await readFile(join(tree.path, "netboot/linux"), "utf8"), "new/linux");
    const manifest = await readManifest(tree.path);
    assert.deepEqual(manifest && (await verifyTree(tree.path, manifest)), []);
  });

  test("symbolic links to folders are left out of a mirror", async () => {
    await symlink("bookworm", at("mirror/dists/oldstable"));
    const { files } = await importTree(at("mirror"), tree, FAMILIES);
    assert.equal(files.length, 3);
  });

  test("broken off or failed in the middle, the tree is as it was", async () => {
    await importTree(at("net"), tree, FAMILIES);
    const before = await readFile(join(tree.path, ".everboot-manifest.jsonl"));
    const stop = new AbortController();
    const options = { signal: stop.signal, onProgress: () => stop.abort(new Error("enough")) };
    await assert.rejects(importTree(at("mirror"), tree, FAMILIES, options), refusal(/broken off before/));
    const failing = importTree(at("mirror"), tree, FAMILIES, {
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
    await importTree(at("net"), tree, FAMILIES);
    const names = (await readdir(tree.path)).sort();
    assert.deepEqual(names, [`.everboot-import-${process.ppid}`, ".everboot-manifest.jsonl", "netboot"]);
  });
});
