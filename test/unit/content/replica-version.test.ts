/** One version, fetched from servers on the loopback interface that do what servers do on bad days. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readdir, stat, statfs, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { systemClock } from "../../../src/base/clock.ts";
import { EverbootError } from "../../../src/base/errors.ts";
import { silentLog } from "../../../src/base/log.ts";
import { formatManifest, verifyTree } from "../../../src/content/manifest.ts";
import type { FetchOptions, FetchProgress } from "../../../src/content/replica-fetch.ts";
import type { TreePeer } from "../../../src/content/replica-peer.ts";
import { PIECE_BYTES } from "../../../src/content/replica-pieces.ts";
import { fetchVersion } from "../../../src/content/replica-version.ts";
import { readVersionManifest, versionFolder, versionId, versionIds } from "../../../src/content/versions.ts";
import type { HttpVerdict, Route } from "../../../src/server/http/route.ts";
import { testBytes } from "../../support/http-folder.ts";
import { addVersion, keepingLog, offerTree, peerAt, TREE, temporaryTree } from "../../support/tree-peers.ts";

const IMAGE = testBytes(3 * PIECE_BYTES + 5, "image");
const FILES: Readonly<Record<string, Uint8Array | string>> = {
  "images/initrd": IMAGE,
  "dists/Release": "signed",
  "dists/InRelease": "signed",
  empty: "",
  ...Object.fromEntries(Array.from({ length: 20 }, (_, n) => [`pool/p${n}.deb`, testBytes(30_000 + n, `p${n}`)])),
};
const DISTINCT = Object.keys(FILES).length - 1;
const hashOf = (bytes: Uint8Array | string = "") => createHash("sha256").update(bytes).digest("hex");

function options(more: Partial<FetchOptions> = {}): FetchOptions {
  const { signal } = new AbortController();
  return { clock: systemClock, log: silentLog, signal, timing: { retries: [5, 5] }, ...more };
}

async function assertWhole(root: string, id: string): Promise<void> {
  const manifest = await readVersionManifest(root, id);
  assert.equal(versionId(manifest), id);
  assert.deepEqual(await verifyTree(versionFolder(root, id), manifest), []);
  assert.deepEqual(await readdir(join(root, ".everboot-replica")), [], "nothing is left of the work");
}

/** Counts requests for files, and changes what is answered to some of them. */
function meddle(change: (path: string, count: number) => HttpVerdict | undefined = () => undefined) {
  const asked: string[] = [];
  const around = (route: Route): Route => {
    if (!route.pattern.includes("/files/")) return route;
    return {
      ...route,
      handle: async (request) => {
        asked.push(request.path);
        return change(request.path, asked.length) ?? route.handle(request);
      },
    };
  };
  return { asked, around };
}

const OUTAGE: HttpVerdict = { kind: "error", code: "store-unavailable" };

function wrongBytes(length: number): HttpVerdict {
  const headers = { "Last-Modified": "Thu, 01 Jan 2026 00:00:00 GMT" };
  return { kind: "text", status: 200, contentType: "text/plain", body: "x".repeat(length), headers };
}

describe("a version is fetched", () => {
  test("from two peers at once, each file once, byte-identical and dated as there", async () => {
    await using theirs = await temporaryTree();
    await using ours = await temporaryTree();
    const id = await addVersion(theirs.root, FILES);
    const [left, right] = [meddle(), meddle()];
    await using two = await offerTree(theirs.root, { name: "two", around: left.around });
    await using three = await offerTree(theirs.root, { name: "three", around: right.around });
    const seen: FetchProgress[] = [];
    const onProgress = (progress: FetchProgress) => void seen.push(progress);
    const wanted = { tree: TREE, root: ours.root, id };
    assert.equal(await fetchVersion(wanted, [two.peer, three.peer], options({ onProgress })), true);
    await assertWhole(ours.root, id);
    assert.ok(left.asked.length > 5 && right.asked.length > 5, `${left.asked.length} and ${right.asked.length}`);
    assert.equal(left.asked.length + right.asked.length, DISTINCT + 3, "an image of four pieces, and all other files");
    assert.ok(seen.some(({ from }) => from.join() === "two,three"));
    const last = seen.at(-1);
    assert.equal(last?.done, last?.bytes);
    const [mine, other] = await Promise.all(
      [ours, theirs].map(({ root }) => stat(join(versionFolder(root, id), "dists/Release"))),
    );
    assert.equal(mine?.mtimeMs, Math.floor((other?.mtimeMs ?? 0) / 1000) * 1000);
    assert.equal(mine?.nlink, 2, "equal files are one");
  });

  test("and what older versions have is taken from them, if it is sound there", async () => {
    await using theirs = await temporaryTree();
    await using ours = await temporaryTree();
    await addVersion(ours.root, { ...FILES, "pool/p1.deb": "old" });
    const [older = ""] = await versionIds(ours.root);
    const id = await addVersion(theirs.root, FILES);
    const meddler = meddle();
    await using server = await offerTree(theirs.root, { around: meddler.around });
    assert.equal(await fetchVersion({ tree: TREE, root: ours.root, id }, [server.peer], options()), true);
    await assertWhole(ours.root, id);
    assert.equal(meddler.asked.length, 1);
    const [old, fresh] = [older, id].map((each) => join(versionFolder(ours.root, each), "images/initrd"));
    assert.equal((await stat(old ?? "")).ino, (await stat(fresh ?? "")).ino);
  });

  test("and is no version before it is whole", async () => {
    await using theirs = await temporaryTree();
    await using ours = await temporaryTree();
    const id = await addVersion(theirs.root, FILES);
    const looks: Promise<readonly string[]>[] = [];
    const { around } = meddle(() => {
      looks.push(versionIds(ours.root));
      return undefined;
    });
    await using server = await offerTree(theirs.root, { around });
    await fetchVersion({ tree: TREE, root: ours.root, id }, [server.peer], options());
    assert.deepEqual((await Promise.all(looks)).flat(), []);
    assert.deepEqual(await versionIds(ours.root), [id]);
  });
});

describe("bad days", () => {
  test("a peer that sends wrong bytes is named, and the other one gives what it should have", async () => {
    await using theirs = await temporaryTree();
    await using ours = await temporaryTree();
    const id = await addVersion(theirs.root, FILES);
    const bad = meddle((path) => (path.includes(hashOf(FILES["pool/p2.deb"])) ? wrongBytes(30_002) : undefined));
    const good = meddle();
    await using two = await offerTree(theirs.root, { name: "two", around: bad.around });
    await using three = await offerTree(theirs.root, { name: "three", around: good.around });
    const lines: string[] = [];
    const wanted = { tree: TREE, root: ours.root, id };
    // Alone it gives all the rest.
    assert.equal(await fetchVersion(wanted, [two.peer], options({ log: keepingLog(lines) })), false);
    assert.deepEqual(lines, [
      `server two sent wrong bytes of pool/p2.deb (tree ${TREE}, version ${id}): look at its disk and its log`,
    ]);
    assert.deepEqual(await versionIds(ours.root), []);
    assert.equal(await fetchVersion(wanted, [two.peer, three.peer], options({ log: keepingLog(lines) })), true);
    assert.equal(good.asked.length, 1);
    await assertWhole(ours.root, id);
  });

  test("a peer that sends nothing but wrong bytes is soon left alone", async () => {
    await using theirs = await temporaryTree();
    await using ours = await temporaryTree();
    const id = await addVersion(theirs.root, FILES);
    const bad = meddle(() => wrongBytes(3));
    await using two = await offerTree(theirs.root, { name: "two", around: bad.around });
    await using three = await offerTree(theirs.root, { name: "three" });
    const wanted = { tree: TREE, root: ours.root, id };
    assert.equal(await fetchVersion(wanted, [two.peer, three.peer], options()), true);
    assert.ok(bad.asked.length <= 6, `${bad.asked.length}`);
    await assertWhole(ours.root, id);
  });

  test("hashes of pieces that belong to another file spoil nothing", async () => {
    await using theirs = await temporaryTree();
    await using ours = await temporaryTree();
    const other = Buffer.from(IMAGE);
    other[2 * PIECE_BYTES] = 1 ^ (other[2 * PIECE_BYTES] ?? 0);
    const id = await addVersion(theirs.root, FILES);
    const otherId = await addVersion(theirs.root, { "images/initrd": other });
    await using server = await offerTree(theirs.root);
    const { peer } = server;
    const liar: TreePeer = {
      ...peer,
      name: "liar",
      cut: (tree, _, __, signal) => peer.cut(tree, otherId, hashOf(other), signal),
      piece: (tree, version, piece, signal) => {
        const isImage = piece.sha256 === hashOf(IMAGE);
        return peer.piece(
          tree,
          isImage ? otherId : version,
          isImage ? { ...piece, sha256: hashOf(other) } : piece,
          signal,
        );
      },
    };
    const lines: string[] = [];
    const wanted = { tree: TREE, root: ours.root, id };
    assert.equal(await fetchVersion(wanted, [liar], options({ log: keepingLog(lines) })), false);
    assert.match(lines.join(), /^server liar sent wrong bytes of images\/initrd /);
    assert.equal(await fetchVersion(wanted, [peer], options()), true);
    await assertWhole(ours.root, id);
  });

  // After 4 the image is there in part.
  for (const given of [4, 14]) {
    test(`what came before the only peer went away is kept: ${given} pieces`, async () => {
      await using theirs = await temporaryTree();
      await using ours = await temporaryTree();
      const id = await addVersion(theirs.root, FILES);
      const wanted = { tree: TREE, root: ours.root, id };
      const dying = meddle((_, count) => (count > given ? OUTAGE : undefined));
      await using two = await offerTree(theirs.root, { around: dying.around });
      assert.equal(await fetchVersion(wanted, [two.peer], options()), false);
      const good = meddle();
      await using three = await offerTree(theirs.root, { around: good.around });
      assert.equal(await fetchVersion(wanted, [three.peer], options()), true);
      assert.equal(good.asked.length, DISTINCT + 3 - given);
      await assertWhole(ours.root, id);
    });
  }

  test("a peer that was away for a moment is asked again", async () => {
    await using theirs = await temporaryTree();
    await using ours = await temporaryTree();
    const id = await addVersion(theirs.root, FILES);
    const flaky = meddle((_, count) => (count % 3 === 0 ? OUTAGE : undefined));
    await using server = await offerTree(theirs.root, { around: flaky.around });
    assert.equal(await fetchVersion({ tree: TREE, root: ours.root, id }, [server.peer], options()), true);
    await assertWhole(ours.root, id);
  });

  test("a frozen peer holds nobody up: the idle one gives its pieces too", async () => {
    await using theirs = await temporaryTree();
    await using ours = await temporaryTree();
    const id = await addVersion(theirs.root, FILES);
    await using server = await offerTree(theirs.root);
    const frozen: TreePeer = {
      ...server.peer,
      name: "frozen",
      piece: (_tree, _id, _piece, signal) =>
        new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
    };
    const timing = { retries: [5], patience: 20 };
    const wanted = { tree: TREE, root: ours.root, id };
    assert.equal(await fetchVersion(wanted, [frozen, server.peer], options({ timing })), true);
    await assertWhole(ours.root, id);
  });

  test("a version that does not fit is not begun", async () => {
    await using ours = await temporaryTree();
    const { bavail, bsize } = await statfs(ours.root);
    const size = bavail * bsize + 2 ** 34;
    const manifest = new Map([["huge", { size, sha256: "0".repeat(64) }]]);
    const id = versionId(manifest);
    const server = peerAt("two", "http://127.0.0.1:9");
    const peer: TreePeer = { ...server, manifest: async () => formatManifest(manifest) };
    await assert.rejects(
      fetchVersion({ tree: TREE, root: ours.root, id }, [peer], options()),
      (error) => error instanceof EverbootError && error.code === "tree-no-room" && error.details.needed === size,
    );
  });

  test("a manifest that is not the one asked for is not taken", async () => {
    await using theirs = await temporaryTree();
    await using ours = await temporaryTree();
    const id = await addVersion(theirs.root, FILES);
    await using server = await offerTree(theirs.root);
    const liar: TreePeer = { ...server.peer, name: "liar", manifest: async () => formatManifest(new Map()) };
    const wanted = { tree: TREE, root: ours.root, id };
    const lines: string[] = [];
    assert.equal(await fetchVersion(wanted, [liar], options({ log: keepingLog(lines) })), false);
    assert.match(lines.join(), /^server liar sent wrong bytes of \.everboot-manifest\.jsonl /);
    assert.equal(await fetchVersion(wanted, [liar, server.peer], options()), true);
    await assertWhole(ours.root, id);
  });

  test("leftovers that are damaged count for nothing", async () => {
    await using theirs = await temporaryTree();
    await using ours = await temporaryTree();
    const id = await addVersion(theirs.root, FILES);
    const wanted = { tree: TREE, root: ours.root, id };
    const dying = meddle((_, count) => (count > 14 ? OUTAGE : undefined));
    await using two = await offerTree(theirs.root, { around: dying.around });
    assert.equal(await fetchVersion(wanted, [two.peer], options()), false);
    const pool = join(ours.root, ".everboot-replica", id, "files/pool");
    const [damaged = ""] = await readdir(pool);
    await writeFile(join(pool, damaged), Buffer.alloc((await stat(join(pool, damaged))).size));
    await using three = await offerTree(theirs.root);
    assert.equal(await fetchVersion(wanted, [three.peer], options()), true);
    await assertWhole(ours.root, id);
  });
});
