import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { EverbootError } from "../../../src/base/errors.ts";
import { silentLog } from "../../../src/base/log.ts";
import { buildManifest, writeManifest } from "../../../src/content/manifest.ts";
import { openTree } from "../../../src/content/tree.ts";
import { currentVersion } from "../../../src/content/versions.ts";
import { publishVersion, switchCurrent } from "../../../src/content/versions-change.ts";
import type { Tree } from "../../../src/site/model.ts";

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "everboot-test-"));
});
afterEach(() => rm(root, { recursive: true }));

async function put(path: string, text: string): Promise<void> {
  await mkdir(dirname(join(root, path)), { recursive: true });
  await writeFile(join(root, path), text);
}

async function publish(linux: string): Promise<string> {
  await put("staged/netboot/linux", linux);
  await writeManifest(join(root, "staged"), await buildManifest(join(root, "staged")));
  const id = await publishVersion(root, join(root, "staged"));
  await switchCurrent(root, id);
  return id;
}

const options = {
  log: silentLog,
  timing: { retries: [] },
  findUpstream: async () => Promise.reject(new EverbootError("upstream-unavailable")),
};

for (const upstream of [undefined, "apt"]) {
  test(`${upstream ? "a mirror's own files are" : "a folder is"} of the version that is served`, async () => {
    const base = { name: "t", family: "debian", release: "bookworm", arch: "amd64", path: root };
    const tree: Tree = { ...base, ...(upstream && { upstream, keyring: join(root, "none.gpg") }) };
    await put("netboot/linux", "as it lies");
    await put("notes.txt", "as it lies");
    const { lookup, version, close } = await openTree(tree, options);
    const sizeOf = async (found: ReturnType<typeof lookup>) => {
      const answer = await found;
      return answer.kind === "file" ? answer.file.size : answer.kind;
    };
    try {
      assert.equal(await sizeOf(lookup("netboot/linux")), "as it lies".length);
      const [first, second] = [await publish("first kernel"), await publish("kernel")];
      assert.equal(await currentVersion(root), second);
      assert.equal(await sizeOf(lookup("netboot/linux")), "kernel".length);
      assert.equal(await sizeOf(version(first)("netboot/linux")), "first kernel".length);
    } finally {
      await close();
    }
  });
}
