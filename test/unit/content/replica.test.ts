/** A server that keeps its versions as the cluster wants them, and mends them. */
import assert from "node:assert/strict";
import { EventEmitter, once } from "node:events";
import { mkdir, open, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { systemClock } from "../../../src/base/clock.ts";
import { MANIFEST_NAME, verifyTree } from "../../../src/content/manifest.ts";
import { type ReplicaOptions, type ReplicatedTree, TreeReplica } from "../../../src/content/replica.ts";
import type { TreePeer } from "../../../src/content/replica-peer.ts";
import { Throttle } from "../../../src/content/replica-throttle.ts";
import { currentVersion, readVersionManifest, versionFolder, versionIds } from "../../../src/content/versions.ts";
import { addVersion, keepingLog, offerTree, peerAt, TREE, temporaryTree } from "../../support/tree-peers.ts";

const FILES = { "dists/Release": "signed", "images/linux": "kernel", "pool/a.deb": "a", "pool/b.deb": "b" };
const NEWER = { ...FILES, "dists/Release": "signed again" };
/** Nothing by itself: a test pokes. */
const HOUR = 3_600_000;

interface Running extends AsyncDisposable {
  readonly replica: TreeReplica;
  readonly lines: readonly string[];
  /** Resolves when `is` holds, which is looked at whenever something has changed. */
  until(is: () => boolean): Promise<void>;
}

async function run(
  trees: () => readonly ReplicatedTree[],
  peers: readonly TreePeer[],
  timing: ReplicaOptions["timing"] = {},
): Promise<Running> {
  const news = new EventEmitter();
  const lines: string[] = [];
  const tell = () => void news.emit("news");
  const replica = new TreeReplica({
    ...{ trees, peers: () => peers, clock: systemClock, random: () => 0.5, changed: tell },
    scrubThrottle: new Throttle(systemClock),
    log: keepingLog(lines, tell),
    timing: { round: HOUR, firstScrub: HOUR, retries: [5], ...timing },
  });
  await replica.start();
  return {
    replica,
    lines,
    until: async (is) => {
      while (!is()) await once(news, "news", { signal: AbortSignal.timeout(30_000) });
    },
    [Symbol.asyncDispose]: () => replica.stop(),
  };
}

const treeAt = (path: string, more: Partial<ReplicatedTree> = {}): ReplicatedTree => ({
  ...{ name: TREE, path, keep: [] },
  ...more,
});

async function damage(root: string, id: string, path: string): Promise<void> {
  const handle = await open(join(versionFolder(root, id), path), "r+");
  await handle.write("#", 0);
  await handle.close();
}

async function isWhole(root: string, id: string): Promise<boolean> {
  return (await verifyTree(versionFolder(root, id), await readVersionManifest(root, id))).length === 0;
}

describe("a server with empty disks", () => {
  test("gets the current version and those that are kept, and serves the current one", async () => {
    await using theirs = await temporaryTree();
    await using ours = await temporaryTree();
    const older = await addVersion(theirs.root, FILES);
    const current = await addVersion(theirs.root, NEWER);
    await addVersion(theirs.root, { other: "wanted by nobody" });
    await using server = await offerTree(theirs.root);
    const path = join(ours.root, "not/there/yet");
    await using here = await run(() => [treeAt(path, { current, keep: [older] })], [server.peer]);
    await here.until(() => here.replica.heldVersions()[TREE]?.versions.length === 2);
    await here.until(() => here.replica.heldVersions()[TREE]?.current === current);
    assert.deepEqual(await versionIds(path), [current, older].sort());
    assert.deepEqual(here.replica.status(), []);
    assert.equal(here.replica.counters().fetched, 2);
  });

  test("says so when no server that answers has what it lacks, and goes on when one comes", async () => {
    await using theirs = await temporaryTree();
    await using ours = await temporaryTree();
    const current = await addVersion(theirs.root, FILES);
    const peers = [peerAt("three", "http://127.0.0.1:9")];
    await using here = await run(() => [treeAt(ours.root, { current })], peers, { round: 20 });
    await here.until(() => here.lines.length > 0);
    const [status] = here.replica.status();
    const trouble = `version ${current} of tree ${TREE} is to be had whole from no server that answers: start one, or import it again`;
    assert.deepEqual(status, { tree: TREE, version: current, bytes: 0, done: 0, from: [], trouble });
    assert.deepEqual(here.replica.heldVersions(), { [TREE]: { versions: [] } });
    await using server = await offerTree(theirs.root);
    peers.push(server.peer);
    await here.until(() => here.replica.heldVersions()[TREE]?.current === current);
    assert.equal(here.lines.filter((line) => line === trouble).length, 1, "told once");
  });

  test("forgets what nobody wants any more", async () => {
    await using ours = await temporaryTree();
    const work = join(ours.root, ".everboot-replica/0123456789ab/parts");
    await mkdir(work, { recursive: true });
    await writeFile(join(work, "half"), "half");
    let current: string | undefined = "0123456789ab";
    await using here = await run(() => [treeAt(ours.root, current === undefined ? {} : { current })], [], {
      round: 20,
    });
    await here.until(() => here.replica.status().length === 1);
    assert.ok(await stat(work));
    current = undefined;
    const deadline = Date.now() + 30_000;
    while (await stat(work).catch(() => undefined)) {
      assert.ok(Date.now() < deadline);
      await sleep(10);
    }
    assert.deepEqual(here.replica.status(), []);
  });
});

describe("the current version", () => {
  test("is followed at once, though another one is being fetched; that one is given up when nobody wants it", async () => {
    await using theirs = await temporaryTree();
    await using ours = await temporaryTree();
    const older = await addVersion(ours.root, FILES);
    const newer = await addVersion(theirs.root, NEWER);
    await using server = await offerTree(theirs.root);
    const asked = Promise.withResolvers<void>();
    const ended = Promise.withResolvers<void>();
    const slow: TreePeer = {
      ...server.peer,
      piece: (_tree, _id, _piece, signal) => {
        asked.resolve();
        signal.addEventListener("abort", () => ended.resolve());
        return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
      },
    };
    const oldest = await addVersion(ours.root, { linux: "first" });
    let tree = treeAt(ours.root, { current: oldest, keep: [newer] });
    await using here = await run(() => [tree], [slow]);
    await asked.promise;
    tree = treeAt(ours.root, { current: older, keep: [newer] });
    here.replica.poke();
    await here.until(() => here.replica.heldVersions()[TREE]?.current === older);
    assert.equal(here.replica.status().length, 1);
    tree = treeAt(ours.root, { current: older });
    here.replica.poke();
    await ended.promise;
    assert.equal(await currentVersion(ours.root), older);
  });

  test("is followed when the cluster names another one that is here", async () => {
    await using ours = await temporaryTree();
    const older = await addVersion(ours.root, FILES);
    let current = await addVersion(ours.root, NEWER);
    await using here = await run(() => [treeAt(ours.root, { current })], []);
    assert.equal(here.replica.heldVersions()[TREE]?.current, current);
    current = older;
    here.replica.poke();
    await here.until(() => here.replica.heldVersions()[TREE]?.current === older);
    assert.equal(await currentVersion(ours.root), older);
  });

  test("stays while the new one is not whole", async () => {
    await using ours = await temporaryTree();
    const older = await addVersion(ours.root, FILES);
    await using here = await run(() => [treeAt(ours.root, { current: "0123456789ab" })], []);
    await here.until(() => here.lines.length > 0);
    assert.equal(await currentVersion(ours.root), older);
  });

  test("of a plain tree is nothing that is touched; its manifest tells it from others", async () => {
    await using ours = await temporaryTree();
    await writeFile(join(ours.root, "linux"), "kernel");
    await using here = await run(() => [treeAt(ours.root)], []);
    assert.deepEqual(here.replica.heldVersions(), { [TREE]: { versions: [] } });
    await writeFile(join(ours.root, MANIFEST_NAME), "");
    await using again = await run(() => [treeAt(ours.root)], []);
    assert.deepEqual(again.replica.heldVersions(), { [TREE]: { versions: [], manifest: "e3b0c44298fc" } });
  });
});

describe("bit rot", () => {
  const scrubbing = { firstScrub: 0 };

  test("is found by the scrub, keeps the version from being held, and is repaired from a peer", async () => {
    await using theirs = await temporaryTree();
    await using ours = await temporaryTree();
    const id = await addVersion(theirs.root, FILES);
    assert.equal(await addVersion(ours.root, FILES), id);
    const before = await stat(join(versionFolder(theirs.root, id), "pool/a.deb"));
    await damage(ours.root, id, "pool/a.deb");
    await rm(join(versionFolder(ours.root, id), "dists"), { recursive: true });
    const peers: TreePeer[] = [];
    await using here = await run(() => [treeAt(ours.root, { current: id })], peers, { ...scrubbing, round: 50 });
    await here.until(() => here.replica.counters().damaged === 2);
    await here.until(() => here.replica.heldVersions()[TREE]?.versions.length === 0);
    assert.ok(
      here.lines.includes(
        `pool/a.deb of tree ${TREE} (version ${id}) is damaged on this server's disk: another server must have it`,
      ),
    );
    await using server = await offerTree(theirs.root);
    peers.push(server.peer);
    await here.until(() => here.replica.heldVersions()[TREE]?.versions[0] === id);
    assert.ok(await isWhole(ours.root, id));
    await here.until(() => here.replica.counters().repaired === 2);
    const after = await stat(join(versionFolder(ours.root, id), "pool/a.deb"));
    assert.equal(after.mtimeMs, Math.floor(before.mtimeMs / 1000) * 1000, "dated as at the peer");
  });

  test("of a file that two versions share is found and repaired in both", async () => {
    await using theirs = await temporaryTree();
    await using ours = await temporaryTree();
    const older = await addVersion(theirs.root, FILES);
    const current = await addVersion(theirs.root, NEWER);
    await using server = await offerTree(theirs.root);
    const wanted = () => [treeAt(ours.root, { current, keep: [older] })];
    {
      await using here = await run(wanted, [server.peer]);
      await here.until(() => here.replica.heldVersions()[TREE]?.versions.length === 2);
    }
    await damage(ours.root, current, "images/linux");
    assert.ok(!(await isWhole(ours.root, older)), "it is one file");
    await using here = await run(wanted, [server.peer], scrubbing);
    await here.until(() => here.replica.counters().repaired === 2);
    assert.ok((await isWhole(ours.root, older)) && (await isWhole(ours.root, current)));
  });

  test("of a manifest is repaired as well", async () => {
    await using theirs = await temporaryTree();
    await using ours = await temporaryTree();
    const id = await addVersion(theirs.root, FILES);
    await addVersion(ours.root, FILES);
    await damage(ours.root, id, MANIFEST_NAME);
    await using server = await offerTree(theirs.root);
    await using here = await run(() => [treeAt(ours.root, { current: id })], [server.peer], scrubbing);
    await here.until(() => here.replica.counters().repaired === 1);
    const texts = [theirs, ours].map(({ root }) => readFile(join(versionFolder(root, id), MANIFEST_NAME), "utf8"));
    const [one, other] = await Promise.all(texts);
    assert.equal(one, other);
  });

  test("is not what a file is that nobody listed: it is told of, and stays", async () => {
    await using ours = await temporaryTree();
    const id = await addVersion(ours.root, FILES);
    await writeFile(join(versionFolder(ours.root, id), "notes"), "mine");
    await using here = await run(() => [treeAt(ours.root, { current: id })], [], scrubbing);
    await here.until(() => here.lines.includes("a file lies in a version that its manifest does not list"));
    assert.deepEqual(here.replica.heldVersions()[TREE]?.versions, [id]);
    assert.equal(here.replica.counters().damaged, 0);
  });
});
