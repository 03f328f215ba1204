/** The pull-through mirror of rpm repositories, judged by createrepo_c, dnf and zypper. */
import assert from "node:assert/strict";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";
import { type Clock, systemClock } from "../../src/base/clock.ts";
import { silentLog } from "../../src/base/log.ts";
import { type OpenTree, openMirror } from "../../src/content/mirror.ts";
import type { Tree } from "../../src/site/model.ts";
import { startHttp, type TestServer } from "../support/http-folder.ts";
import { bytesOf, rpmObstacle, SigningKey, tempFolder, toolObstacle, UpstreamServer } from "./mirror-lab.ts";
import { dnfInstall, RpmTree, zypperInstall } from "./mirror-rpm-lab.ts";

const REPOSITORY = "BaseOS";
const REPOMD = `${REPOSITORY}/repodata/repomd.xml`;
const FIRST = 1_700_000_000;
const MINUTE = 60_000;

describe("pull-through mirror of rpm repositories", { skip: rpmObstacle() }, () => {
  let key: SigningKey;
  let upstream: UpstreamServer;
  let source: RpmTree;
  let folder: string;
  let mirror: OpenTree;
  let http: TestServer;
  let offset: number;
  let one: string;
  const clock: Clock = { now: () => systemClock.now() + offset, after: systemClock.after };

  async function open(more: Partial<Tree> = {}, isSigned = true): Promise<void> {
    const tree: Tree = {
      ...{ name: "t", family: "redhat", release: "9", arch: "amd64", path: folder, upstream: upstream.url },
      ...(isSigned && { keyring: key.keyring }),
      ...more,
    };
    mirror = await openMirror(tree, { log: silentLog, clock, timing: { retries: [], probe: 0, patience: MINUTE } });
  }

  async function assertSame(...paths: string[]): Promise<void> {
    for (const path of paths)
      assert.ok((await bytesOf(mirror.lookup, path)).equals(await readFile(source.path(path))), path);
  }

  async function reopen(...options: Parameters<typeof open>): Promise<void> {
    await mirror.close();
    await open(...options);
  }

  before(async () => {
    key = await SigningKey.create();
  });
  after(() => key.remove());

  beforeEach(async () => {
    offset = 0;
    source = await RpmTree.create();
    one = await source.addPackage(REPOSITORY, "lab-one", "1");
    await source.publish(REPOSITORY, key, FIRST);
    upstream = new UpstreamServer(source);
    await upstream.start();
    folder = await tempFolder();
    await open();
    http = await startHttp({ resolve: (path) => mirror.lookup(path.slice(1)) });
  });
  afterEach(async () => {
    await http[Symbol.asyncDispose]();
    await mirror.close();
    await upstream.stop();
    await source.remove();
    await rm(folder, { recursive: true });
  });

  test("gives what the upstream has, byte for byte, and asks for it once", async () => {
    const paths = [REPOMD, `${REPOMD}.asc`, `${REPOMD}.key`, await source.index(REPOSITORY, "filelists"), one];
    await Promise.all(Array.from({ length: 10 }, () => assertSame(...paths)));
    for (const path of paths) assert.equal(upstream.count(path), 1, path);
  });

  for (const [what, ...options] of [
    ["gz", "--general-compress-type=gz"],
    ["xz", "--general-compress-type=xz"],
    ["SHA-512", "--checksum=sha512", "--repomd-checksum=sha512"],
  ]) {
    test(`reads a primary.xml with ${what}`, async () => {
      await source.publish(REPOSITORY, key, FIRST + 1, ...options);
      await assertSame(one);
      assert.deepEqual(await mirror.lookup(`${REPOSITORY}/Packages/lab-two-1.rpm`), { kind: "refused" });
    });
  }

  test("dnf installs through it, and again with the upstream unplugged", { skip: toolObstacle("dnf") }, async () => {
    for (const when of ["plugged", "unplugged"]) {
      const root = await tempFolder();
      try {
        await dnfInstall(root, `${http.url}/${REPOSITORY}`, source.path(`${REPOMD}.key`), "lab-one");
        assert.equal(await readFile(join(root, "opt/lab-one"), "utf8"), "lab-one 1", when);
      } finally {
        await rm(root, { recursive: true });
      }
      await upstream.stop();
    }
  });

  test("zypper installs through it", { skip: toolObstacle("zypper") }, async () => {
    const root = await tempFolder();
    try {
      await zypperInstall(root, `${http.url}/${REPOSITORY}`, "lab-one");
      assert.equal(await readFile(join(root, "opt/lab-one"), "utf8"), "lab-one 1");
    } finally {
      await rm(root, { recursive: true });
    }
  });

  test("takes nothing that the keyring's keys did not sign, unless there is no keyring", async () => {
    const stranger = await SigningKey.create();
    try {
      await rm(source.path(`${REPOMD}.asc`));
      await rm(source.path(`${REPOMD}.key`));
      await stranger.signBeside(source.path(REPOMD));
      for (const path of [REPOMD, one]) {
        assert.deepEqual(await mirror.lookup(path), { kind: "broken", code: "upstream-mismatch" });
      }
      await rm(source.path(`${REPOMD}.asc`));
      assert.deepEqual(await mirror.lookup(REPOMD), { kind: "broken", code: "upstream-mismatch" });
    } finally {
      await stranger.remove();
    }
    await reopen({}, false);
    await assertSame(REPOMD, one);
    assert.deepEqual(await mirror.lookup(`${REPOMD}.asc`), { kind: "absent" });
  });

  test("refuses a wrong package and a wrong index file", async () => {
    upstream.corrupted.add(one);
    assert.deepEqual(await mirror.lookup(one), { kind: "broken", code: "upstream-mismatch" });
    upstream.corrupted.clear();
    await assertSame(one);
    const other = await source.index(REPOSITORY, "other");
    upstream.corrupted.add(other);
    assert.deepEqual(await mirror.lookup(other), { kind: "broken", code: "upstream-mismatch" });
  });

  test("a repomd.xml that is no XML, or names no primary.xml, is not taken", async () => {
    for (const text of ["<repomd><data", "<repomd/>"]) {
      await writeFile(source.path(REPOMD), text);
      await rm(source.path(`${REPOMD}.asc`));
      await rm(source.path(`${REPOMD}.key`));
      await key.signBeside(source.path(REPOMD));
      assert.deepEqual(await mirror.lookup(REPOMD), { kind: "broken", code: "upstream-mismatch" }, text);
    }
  });

  test("an install run that began with a version reads it to its end, while a newer one is there", async () => {
    const before = await mirror.current();
    assert.ok(before !== undefined);
    const frozen = mirror.version(before);
    const primary = await source.index(REPOSITORY, "primary");
    const old = [REPOMD, `${REPOMD}.asc`, primary, one];
    const bytes = await Promise.all(old.map((path) => bytesOf(frozen, path)));
    const two = await source.addPackage(REPOSITORY, "lab-two", "1");
    await rm(source.path(one));
    await source.publish(REPOSITORY, key, FIRST + 60);
    offset += 60 * MINUTE;
    const next = await mirror.current();
    assert.ok(next !== undefined && next !== before);
    await assertSame(REPOMD, await source.index(REPOSITORY, "primary"), two);
    await reopen();
    for (const [index, path] of old.entries()) {
      assert.ok((await bytesOf(mirror.version(before), path)).equals(bytes[index] ?? Buffer.alloc(0)), path);
    }
    assert.deepEqual(await mirror.version(before)(two), { kind: "refused" });
    assert.deepEqual(await mirror.version("0123456789ab")(one), { kind: "absent" });
  });

  test("does not go back in time", async () => {
    const newer = await bytesOf(mirror.lookup, REPOMD);
    await source.publish(REPOSITORY, key, FIRST - 60);
    offset += 60 * MINUTE;
    assert.ok((await bytesOf(mirror.lookup, REPOMD)).equals(newer));
  });

  test("a repository that is named is one, inside another one or not", async () => {
    const inner = "BaseOS/extra";
    const two = await source.addPackage(inner, "lab-two", "1");
    await source.publish(inner, key, FIRST);
    await reopen({ repositories: [REPOSITORY, inner] });
    await assertSame(one, two, `${inner}/repodata/repomd.xml`, REPOMD);
    assert.deepEqual(await mirror.lookup("AppStream/repodata/repomd.xml"), { kind: "absent" });
  });
});
