import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, readFile, readlink, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { buildManifest, formatManifest, MANIFEST_NAME, writeManifest } from "../../../src/content/manifest.ts";
import {
  currentVersion,
  isVersionId,
  listVersions,
  readVersionManifest,
  servedFolder,
  versionFolder,
  versionId,
} from "../../../src/content/versions.ts";
import {
  pruneVersions,
  publishVersion,
  removeVersion,
  setPinned,
  switchCurrent,
} from "../../../src/content/versions-change.ts";
import { versionedResolver } from "../../../src/content/versions-resolver.ts";
import { inStaging, removeLeftovers, WorkUnderWay, workName } from "../../../src/content/versions-work.ts";

const NONE: ReadonlySet<string> = new Set();
const UNKNOWN = "0123456789ab";

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "everboot-test-"));
});
afterEach(() => rm(root, { recursive: true }));

async function put(folder: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
}

/** A version of these files, `minutes` after 1970. */
async function publish(files: Readonly<Record<string, string>>, minutes = 1): Promise<string> {
  const folder = join(root, "staged");
  await put(folder, files);
  await writeManifest(folder, await buildManifest(folder));
  await utimes(join(folder, MANIFEST_NAME), minutes * 60, minutes * 60);
  const id = await publishVersion(root, folder);
  await rm(folder, { recursive: true, force: true });
  return id;
}

describe("versions of a tree", () => {
  test("a plain tree has none, nor has one that is not there", async () => {
    for (const path of [root, join(root, "none")]) {
      assert.equal(await currentVersion(path), undefined);
      assert.deepEqual(await listVersions(path), []);
      assert.equal(await servedFolder(path), path);
    }
  });

  test("the id is the beginning of the manifest's hash", async () => {
    const id = await publish({ "a/b": "text" });
    const manifest = await readVersionManifest(root, id);
    assert.equal(id, versionId(manifest));
    assert.equal(formatManifest(manifest), await readFile(join(versionFolder(root, id), MANIFEST_NAME), "utf8"));
    assert.ok(isVersionId(id));
    assert.ok(![`${id}0`, id.toUpperCase().replace(/\d/g, "A"), "../..", ""].some(isVersionId));
  });

  test("are listed newest first, with what they are", async () => {
    const [first, second] = [await publish({ a: "1" }, 1), await publish({ a: "2", b: "34" }, 2)];
    await switchCurrent(root, first);
    await setPinned(root, second, true);
    assert.deepEqual(await listVersions(root), [
      { id: second, made: 120_000, files: 2, bytes: 3, current: false, pinned: true },
      { id: first, made: 60_000, files: 1, bytes: 1, current: true, pinned: false },
    ]);
    await setPinned(root, second, false);
    assert.ok((await listVersions(root)).every(({ pinned }) => !pinned));
  });

  test("are switched by exchanging a relative link", async () => {
    const [first, second] = [await publish({ a: "1" }), await publish({ a: "2" })];
    for (const id of [first, second, first]) {
      await switchCurrent(root, id);
      assert.equal(await readlink(join(root, ".everboot-current")), `.everboot-versions/${id}`);
      assert.equal(await currentVersion(root), id);
      assert.equal(await servedFolder(root), versionFolder(root, id));
    }
    await assert.rejects(switchCurrent(root, UNKNOWN), { code: "version-unknown", message: /it has [0-9a-f]{12}, / });
  });

  test("a link that is none of ours is trouble, no plain tree", async () => {
    const link = join(root, ".everboot-current");
    for (const text of ["elsewhere", "/etc", `.everboot-versions/${UNKNOWN}0`]) {
      await symlink(text, link);
      await assert.rejects(currentVersion(root), { code: "state-broken" });
      await rm(link);
    }
    await writeFile(link, "text");
    await assert.rejects(currentVersion(root), { code: "state-broken" });
  });

  test("a manifest that is not the id's is trouble", async () => {
    const id = await publish({ a: "1" });
    const path = join(versionFolder(root, id), MANIFEST_NAME);
    await writeFile(path, (await readFile(path, "utf8")).replace(/"size":1/, '"size":2'));
    await assert.rejects(listVersions(root), { code: "state-broken", message: /not that of version/ });
    await assert.rejects(switchCurrent(root, id), { code: "state-broken" });
    await rm(path);
    await assert.rejects(readVersionManifest(root, id), { code: "state-broken", message: /it is not there/ });
    await removeVersion(root, id, NONE);
  });

  test("published again, a version is mended", async () => {
    const id = await publish({ a: "1", "b/c": "2" });
    await rm(join(versionFolder(root, id), "b"), { recursive: true });
    await writeFile(join(versionFolder(root, id), "a"), "x");
    assert.equal(await publish({ a: "1", "b/c": "2" }), id);
    assert.deepEqual(await buildManifest(versionFolder(root, id)), await readVersionManifest(root, id));
  });

  test("the current, a pinned and a used one are not removed", async () => {
    const current = await publish({ a: "1" });
    const pinned = await publish({ a: "2" });
    const used = await publish({ a: "3" });
    const free = await publish({ a: "4" });
    await switchCurrent(root, current);
    await setPinned(root, pinned, true);
    const kept = (message: RegExp) => ({ code: "version-kept", message });
    const inUse = new Set([used]);
    await assert.rejects(removeVersion(root, current, inUse), kept(/is served, and is kept: serve another/));
    await assert.rejects(removeVersion(root, pinned, inUse), kept(/is pinned, and is kept: unpin/));
    await assert.rejects(removeVersion(root, used, inUse), kept(/running installs, and is kept: wait/));
    await removeVersion(root, free, inUse);
    await assert.rejects(removeVersion(root, free, inUse), { code: "version-unknown" });
    assert.deepEqual((await readdir(join(root, ".everboot-versions"))).sort(), [current, pinned, used].sort());
    assert.deepEqual((await readdir(root)).sort(), [".everboot-current", ".everboot-versions"]);
  });

  test("the oldest go first, those that must stay never", async () => {
    const ids: string[] = [];
    for (const minute of [1, 2, 3, 4, 5, 6]) ids.push(await publish({ a: String(minute) }, minute));
    const [first = "", second = "", third = "", fourth = ""] = ids;
    await switchCurrent(root, first);
    await setPinned(root, second, true);
    assert.deepEqual(await pruneVersions(root, new Set([third]), 2), [fourth]);
    assert.deepEqual(await pruneVersions(root, NONE, 2), [third]);
    assert.equal((await listVersions(root)).length, 4);
  });
});

describe("work in a tree's folder", () => {
  test("is removed once its process has ended, and left alone before", async () => {
    const running = workName("import");
    // Our own process id, but of a process that was started at another time.
    const ended = running.replace(/-\d+-([0-9a-f]+)$/, "-1-$1");
    await put(root, { [`${running}/a`]: "", [`${ended}/a`]: "", ".everboot-mirror/a": "", "import-1-1": "" });
    await removeLeftovers(root);
    assert.deepEqual((await readdir(root)).sort(), [running, ".everboot-mirror", "import-1-1"].sort());
  });

  test("on a version is one at a time", async () => {
    await inStaging(root, async () => {
      await assert.rejects(
        inStaging(root, async () => undefined),
        (error: unknown) => error instanceof WorkUnderWay && error.pid === process.pid,
      );
    });
    assert.equal(await inStaging(root, async () => "free again"), "free again");
    assert.deepEqual(await readdir(root), []);
  });
});

describe("serving versions", () => {
  async function kindAndTag(found: Promise<unknown>): Promise<unknown> {
    const lookup = (await found) as { kind: string; file?: { etag: string } };
    return lookup.file?.etag ?? lookup.kind;
  }

  test("a plain tree as it lies, then the current version, and each by its id", async () => {
    await put(root, { a: "plain" });
    const { lookup, version, current } = versionedResolver(root);
    assert.equal(await current(), undefined);
    const plain = await kindAndTag(lookup("a"));
    const [first, second] = [await publish({ a: "1" }), await publish({ a: "2" })];
    await switchCurrent(root, first);
    const [one, two] = [await kindAndTag(version(first)("a")), await kindAndTag(version(second)("a"))];
    assert.equal(new Set([plain, one, two]).size, 3);
    assert.equal(await kindAndTag(lookup("a")), one);
    await switchCurrent(root, second);
    assert.deepEqual([await current(), await kindAndTag(lookup("a"))], [second, two]);
    assert.equal(await kindAndTag(version(first)("a")), one);
    await removeVersion(root, first, NONE);
    assert.equal(await kindAndTag(version(first)("a")), "absent");
  });

  test("what is none is absent; a current one that is gone is an outage", async () => {
    const id = await publish({ a: "1" });
    await switchCurrent(root, id);
    const { lookup, version } = versionedResolver(root);
    for (const none of [UNKNOWN, "..", "", id.slice(1)]) assert.equal(await kindAndTag(version(none)("a")), "absent");
    assert.equal(await kindAndTag(version(id)(`../${id}/a`)), "refused");
    assert.equal(await kindAndTag(lookup(`.everboot-versions/${id}/a`)), "absent");
    await rm(versionFolder(root, id), { recursive: true });
    assert.equal(await kindAndTag(lookup("a")), "broken");
    await rm(join(root, ".everboot-current"));
    await symlink("elsewhere", join(root, ".everboot-current"));
    assert.equal(await kindAndTag(lookup("a")), "broken");
  });
});
