/** The versions of a pull-through mirror: what one install run sees from its first host to its last. */
import assert from "node:assert/strict";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";
import { type Clock, systemClock } from "../../src/base/clock.ts";
import { silentLog } from "../../src/base/log.ts";
import { type OpenTree, openMirror } from "../../src/content/mirror.ts";
import { currentVersion, listVersions } from "../../src/content/versions.ts";
import { setPinned } from "../../src/content/versions-change.ts";
import { Archive, archiveObstacle, bytesOf, SigningKey, tempFolder, UpstreamServer } from "./mirror-lab.ts";

const DISTS = "dists/bookworm";
const IN_RELEASE = `${DISTS}/InRelease`;
const PACKAGES = `${DISTS}/main/binary-amd64/Packages.xz`;
const LINUX = "netboot/linux";
const FIRST_DATE = 1_700_000_000;
const HOUR = 60 * 60_000;

describe("versions of a pull-through mirror", { skip: archiveObstacle() }, () => {
  let key: SigningKey;
  let archive: Archive;
  let upstream: UpstreamServer;
  let folder: string;
  let mirror: OpenTree;
  let deb: string;
  let offset: number;
  let date: number;
  const clock: Clock = { now: () => systemClock.now() + offset, after: systemClock.after };

  function open(path: string): Promise<OpenTree> {
    const about = { name: "t", family: "debian", release: "bookworm", arch: "amd64" };
    const timing = { retries: [], patience: HOUR, probe: 0 };
    return openMirror(
      { ...about, path, upstream: upstream.url, keyring: key.keyring },
      { log: silentLog, clock, timing },
    );
  }

  /** The upstream gets a new package and index files that are newer by a minute; an hour passes. */
  async function moveOn(name: string): Promise<string> {
    const path = await archive.addPackage(name, "1");
    date += 60;
    await archive.publish(key, date);
    offset += HOUR;
    return path;
  }

  async function currentId(): Promise<string> {
    const id = await mirror.current();
    assert.ok(id !== undefined);
    return id;
  }

  before(async () => {
    key = await SigningKey.create();
  });
  after(() => key.remove());

  beforeEach(async () => {
    offset = 0;
    date = FIRST_DATE;
    archive = await Archive.create();
    deb = await archive.addPackage("lab-one", "1");
    await archive.publish(key, date);
    upstream = new UpstreamServer(archive);
    await upstream.start();
    folder = await tempFolder();
    await mkdir(join(folder, "netboot"));
    await writeFile(join(folder, LINUX), "kernel");
    mirror = await open(folder);
  });
  afterEach(async () => {
    await mirror.close();
    await upstream.stop();
    await archive.remove();
    await rm(folder, { recursive: true });
  });

  test("an install run sees one state to its end, while the next run sees the newer one", async () => {
    const before = await currentId();
    const frozen = mirror.version(before);
    const old = await Promise.all([IN_RELEASE, PACKAGES, deb].map((path) => bytesOf(frozen, path)));
    const next = await moveOn("lab-two");
    await rm(archive.path(deb));
    assert.notEqual(await currentId(), before);
    for (const path of [IN_RELEASE, PACKAGES, next]) {
      assert.ok((await bytesOf(mirror.version(await currentId()), path)).equals(await archive.read(path)), path);
    }
    assert.deepEqual(await Promise.all([IN_RELEASE, PACKAGES, deb].map((path) => bytesOf(frozen, path))), old);
    assert.deepEqual(await frozen(next), { kind: "refused" });
  });

  test("an index file that is first asked for when the upstream has moved on is no other state's", async () => {
    const frozen = mirror.version(await currentId());
    await moveOn("lab-two");
    assert.deepEqual(await frozen(PACKAGES), { kind: "broken", code: "upstream-mismatch" });
  });

  test("the id stands for the signed files: equal on every server", async () => {
    const other = await tempFolder();
    await mkdir(join(other, "netboot"));
    await writeFile(join(other, LINUX), "kernel");
    const second = await open(other);
    try {
      assert.equal(await second.current(), await currentId());
      await moveOn("lab-two");
      assert.equal(await second.current(), await currentId());
      assert.equal((await listVersions(other)).length, 2);
    } finally {
      await second.close();
      await rm(other, { recursive: true });
    }
  });

  test("kernel and signed files of a version belong together", async () => {
    const before = await currentId();
    assert.equal((await bytesOf(mirror.version(before), LINUX)).toString(), "kernel");
    await rm(join(folder, "netboot"), { recursive: true });
    await moveOn("lab-two");
    assert.equal((await bytesOf(mirror.version(await currentId()), LINUX)).toString(), "kernel");
    await mkdir(join(folder, "by-hand"));
    await writeFile(join(folder, "by-hand/note"), "later");
    assert.equal((await bytesOf(mirror.lookup, "by-hand/note")).toString(), "later");
    assert.deepEqual(await mirror.lookup(".everboot-current"), { kind: "absent" });
  });

  test("with a pinned version the mirror stands still, and goes on when it is unpinned", async () => {
    const before = await currentId();
    const old = await bytesOf(mirror.lookup, IN_RELEASE);
    await setPinned(folder, before, true);
    await moveOn("lab-two");
    assert.equal(await currentId(), before);
    assert.ok((await bytesOf(mirror.lookup, IN_RELEASE)).equals(old));
    assert.equal((await listVersions(folder)).length, 2, "the newer state is fetched beside");
    await setPinned(folder, before, false);
    offset += HOUR;
    assert.ok((await bytesOf(mirror.lookup, IN_RELEASE)).equals(await archive.read(IN_RELEASE)));
    assert.notEqual(await currentId(), before);
  });

  test("versions of the last day stay, older ones go but for three", async () => {
    for (const name of ["lab-2", "lab-3", "lab-4", "lab-5"]) {
      await moveOn(name);
      await currentId();
    }
    assert.equal((await listVersions(folder)).length, 4, "all are of today");
    offset += 48 * HOUR;
    await moveOn("lab-6");
    await currentId();
    const left = await listVersions(folder);
    assert.equal(left.length, 3);
    assert.equal(await currentVersion(folder), left[0]?.id);
  });

  test("nothing of the upstream is there yet: no version, and no wait for long", async () => {
    await upstream.stop();
    assert.equal(await mirror.current(), undefined);
    assert.equal((await bytesOf(mirror.lookup, LINUX)).toString(), "kernel");
    assert.deepEqual((await mirror.lookup(IN_RELEASE)).kind, "broken");
  });
});
