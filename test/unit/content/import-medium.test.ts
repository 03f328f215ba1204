/** Install media: as folders, and as ISO files, which bsdtar makes here as well as it reads them. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  chmod,
  copyFile,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  truncate,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { MOST_TEXT } from "../../../src/content/detect-tree.ts";
import { identify, importTree } from "../../../src/content/import.ts";
import { isIsoFile, isoFiles } from "../../../src/content/import-iso.ts";
import { readManifest, verifyTree } from "../../../src/content/manifest.ts";
import { servedFolder } from "../../../src/content/versions.ts";
import { debian } from "../../../src/os/debian.ts";
import { redhat } from "../../../src/os/redhat.ts";
import { ubuntu } from "../../../src/os/ubuntu.ts";
import type { Tree } from "../../../src/site/model.ts";

const FAMILIES = new Map([debian, redhat, ubuntu].map((family) => [family.name, family]));
const TREEINFO = "[general]\narch = x86_64\nversion = 9.6\n[release]\nname = Rocky Linux\n";
const ROCKY = {
  ".treeinfo": TREEINFO,
  "BaseOS/Packages/b/bash-5.1.8-9.el9.x86_64.rpm": "bash",
  "BaseOS/repodata/repomd.xml": "index",
  "images/install.img": "stage 2",
  "images/pxeboot/initrd.img": "initrd",
  "images/pxeboot/vmlinuz": "kernel",
};
const UBUNTU = {
  ".disk/info": 'Ubuntu-Server 24.04.2 LTS "Noble Numbat" - Release amd64 (20250216.1)',
  "casper/initrd": "initrd",
  "casper/vmlinuz": "kernel",
  "dists/noble/Release": "Origin: Ubuntu\nCodename: noble\n",
  "pool/main/ä [1].deb": "package",
};

let base: string;
const at = (path: string) => join(base, path);
const refusal = (reason: RegExp) => ({ code: "import-refused", message: reason });
const rocky9 = (): Tree => ({
  ...{ name: "rocky-9", family: "redhat", release: "9", arch: "amd64" },
  path: at("trees/rocky-9"),
});
const noble = (): Tree => ({ ...rocky9(), name: "noble", family: "ubuntu", release: "24.04", path: at("trees/noble") });

beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), "everboot-test-"));
});
afterEach(() => rm(base, { recursive: true }));

async function put(folder: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(at(`${folder}/${path}`)), { recursive: true });
    await writeFile(at(`${folder}/${path}`), text);
  }
}

async function assertTree(root: string, paths: readonly string[]): Promise<string> {
  const served = await servedFolder(root);
  const manifest = await readManifest(served);
  assert.deepEqual(manifest && [...manifest.keys()].sort(), [...paths].sort());
  assert.deepEqual(manifest && (await verifyTree(served, manifest)), []);
  assert.deepEqual((await readdir(root)).filter((name) => name.startsWith(".everboot-")).sort(), [
    ".everboot-current",
    ".everboot-versions",
  ]);
  return served;
}

describe("a medium in a folder", () => {
  test("is taken in whole, as hard links", async () => {
    await put("medium", ROCKY);
    const { kind, files, found } = await importTree(at("medium"), rocky9(), FAMILIES);
    assert.deepEqual([kind, files.length, found?.product], ["medium", 6, "Rocky Linux 9.6"]);
    const served = await assertTree(rocky9().path, Object.keys(ROCKY));
    const [own, other] = await Promise.all(
      [served, at("medium")].map(async (root) => (await stat(join(root, "images/install.img"))).ino),
    );
    assert.equal(own, other);
  });

  test("is refused by a tree of another family, release or architecture", async () => {
    await put("medium", ROCKY);
    const cases: Array<[Partial<Tree>, string, string]> = [
      [{ name: "rocky-8", release: "8" }, "rocky-8 is redhat 8 for amd64", "release"],
      [{ release: "9.5" }, "rocky-9 is redhat 9.5 for amd64", "release"],
      [{ arch: "arm64" }, "rocky-9 is redhat 9 for arm64", "arch"],
      [{ family: "ubuntu", release: "24.04" }, "rocky-9 is ubuntu 24.04 for amd64", "family"],
      [{ family: "debian", release: "bookworm" }, "rocky-9 is debian bookworm for amd64", "family"],
    ];
    for (const [change, declared, key] of cases) {
      const reason = `this is Rocky Linux 9\\.6 for amd64 \\(family redhat\\), and tree ${declared}: .*its \`${key}\`$`;
      await assert.rejects(
        importTree(at("medium"), { ...rocky9(), ...change }, FAMILIES),
        refusal(new RegExp(`/medium: ${reason}`)),
      );
    }
    assert.deepEqual(await readdir(base), ["medium"]);
  });

  test("links to its own files are taken in as files, others are left out", async () => {
    await put("medium", ROCKY);
    await writeFile(at("secret"), "secret");
    await symlink("../secret", at("medium/leaves"));
    await symlink("pxeboot/vmlinuz", at("medium/images/kernel"));
    await symlink("images", at("medium/folder"));
    await importTree(at("medium"), rocky9(), FAMILIES);
    const served = await assertTree(rocky9().path, [...Object.keys(ROCKY), "images/kernel"]);
    assert.equal(await readFile(join(served, "images/kernel"), "utf8"), "kernel");
  });

  test("that is the tree's own folder already becomes a version of it", async () => {
    await put("trees/rocky-9", ROCKY);
    await importTree(rocky9().path, rocky9(), FAMILIES);
    await assertTree(rocky9().path, Object.keys(ROCKY));
  });

  test("of Ubuntu must have its ISO file beside it", async () => {
    await put("medium", UBUNTU);
    await assert.rejects(importTree(at("medium"), noble(), FAMILIES), refusal(/has no live\.iso, .* put it there/));
    await put("medium", { "live.iso": "all of it" });
    await importTree(at("medium"), noble(), FAMILIES);
    await assertTree(noble().path, [...Object.keys(UBUNTU), "live.iso"]);
  });
});

test("without bsdtar an ISO file is refused with what to do", async () => {
  const iso = at("medium.iso");
  const sector = Buffer.alloc(17 * 2048);
  sector.write("\x01CD001\x01", 16 * 2048, "latin1");
  await writeFile(iso, sector);
  const path = process.env.PATH;
  await symlink("/usr/bin/env", at("env"));
  process.env.PATH = base;
  try {
    const advice = /bsdtar.* is not here: install package libarchive-tools, or mount the file/;
    await assert.rejects(identify(iso, FAMILIES), refusal(advice));
    await assert.rejects(importTree(iso, rocky9(), FAMILIES), refusal(advice));
  } finally {
    process.env.PATH = path;
  }
});

test("what is too short for an ISO file, or only called so, is none", async () => {
  await writeFile(at("short.iso"), "CD001");
  await writeFile(at("zeros.iso"), Buffer.alloc(1 << 16));
  for (const name of ["short.iso", "zeros.iso"]) {
    assert.equal(await isIsoFile(at(name)), false);
    await assert.rejects(identify(at(name), FAMILIES), refusal(/neither a folder nor an ISO file/));
  }
});

function isoObstacle(): string | false {
  try {
    execFileSync("bsdtar", ["--version"]);
    return false;
  } catch {
    return "needs bsdtar (package libarchive-tools)";
  }
}

describe("a medium as an ISO file", { skip: isoObstacle() }, () => {
  /** With folders that nobody may write to, as on media. */
  async function makeIso(name: string, files: Readonly<Record<string, string>>): Promise<string> {
    await put(name, files);
    await chmod(at(`${name}/${dirname(Object.keys(files)[1] ?? "")}`), 0o555);
    const env = { ...process.env, LC_ALL: "C.UTF-8" };
    execFileSync("bsdtar", ["--format=iso9660", "-cf", at(`${name}.iso`), "-C", at(name), "."], { env });
    await chmod(at(`${name}/${dirname(Object.keys(files)[1] ?? "")}`), 0o755);
    return at(`${name}.iso`);
  }

  test("is unpacked into the tree, with nothing left beside it", async () => {
    const iso = await makeIso("rocky", ROCKY);
    assert.equal((await identify(iso, FAMILIES)).product, "Rocky Linux 9.6");
    await importTree(iso, rocky9(), FAMILIES);
    const served = await assertTree(rocky9().path, Object.keys(ROCKY));
    assert.equal(await readFile(join(served, ".treeinfo"), "utf8"), TREEINFO);
    assert.equal((await stat(join(served, "images/pxeboot/vmlinuz"))).mode & 0o777, 0o644);
  });

  test("of Ubuntu goes into the tree itself too, also through a link to it", async () => {
    const iso = await makeIso("ubuntu", UBUNTU);
    await symlink(iso, at("link"));
    await importTree(at("link"), noble(), FAMILIES);
    const served = await assertTree(noble().path, [...Object.keys(UBUNTU), "live.iso"]);
    assert.ok((await readFile(iso)).equals(await readFile(join(served, "live.iso"))));
  });

  test("of another release is refused before anything is unpacked", async () => {
    const iso = await makeIso("rocky", ROCKY);
    await assert.rejects(importTree(iso, { ...rocky9(), release: "8" }, FAMILIES), refusal(/and tree rocky-9 is/));
    await assert.rejects(stat(rocky9().path), { code: "ENOENT" });
  });

  test("of Debian is taken in as a mirror, and refused by its own name", async () => {
    const release = { "dists/bookworm/Release": "Origin: Debian\nCodename: bookworm\n" };
    const tree: Tree = { ...rocky9(), family: "debian", release: "bookworm" };
    const iso = await makeIso("debian", { ...release, "pool/a.deb": "a", "install.amd/vmlinuz": "kernel" });
    assert.equal((await importTree(iso, tree, FAMILIES)).kind, "mirror");
    await assertTree(tree.path, [...Object.keys(release), "pool/a.deb"]);
    const halves = await makeIso("half", { ...release, "install.amd/vmlinuz": "kernel" });
    await assert.rejects(importTree(halves, tree, FAMILIES), refusal(/half\.iso: has neither linux and initrd\.gz/));
  });

  test("can be cut short: the tree stays as it was", async () => {
    const whole = await makeIso("rocky", { ...ROCKY, "zz/last.rpm": "x".repeat(1 << 20) });
    await copyFile(whole, at("cut.iso"));
    await truncate(at("cut.iso"), (await stat(whole)).size - (1 << 20));
    await assert.rejects(importTree(at("cut.iso"), rocky9(), FAMILIES), refusal(/cut\.iso: bsdtar cannot read it: ./));
    assert.deepEqual(await readdir(rocky9().path).catch(() => []), []);
  });

  test("broken off, it leaves nothing", async () => {
    const iso = await makeIso("rocky", ROCKY);
    const signal = AbortSignal.abort(new Error("enough"));
    await assert.rejects(importTree(iso, rocky9(), FAMILIES, { signal }), refusal(/broken off before/));
    assert.deepEqual(await readdir(rocky9().path), []);
  });

  test("shows its files as a folder would", async () => {
    const files = await isoFiles(
      await makeIso("m", { "long[1]": "x".repeat(2 * MOST_TEXT), "a/b": "b", "a b/c?": "c" }),
    );
    assert.deepEqual(files.names(""), ["a", "a b", "long[1]"]);
    assert.deepEqual(files.names("a"), ["b"]);
    assert.deepEqual([files.names("none"), files.names("a/b")], [[], []]);
    assert.deepEqual(
      ["a", "a/b", "none", "a/"].map((path) => files.has(path)),
      [true, true, false, false],
    );
    assert.deepEqual(
      ["a", "a/b", "none", "a b/c?", "../m.iso"].map((path) => files.text(path)),
      [undefined, "b", undefined, "c", undefined],
    );
    assert.equal(files.text("long[1]"), "x".repeat(MOST_TEXT));
  });
});
