import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { type ImportProgress, importTree } from "../../../src/content/import.ts";
import { findImportSource } from "../../../src/content/import-source.ts";
import { readManifest, verifyTree } from "../../../src/content/manifest.ts";
import { listVersions, servedFolder } from "../../../src/content/versions.ts";
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
  /** The files of the version that is served are what its manifest says, and nothing else lies beside the versions. */
  async function assertServed(files: readonly string[]): Promise<string> {
    const served = await servedFolder(tree.path);
    const manifest = await readManifest(served);
    assert.deepEqual(manifest && [...manifest.keys()].sort(), [...files].sort());
    assert.deepEqual(manifest && (await verifyTree(served, manifest)), []);
    const own = (await readdir(tree.path)).filter((name) => name.startsWith(".everboot-"));
    assert.deepEqual(own.sort(), [".everboot-current", ".everboot-versions"]);
    return served;
  }
  const NETBOOT = ["netboot/initrd.gz", "netboot/linux"];
  const MIRROR = ["dists/bookworm/Release", "dists/bookworm/main/Packages", "pool/main/a.deb"];
  const refusal = (reason: RegExp) => ({ code: "import-refused", message: reason });

  beforeEach(async () => {
    base = await mkdtemp(join(tmpdir(), "everboot-test-"));
    tree = { name: "t", family: "debian", release: "bookworm", arch: "amd64", path: at("tree") };
    await put("net/text/debian-installer/amd64/linux", "net/text/debian-installer/amd64/initrd.gz");
    await put("mirror/pool/main/a.deb", "mirror/dists/bookworm/Release", "mirror/dists/bookworm/main/Packages");
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
      ["ftp://example.org/medium.iso", /no such folder or file$/],
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
    await assertServed(NETBOOT);
  });

  test("several imports add up: each makes a version, with hard links of what the one before had", async () => {
    const seen: ImportProgress[] = [];
    const first = await importTree(at("net"), tree, FAMILIES);
    const old = await assertServed(NETBOOT);
    const result = await importTree(at("mirror"), tree, FAMILIES, { onProgress: (progress) => seen.push(progress) });
    assert.deepEqual([result.kind, result.before, result.adopted], ["mirror", first.version, undefined]);
    const total = 3 * "mirror/".length + "pool/main/a.deb".length + "dists/bookworm/Release".length;
    const last = { step: "take", unit: "bytes", done: total + "dists/bookworm/main/Packages".length };
    assert.deepEqual([seen.length, seen.at(-1)], [3, { ...last, total: last.done }]);
    const served = await assertServed([...MIRROR, ...NETBOOT]);
    const inodes = [old, served].map(async (folder) => (await stat(join(folder, "netboot/linux"))).ino);
    assert.equal(await inodes[0], await inodes[1]);
    assert.equal(await readFile(join(served, "dists/bookworm/Release"), "utf8"), "mirror/dists/bookworm/Release");
  });

  test("the same again makes no version", async () => {
    const { version } = await importTree(at("net"), tree, FAMILIES);
    const again = await importTree(at("net"), tree, FAMILIES);
    assert.deepEqual([again.version, again.before], [version, version]);
    assert.equal((await listVersions(tree.path)).length, 1);
  });

  test("the same again mends what the disk has spoiled", async () => {
    const { version } = await importTree(at("net"), tree, FAMILIES);
    const spoiled = join(await servedFolder(tree.path), "netboot/linux");
    await writeFile(spoiled, "x".repeat((await stat(spoiled)).size));
    assert.equal((await importTree(at("net"), tree, FAMILIES)).version, version);
    await assertServed(NETBOOT);
  });

  test("--replace leaves out what the version before had", async () => {
    await importTree(at("net"), tree, FAMILIES);
    await importTree(at("mirror"), tree, FAMILIES, { replace: true });
    await assertServed(MIRROR);
  });

  test("the files of a plain tree become its first version, and stay where they are", async () => {
    await put("tree/netboot/linux", "tree/notes.txt", "tree/dists/bookworm/Release");
    const { adopted, before } = await importTree(at("net"), tree, FAMILIES);
    assert.equal(before, adopted);
    const served = await assertServed(["dists/bookworm/Release", ...NETBOOT, "notes.txt"]);
    assert.equal(await readFile(join(served, "netboot/linux"), "utf8"), "net/text/debian-installer/amd64/linux");
    assert.equal(await readFile(at("tree/netboot/linux"), "utf8"), "tree/netboot/linux");
    assert.deepEqual((await listVersions(tree.path)).map(({ id, files }) => [id === adopted, files]).sort(), [
      [false, 4],
      [true, 3],
    ]);
    // An index that is written again in place is no file of the version.
    assert.equal((await stat(at("tree/dists/bookworm/Release"))).nlink, 1);
  });

  test("of a mirror's folder only what imports brought is the first version", async () => {
    await put("tree/netboot/linux", "tree/pool/main/kept.deb");
    const manifest = { path: "netboot/linux", size: 18, sha256: "0".repeat(64) };
    await writeFile(at("tree/.everboot-manifest.jsonl"), `${JSON.stringify(manifest)}\n`);
    const mirror: Tree = { ...tree, upstream: "http://192.0.2.1/debian" };
    const { adopted } = await importTree(at("net"), mirror, FAMILIES);
    const first = (await listVersions(tree.path)).find(({ id }) => id === adopted);
    assert.equal(first?.files, 1);
    const packages = refusal(/has packages, and those of this tree come from its upstream: name netboot images alone/);
    await assert.rejects(importTree(at("mirror"), mirror, FAMILIES), packages);
  });

  test("what is beyond the newest three goes, unless it is pinned, in use, or nobody knows", async () => {
    const take = async (text: string, used?: string[]) => {
      await put(`media/${text}/linux`, `media/${text}/initrd.gz`);
      return importTree(at(`media/${text}`), tree, FAMILIES, { used: async () => used && new Set(used) });
    };
    const first = await take("1");
    const second = await take("2");
    await take("3");
    const unknown = await take("4");
    assert.deepEqual(unknown.removed, []);
    assert.match(unknown.notes.join(), /old versions are kept: no daemon tells/);
    const fifth = await take("5", [first.version]);
    assert.deepEqual(fifth.removed, [second.version]);
    assert.equal((await listVersions(tree.path)).length, 4);
  });

  test("a newer netboot image takes the place of the old one", async () => {
    await importTree(at("net"), tree, FAMILIES);
    await put("new/linux", "new/initrd.gz");
    await importTree(at("new"), tree, FAMILIES);
    const served = await assertServed(NETBOOT);
    assert.equal(await readFile(join(served, "netboot/linux"), "utf8"), "new/linux");
  });

  test("of a mirror's symbolic links those to folders are left out, those to files are files", async () => {
    await symlink("bookworm", at("mirror/dists/oldstable"));
    await put("elsewhere/b.deb");
    await symlink(at("elsewhere/b.deb"), at("mirror/pool/main/b.deb"));
    await importTree(at("mirror"), tree, FAMILIES);
    const served = await assertServed([...MIRROR, "pool/main/b.deb"]);
    await rm(at("elsewhere"), { recursive: true });
    assert.equal(await readFile(join(served, "pool/main/b.deb"), "utf8"), "elsewhere/b.deb");
  });

  test("broken off or failed in the middle, the tree is as it was", async () => {
    const { version } = await importTree(at("net"), tree, FAMILIES);
    const stop = new AbortController();
    const options = { signal: stop.signal, onProgress: () => stop.abort(new Error("enough")) };
    await assert.rejects(importTree(at("mirror"), tree, FAMILIES, options), refusal(/broken off before/));
    const failing = importTree(at("mirror"), tree, FAMILIES, {
      onProgress: () => {
        throw Object.assign(new Error("disk full"), { code: "ENOSPC" });
      },
    });
    await assert.rejects(failing, refusal(/no space left for it on the tree's disk/));
    await assertServed(NETBOOT);
    assert.deepEqual(
      (await listVersions(tree.path)).map(({ id }) => id),
      [version],
    );
  });

  test("what killed imports left behind is removed", async () => {
    // No process has the first id: Linux ends at 2^22. The second is ours, of an earlier process.
    const names = ["import-4194999-1", "link-4194999-1", `removed-${process.pid}-1`];
    await put(...names.map((name) => `tree/.everboot-${name}-00000000/half`));
    await importTree(at("net"), tree, FAMILIES);
    await assertServed(NETBOOT);
  });

  test("two at once are one too many", async () => {
    const seconds: Promise<unknown>[] = [];
    await importTree(at("net"), tree, FAMILIES, {
      onProgress: () => {
        const second = importTree(at("mirror"), tree, FAMILIES);
        second.catch(() => undefined);
        seconds.push(second);
      },
    });
    const expected = refusal(new RegExp(`process ${process.pid} takes in something for tree t: wait`));
    assert.equal(seconds.length, 2);
    for (const second of seconds) await assert.rejects(second, expected);
    await assertServed(NETBOOT);
  });
});
