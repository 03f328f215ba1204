/** What folders the FTP server shows. */
import assert from "node:assert/strict";
import { mkdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { CURRENT_NAME, linkText, VERSIONS_NAME } from "../../../../src/content/versions.ts";
import { diskFolder } from "../../../../src/server/ftp/disk-folder.ts";
import type { FolderLookup } from "../../../../src/server/ftp/folders.ts";
import { createSiteFolders } from "../../../../src/server/ftp/site-folders.ts";
import { type Folder, temporaryFolder } from "../../../support/http-folder.ts";

const FROM = { address: "10.0.0.9", protocol: "ftp" } as const;
const [OLD, NEW] = ["0123456789ab", "ba9876543210"];

async function names(lookup: FolderLookup | Promise<FolderLookup>): Promise<string | readonly string[]> {
  const found = await lookup;
  return found.kind === "folder"
    ? (await found.entries()).map(({ name, kind }) => (kind === "folder" ? `${name}/` : name))
    : found.kind;
}

test("files, folders, and links that stay inside; nothing else", async () => {
  await using folder = await temporaryFolder();
  await folder.put("secret/x", "x");
  await folder.put("tree/b", "12345");
  await folder.put("tree/a/inner", "1");
  await folder.put("tree/.everboot-manifest.jsonl", "");
  await folder.put("tree/line\nbreak", "");
  const root = join(folder.path, "tree");
  await symlink("b", join(root, "link"));
  await symlink("a", join(root, "way"));
  for (const [name, to] of [
    ["out", "../secret"],
    ["nowhere", "absent"],
  ] as const)
    await symlink(to, join(root, name));
  assert.deepEqual(await names(diskFolder(root, "")), ["a/", "b", "link", "way/"]);
  assert.deepEqual(await names(diskFolder(root, "way")), ["inner"]);
  const kinds = ["absent", "b", "b/x", ".everboot-versions", "out", "../secret", "a//inner"].map(
    async (path) => (await diskFolder(root, path)).kind,
  );
  assert.deepEqual(await Promise.all(kinds), ["absent", "absent", "absent", "absent", "refused", "refused", "refused"]);
  const found = await diskFolder(root, "");
  const entry = found.kind === "folder" ? (await found.entries()).find(({ name }) => name === "link") : undefined;
  assert.equal(entry?.size, 5);
});

async function versionedTree(folder: Folder): Promise<string> {
  await folder.put(`tree/${VERSIONS_NAME}/${OLD}/old`, "");
  await folder.put(`tree/${VERSIONS_NAME}/${NEW}/dists/new`, "");
  const path = join(folder.path, "tree");
  await symlink(linkText(NEW), join(path, CURRENT_NAME));
  return path;
}

test("a tree by its name is the current version, by a version's id that one", async () => {
  await using folder = await temporaryFolder();
  const path = await versionedTree(folder);
  await folder.put("plain/file", "");
  await mkdir(join(folder.path, "mirror"));
  const trees = new Map(
    [
      { name: "tree", path },
      { name: "plain", path: join(folder.path, "plain") },
      { name: "mirror", path: join(folder.path, "mirror"), upstream: "http://192.0.2.1/debian" },
    ].map((tree) => [tree.name, tree]),
  );
  const folders = createSiteFolders({ trees: () => trees });
  const at = (where: string) => names(folders(where, FROM));
  assert.deepEqual(await at("/"), ["trees/"]);
  assert.deepEqual(await at("/trees"), ["mirror/", "plain/", "tree/"]);
  assert.deepEqual(await at("/trees/tree"), ["dists/"]);
  assert.deepEqual(await at("/trees/tree/dists"), ["new"]);
  assert.deepEqual(await at(`/trees/tree@${OLD}`), ["old"]);
  assert.deepEqual(await at("/trees/plain"), ["file"]);
  for (const where of [
    "/trees/absent",
    "/trees/tree@x",
    "/trees/tree@0123456789ac",
    "/trees/tree/x",
    "/trees/tree@../x",
  ]) {
    assert.equal(await at(where), "absent", where);
  }
  // A client that walks by CWD must get to what a mirror has not fetched yet, and to what is made for it.
  for (const where of ["/trees/mirror/pool/main", "/boot/ipxe"]) assert.deepEqual(await at(where), [], where);
});
