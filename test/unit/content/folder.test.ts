import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmod, mkdir, mkdtemp, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { lookupOfError } from "../../../src/content/disk-file.ts";
import { folderResolver } from "../../../src/content/folder.ts";
import { buildManifest, writeManifest } from "../../../src/content/manifest.ts";
import type { Lookup, ServedFile } from "../../../src/content/served-file.ts";

function fileOf(found: Lookup): ServedFile {
  assert.equal(found.kind, "file");
  if (found.kind !== "file") throw new Error("not a file");
  return found.file;
}

describe("a folder as a tree", () => {
  let base: string;
  let root: string;

  beforeEach(async () => {
    base = await mkdtemp(join(tmpdir(), "everboot-test-"));
    root = join(base, "tree");
    await mkdir(join(root, "sub"), { recursive: true });
    await writeFile(join(root, "sub/file+1~a.deb"), "12345");
    await writeFile(join(base, "secret"), "secret");
    await mkdir(join(base, "tree-beside"));
    await writeFile(join(base, "tree-beside/secret"), "secret");
  });
  afterEach(() => rm(base, { recursive: true }));

  test("serves regular files with size, time and type", async () => {
    await utimes(join(root, "sub/file+1~a.deb"), 1000, 1000);
    const file = fileOf(await folderResolver(root)("sub/file+1~a.deb"));
    assert.equal(file.size, 5);
    assert.equal(file.modified, 1_000_000);
    assert.equal(file.contentType, "application/vnd.debian.binary-package");
    assert.match(file.etag, /^"[0-9a-f]{32}"$/);
  });

  test("folders and missing files are absent", async () => {
    const lookup = folderResolver(root);
    for (const path of ["sub", "none", "sub/file+1~a.deb/below", "x".repeat(300)]) {
      assert.deepEqual(await lookup(path), { kind: "absent" }, path);
    }
    assert.deepEqual(await folderResolver(join(base, "nowhere"))("file"), { kind: "absent" });
  });

  test("no path leads outside", async () => {
    const lookup = folderResolver(root);
    for (const path of ["../secret", "sub/../../secret", "/etc/passwd", "sub//x", "./sub", "", "sub/", "a\0b"]) {
      assert.deepEqual(await lookup(path), { kind: "refused" }, path);
    }
  });

  test("symbolic links are followed inside the tree and refused when they leave it", async () => {
    await symlink("sub/file+1~a.deb", join(root, "inside"));
    await symlink("sub", join(root, "folder"));
    await symlink("../secret", join(root, "outside"));
    await symlink("../tree-beside", join(root, "beside"));
    await symlink("/etc", join(root, "etc"));
    await symlink("circle", join(root, "circle"));
    await symlink("nothing", join(root, "dangling"));
    const lookup = folderResolver(root);
    assert.equal(fileOf(await lookup("inside")).size, 5);
    assert.equal(fileOf(await lookup("folder/file+1~a.deb")).size, 5);
    for (const path of ["outside", "beside/secret", "etc/hostname", "circle"]) {
      assert.deepEqual(await lookup(path), { kind: "refused" }, path);
    }
    assert.deepEqual(await lookup("dangling"), { kind: "absent" });
  });

  test("the root itself may be a symbolic link", async () => {
    await symlink("tree", join(base, "link"));
    assert.equal(fileOf(await folderResolver(join(base, "link"))("sub/file+1~a.deb")).size, 5);
  });

  test("a pipe is refused, and does not block", async () => {
    execFileSync("mkfifo", [join(root, "pipe")]);
    assert.deepEqual(await folderResolver(root)("pipe"), { kind: "refused" });
  });

  const asRoot = process.getuid?.() === 0 ? "root may read everything" : false;
  test("a file that may not be read is refused", { skip: asRoot }, async () => {
    await chmod(join(root, "sub/file+1~a.deb"), 0);
    assert.deepEqual(await folderResolver(root)("sub/file+1~a.deb"), { kind: "refused" });
  });

  test("Everboot's own files are not served", async () => {
    await writeManifest(root, await buildManifest(root));
    assert.deepEqual(await folderResolver(root)(".everboot-manifest.jsonl"), { kind: "absent" });
    assert.deepEqual(await folderResolver(root)(".everboot-mirror/x"), { kind: "absent" });
  });

  test("with a manifest the tag is that of the bytes, until the file is changed", async () => {
    const path = join(root, "sub/file+1~a.deb");
    const lookup = folderResolver(root);
    const found = async () => fileOf(await lookup("sub/file+1~a.deb"));
    const tag = async () => (await found()).etag;
    const byTime = await tag();
    assert.equal((await found()).isUnlisted, undefined, "nothing is listed");
    await writeManifest(root, await buildManifest(root));
    const byHash = await tag();
    assert.notEqual(byHash, byTime);
    await utimes(path, 1000, 1000);
    assert.equal(await tag(), byHash, "another time, the same bytes");
    assert.equal((await found()).isUnlisted, undefined);
    await writeFile(path, "54321");
    await utimes(path, 2 ** 32, 2 ** 32);
    assert.notEqual(await tag(), byHash, "written after the manifest");
    assert.equal((await found()).isUnlisted, true);
    await writeFile(join(root, ".everboot-manifest.jsonl"), "nonsense\n");
    assert.notEqual(await tag(), byHash);
  });
});

test("what the system's errors mean", () => {
  const lookup = (code: string) => lookupOfError(Object.assign(new Error(code), { code }));
  for (const code of ["ENOENT", "ENOTDIR"]) assert.deepEqual(lookup(code), { kind: "absent" });
  for (const code of ["EACCES", "EPERM", "ELOOP"]) assert.deepEqual(lookup(code), { kind: "refused" });
  for (const code of ["EIO", "EMFILE", "ENFILE", "ESTALE", "ENOSPC"]) {
    assert.deepEqual(lookup(code), { kind: "broken", code: "store-unavailable" });
  }
  assert.throws(() => lookupOfError(new TypeError("a bug")), TypeError);
});
