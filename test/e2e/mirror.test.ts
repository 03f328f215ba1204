/** The pull-through mirror against a small signed archive whose server has good and bad days. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";
import { type Clock, systemClock } from "../../src/base/clock.ts";
import { silentLog } from "../../src/base/log.ts";
import { type OpenTree, openMirror } from "../../src/content/mirror.ts";
import type { MirrorTiming } from "../../src/content/mirror-deps.ts";
import type { Lookup } from "../../src/content/served-file.ts";
import type { Tree } from "../../src/site/model.ts";
import {
  Archive,
  archiveObstacle,
  bytesOf,
  privateApt,
  SigningKey,
  tempFolder,
  treeServer,
  UpstreamServer,
} from "./mirror-lab.ts";

const DISTS = "dists/bookworm";
const IN_RELEASE = `${DISTS}/InRelease`;
const PACKAGES = `${DISTS}/main/binary-amd64/Packages`;
const FIRST_DATE = 1_700_000_000;
const MINUTE = 60_000;
const QUICK: Partial<MirrorTiming> = { retries: [], idle: 10_000, patience: 10_000, probe: 0 };

describe("pull-through mirror", { skip: archiveObstacle() }, () => {
  let key: SigningKey;
  let archive: Archive;
  let upstream: UpstreamServer;
  let folder: string;
  let mirror: OpenTree;
  let deb: string;
  let udeb: string;
  let offset: number;
  /** Real timers, and a time of day that tests move. */
  const clock: Clock = { now: () => systemClock.now() + offset, after: systemClock.after };

  /** As a daemon that is started anew. */
  async function reopen(timing = QUICK, keyring = key.keyring): Promise<void> {
    await mirror.close();
    await open(timing, keyring);
  }

  async function open(timing: Partial<MirrorTiming>, keyring: string): Promise<void> {
    const tree: Tree = {
      ...{ name: "t", family: "debian", release: "bookworm", arch: "amd64" },
      ...{ path: folder, upstream: upstream.url, keyring },
    };
    mirror = await openMirror(tree, { log: silentLog, clock, timing });
  }

  async function assertSame(...paths: string[]): Promise<void> {
    for (const path of paths) assert.ok((await bytesOf(mirror.lookup, path)).equals(await archive.read(path)), path);
  }

  /** The answer says which upstream, and since when. */
  async function assertDown(path: string): Promise<void> {
    const found = await mirror.lookup(path);
    assert.ok(found.kind === "broken" && found.code === "upstream-down", `${path}: ${JSON.stringify(found)}`);
    assert.equal(found.details?.upstream, `${upstream.url}/`);
    assert.match(String(found.details?.since), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  }

  before(async () => {
    key = await SigningKey.create();
  });
  after(() => key.remove());

  beforeEach(async () => {
    offset = 0;
    archive = await Archive.create();
    deb = await archive.addPackage("lab-one", "1.0+b1~x");
    udeb = await archive.addPackage("lab-udeb", "1", { udeb: true });
    await archive.publish(key, FIRST_DATE);
    upstream = new UpstreamServer(archive);
    await upstream.start();
    folder = await tempFolder();
    await open(QUICK, key.keyring);
  });
  afterEach(async () => {
    await mirror.close();
    await upstream.stop();
    await archive.remove();
    await rm(folder, { recursive: true });
  });

  test("gives what the upstream has, byte for byte", async () => {
    await assertSame(IN_RELEASE, `${DISTS}/Release`, `${DISTS}/Release.gpg`, deb, udeb);
    for (const ending of ["", ".gz", ".xz"]) await assertSame(PACKAGES + ending);
  });

  for (const ending of [".gz", ".xz", ""] as const) {
    test(`reads the index when the upstream has only Packages${ending}`, async () => {
      await rm(archive.path(DISTS), { recursive: true });
      await archive.publish(key, FIRST_DATE, { endings: [ending] });
      await assertSame(deb, udeb);
    });
  }

  test("is a mirror to apt", async () => {
    const server = treeServer(mirror.lookup);
    await server.start();
    const aptFolder = await tempFolder();
    try {
      const apt = await privateApt(aptFolder, `deb [signed-by=${key.keyring}] ${server.url} bookworm main`);
      await apt.get("update");
      await apt.get("download", "lab-one");
      const [got = ""] = await readdir(apt.folder);
      assert.ok((await readFile(join(apt.folder, got))).equals(await archive.read(deb)));
      assert.equal(upstream.count(deb), 1);
    } finally {
      await server.stop();
      await rm(aptFolder, { recursive: true });
    }
  });

  test("asks the upstream once, however many clients ask", async () => {
    const clients = Array.from({ length: 20 }, () => [
      bytesOf(mirror.lookup, deb),
      bytesOf(mirror.lookup, IN_RELEASE),
      bytesOf(mirror.lookup, `${PACKAGES}.xz`),
    ]);
    await Promise.all(clients.flat());
    await assertSame(deb, IN_RELEASE, `${PACKAGES}.xz`);
    for (const path of [deb, IN_RELEASE, `${PACKAGES}.xz`]) assert.equal(upstream.count(path), 1, path);
  });

  test("never serves a corrupted package, and takes it when it is well again", async () => {
    upstream.corrupted.add(deb);
    assert.deepEqual(await mirror.lookup(deb), { kind: "broken", code: "upstream-mismatch" });
    assert.equal(await readFile(keptPath(folder, deb)).catch(() => undefined), undefined);
    upstream.corrupted.clear();
    await assertSame(deb);
  });

  test("never serves a corrupted index file, nor packages by it", async () => {
    upstream.corrupted.add(`${PACKAGES}.gz`);
    assert.deepEqual(await mirror.lookup(`${PACKAGES}.gz`), { kind: "broken", code: "upstream-mismatch" });
    assert.deepEqual(await mirror.lookup(deb), { kind: "broken", code: "upstream-mismatch" });
  });

  test("serves nothing of an archive that another key signed", async () => {
    const stranger = await SigningKey.create();
    try {
      await reopen(QUICK, stranger.keyring);
      for (const path of [IN_RELEASE, `${DISTS}/Release`, `${PACKAGES}.gz`, deb]) {
        assert.deepEqual(await mirror.lookup(path), { kind: "broken", code: "upstream-mismatch" }, path);
      }
    } finally {
      await stranger.remove();
    }
  });

  test("does not use what it kept when the key is no longer trusted", async () => {
    await assertSame(IN_RELEASE, deb);
    const stranger = await SigningKey.create();
    try {
      await reopen(QUICK, stranger.keyring);
      await upstream.stop();
      await assertDown(IN_RELEASE);
      await assertDown(deb);
    } finally {
      await stranger.remove();
    }
  });

  test("does not take a Release file of another suite", async () => {
    const path = archive.path(`${DISTS}/Release`);
    await writeFile(path, (await readFile(path, "utf8")).replace(/^(Suite|Codename): .*$/gm, "$1: trixie"));
    await key.sign(archive.path(DISTS));
    assert.deepEqual(await mirror.lookup(IN_RELEASE), { kind: "broken", code: "upstream-mismatch" });
  });

  test("refuses what no signed index names, without asking the upstream", async () => {
    await assertSame(deb, udeb);
    await archive.addPackage("lab-late", "1");
    const before = upstream.requests.length;
    for (const path of ["pool/main/lab-late_1_amd64.deb", `${DISTS}/secret`, "pool/../secret", "pool"]) {
      assert.deepEqual(await mirror.lookup(path), { kind: "refused" }, path);
    }
    assert.deepEqual(await mirror.lookup("dists/oldstable/Release"), { kind: "absent" });
    assert.deepEqual(await mirror.lookup("netboot/linux"), { kind: "absent" });
    assert.equal(upstream.requests.length, before);
  });

  test("remembers for a while that the upstream lacks a file", async () => {
    await assertSame(IN_RELEASE);
    await rm(archive.path(deb));
    assert.deepEqual(await mirror.lookup(deb), { kind: "absent" });
    assert.deepEqual(await mirror.lookup(deb), { kind: "absent" });
    assert.equal(upstream.count(deb), 1);
    offset += 5 * MINUTE;
    assert.deepEqual(await mirror.lookup(deb), { kind: "absent" });
    assert.equal(upstream.count(deb), 2);
    const updates = `${DISTS}-updates/InRelease`;
    const before = upstream.count(updates);
    assert.deepEqual(await mirror.lookup(updates), { kind: "absent" });
    assert.deepEqual(await mirror.lookup(updates), { kind: "absent" });
    assert.equal(upstream.count(updates), before + 1);
  });

  test("goes on with what it kept when the upstream is down, over a restart", async () => {
    const other = await archive.addPackage("lab-two", "1");
    await archive.publish(key, FIRST_DATE);
    await assertSame(IN_RELEASE, `${PACKAGES}.xz`, deb);
    await upstream.stop();
    offset += 60 * MINUTE;
    await assertSame(IN_RELEASE, `${PACKAGES}.xz`, deb);
    await reopen();
    await assertSame(IN_RELEASE, `${DISTS}/Release.gpg`, `${PACKAGES}.xz`, deb);
    await assertDown(other);
    await upstream.start();
    await assertSame(other);
  });

  test("an outage is not remembered, and short ones are waited out", async () => {
    await upstream.stop();
    await assertDown(IN_RELEASE);
    await reopen({ ...QUICK, retries: Array.from({ length: 200 }, () => 50) });
    const answer = bytesOf(mirror.lookup, IN_RELEASE);
    await upstream.start();
    assert.ok((await answer).equals(await archive.read(IN_RELEASE)));
  });

  test("gives up an upstream that falls silent in the middle of a file", async () => {
    await reopen({ ...QUICK, idle: 200 });
    await assertSame(IN_RELEASE);
    upstream.stalled.set(deb, new Promise(() => {}));
    await assertDown(deb);
    assert.deepEqual(await readdir(join(folder, ".everboot-mirror/temp")), []);
    upstream.stalled.clear();
    await assertSame(deb);
  });

  test("reads a kept file again after a restart, and replaces it when it is damaged", async () => {
    await assertSame(deb);
    const kept = keptPath(folder, deb);
    const bytes = await readFile(kept);
    bytes[9] = ~(bytes[9] ?? 0);
    await writeFile(kept, bytes);
    await assertSame(deb);
    await writeFile(kept, bytes);
    await reopen();
    await assertSame(deb);
    assert.equal(upstream.count(deb), 3);
  });

  test("asks conditionally whether there is something new, and not too often", async () => {
    await assertSame(IN_RELEASE, IN_RELEASE);
    assert.equal(upstream.count(IN_RELEASE), 1);
    offset += 60 * MINUTE;
    await assertSame(IN_RELEASE);
    assert.equal(upstream.count(IN_RELEASE), 2);
    assert.equal(upstream.count(`${DISTS}/Release.gpg`), 1, "304 made the other files unnecessary");
  });

  for (const byHash of [true, false]) {
    test(`takes a new state as a whole${byHash ? ", and keeps the old one by hash" : ""}`, async () => {
      await archive.publish(key, FIRST_DATE, { byHash });
      await assertSame(IN_RELEASE, `${PACKAGES}.xz`, deb);
      const oldPackages = await archive.read(`${PACKAGES}.xz`);
      const newDeb = await archive.addPackage("lab-two", "1");
      await archive.publish(key, FIRST_DATE + 60, { byHash });
      offset += 60 * MINUTE;
      await assertSame(IN_RELEASE);
      await upstream.stop();
      await assertSame(`${DISTS}/Release`, `${DISTS}/Release.gpg`, `${PACKAGES}.xz`, deb);
      if (byHash) {
        const hash = createHash("sha256").update(oldPackages).digest("hex");
        const path = `${DISTS}/main/binary-amd64/by-hash/SHA256/${hash}`;
        assert.ok((await bytesOf(mirror.lookup, path)).equals(oldPackages));
      }
      await upstream.start();
      await assertSame(newDeb);
    });
  }

  test("serves packages of the state before, which running installs ask for", async () => {
    const old = await archive.addPackage("lab-old", "1");
    await archive.publish(key, FIRST_DATE);
    await assertSame(deb);
    const bytes = await archive.read(old);
    await rm(archive.path(old));
    await archive.publish(key, FIRST_DATE + 60);
    offset += 60 * MINUTE;
    await assertSame(IN_RELEASE);
    await writeFile(archive.path(old), bytes);
    await reopen();
    await assertSame(old);
  });

  test("stays with the state it has while the new one cannot be had whole", async () => {
    await assertSame(IN_RELEASE, `${PACKAGES}.gz`);
    const [oldRelease, oldPackages] = [await archive.read(IN_RELEASE), await archive.read(`${PACKAGES}.gz`)];
    await archive.addPackage("lab-two", "1");
    await archive.publish(key, FIRST_DATE + 60);
    upstream.corrupted.add(`${PACKAGES}.gz`);
    offset += 60 * MINUTE;
    assert.ok((await bytesOf(mirror.lookup, IN_RELEASE)).equals(oldRelease));
    assert.ok((await bytesOf(mirror.lookup, `${PACKAGES}.gz`)).equals(oldPackages));
    upstream.corrupted.clear();
    offset += MINUTE;
    await assertSame(IN_RELEASE, `${PACKAGES}.gz`);
  });

  test("does not go back in time", async () => {
    await assertSame(IN_RELEASE);
    const newer = await archive.read(IN_RELEASE);
    await archive.publish(key, FIRST_DATE - 60);
    offset += 60 * MINUTE;
    assert.ok((await bytesOf(mirror.lookup, IN_RELEASE)).equals(newer));
  });

  test("serves InRelease alone while Release.gpg is of another state, and all three later", async () => {
    const detached = archive.path(`${DISTS}/Release.gpg`);
    const good = await readFile(detached);
    await archive.publish(key, FIRST_DATE + 60);
    const next = await readFile(detached);
    await writeFile(detached, good);
    await assertSame(IN_RELEASE, `${DISTS}/Release`, deb);
    assert.deepEqual(await mirror.lookup(`${DISTS}/Release.gpg`), { kind: "absent" });
    await writeFile(detached, next);
    offset += MINUTE;
    await assertSame(IN_RELEASE, `${DISTS}/Release`, `${DISTS}/Release.gpg`);
  });

  test("does not lose its Release.gpg to a newer state whose own is out of step", async () => {
    await assertSame(`${DISTS}/Release.gpg`);
    const detached = archive.path(`${DISTS}/Release.gpg`);
    const old = await readFile(detached);
    await archive.publish(key, FIRST_DATE + 60);
    const next = await readFile(detached);
    await writeFile(detached, old);
    offset += 60 * MINUTE;
    await bytesOf(mirror.lookup, IN_RELEASE);
    assert.ok((await bytesOf(mirror.lookup, `${DISTS}/Release.gpg`)).equals(old));
    await writeFile(detached, next);
    offset += MINUTE;
    await assertSame(IN_RELEASE, `${DISTS}/Release`, `${DISTS}/Release.gpg`);
  });

  test("works with an upstream that has Release and Release.gpg only", async () => {
    await rm(archive.path(IN_RELEASE));
    await assertSame(`${DISTS}/Release`, `${DISTS}/Release.gpg`, deb);
    assert.deepEqual(await mirror.lookup(IN_RELEASE), { kind: "absent" });
  });

  test("gives the same tag on every server", async () => {
    const tags = async () =>
      Promise.all([IN_RELEASE, `${PACKAGES}.xz`, deb].map(async (path) => tagOf(await mirror.lookup(path))));
    const first = await tags();
    const firstFolder = folder;
    folder = await tempFolder();
    await reopen();
    assert.deepEqual(await tags(), first);
    await rm(firstFolder, { recursive: true });
  });

  test("a server killed in the middle of a file leaves no half file", async () => {
    await assertSame(IN_RELEASE, `${PACKAGES}.gz`);
    await mirror.close();
    const big = await archive.addPackage("lab-big", "1", { payload: new Uint8Array(4 << 20) });
    await archive.publish(key, FIRST_DATE + 60);
    offset += 60 * MINUTE;
    upstream.stalled.set(big, new Promise(() => {}));
    const stalled = new Promise<void>((resolve) => {
      upstream.onStall = resolve;
    });
    const args = [folder, upstream.url, key.keyring, big];
    const child = spawn(process.execPath, [new URL("mirror-victim.ts", import.meta.url).pathname, ...args]);
    const ended = once(child, "exit");
    await Promise.race([stalled, ended.then(() => assert.fail("it ended before it got to the file"))]);
    await waitFor(async () => (await tempBytes(folder)) > 0);
    child.kill("SIGKILL");
    await ended;
    assert.ok((await tempBytes(folder)) > 0, "it was in the middle");
    assert.equal(await readFile(keptPath(folder, big)).catch(() => undefined), undefined);
    upstream.stalled.clear();
    await reopen();
    assert.equal(await tempBytes(folder), 0);
    await assertSame(big);
  });
});

/** Where the mirror in `folder` keeps a package. */
function keptPath(folder: string, path: string): string {
  return join(folder, ".everboot-mirror/files", path);
}

function tagOf(found: Lookup): string {
  assert.equal(found.kind, "file");
  return found.kind === "file" ? found.file.etag : "";
}

async function tempBytes(folder: string): Promise<number> {
  const temp = join(folder, ".everboot-mirror/temp");
  const sizes = (await readdir(temp)).map(async (name) => (await readFile(join(temp, name)).catch(() => "")).length);
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}

/** For what another process does, which tells nobody. */
async function waitFor(condition: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 30_000;
  while (!(await condition())) {
    assert.ok(Date.now() < deadline, "it did not come to pass");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
