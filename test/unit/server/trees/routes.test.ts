import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { noteDamage, readDamage } from "../../../../src/content/replica-damage.ts";
import { PeerTrouble } from "../../../../src/content/replica-peer.ts";
import { PIECE_BYTES, piecesOf } from "../../../../src/content/replica-pieces.ts";
import { versionFolder } from "../../../../src/content/versions.ts";
import { createFakeClock } from "../../../support/fake-clock.ts";
import { testBytes } from "../../../support/http-folder.ts";
import {
  addVersion,
  keepingLog,
  offerTree,
  peerAt,
  SITE_KEY,
  TREE,
  temporaryTree,
} from "../../../support/tree-peers.ts";

const IMAGE = testBytes(PIECE_BYTES + 1000);
const FILES = { "images/initrd": IMAGE, "dists/Release": "signed", empty: "" };
const SIGNAL = new AbortController().signal;
const hashOf = (bytes: Uint8Array | string) => createHash("sha256").update(bytes).digest("hex");
const isTrouble = (kind: string) => (error: unknown) => error instanceof PeerTrouble && error.kind === kind;

test("a peer is told of versions, their manifests, files and pieces", async () => {
  await using tree = await temporaryTree();
  const id = await addVersion(tree.root, FILES);
  await using server = await offerTree(tree.root);
  const { peer } = server;
  const bytes = IMAGE.length + "signed".length;
  assert.deepEqual(await peer.versions(TREE, SIGNAL), [{ id, files: 3, bytes }]);
  const manifest = await peer.manifest(TREE, id, SIGNAL);
  assert.equal(hashOf(manifest).slice(0, 12), id);
  const file = { size: IMAGE.length, sha256: hashOf(IMAGE) };
  const cut = await peer.cut(TREE, id, file.sha256, SIGNAL);
  assert.deepEqual(cut, [hashOf(IMAGE.subarray(0, PIECE_BYTES)), hashOf(IMAGE.subarray(PIECE_BYTES))]);
  for (const [index, piece] of piecesOf(file).entries()) {
    const came = await peer.piece(TREE, id, piece, SIGNAL);
    assert.equal(came.sha256, cut[index]);
    assert.ok(IMAGE.subarray(piece.offset, piece.offset + piece.length).equals(came.bytes));
  }
  const [none] = piecesOf({ size: 0, sha256: hashOf("") });
  assert.ok(none);
  assert.equal((await peer.piece(TREE, id, none, SIGNAL)).bytes.length, 0);
});

test("who is no server of the site is refused whatever it asks for", async () => {
  await using tree = await temporaryTree();
  const id = await addVersion(tree.root, FILES);
  await using server = await offerTree(tree.root);
  const base = `${server.url}/.everboot/trees/${TREE}`;
  for (const path of ["", `/${id}/manifest`, `/${id}/files/${hashOf(IMAGE)}`, `/${id}/pieces/${hashOf(IMAGE)}`]) {
    const answer = await fetch(base + path);
    assert.equal(answer.status, 403, path);
    assert.equal(await answer.text(), "not allowed\n");
  }
  const otherKey = peerAt("two", server.url, Buffer.alloc(32, 8));
  await assert.rejects(otherKey.versions(TREE, SIGNAL), isTrouble("refused"));
  const stranger = peerAt("two", server.url, SITE_KEY, "nobody");
  await assert.rejects(stranger.versions(TREE, SIGNAL), isTrouble("refused"));
});

test("a server whose clock is wrong is refused, and the log says by how much", async () => {
  await using tree = await temporaryTree();
  const lines: string[] = [];
  await using server = await offerTree(tree.root, { clock: createFakeClock(), log: keepingLog(lines) });
  await assert.rejects(server.peer.versions(TREE, SIGNAL), isTrouble("refused"));
  assert.deepEqual(lines, ["a server's clock differs too much for it to fetch trees from here"]);
});

test("what is not there is absent: trees, versions, hashes", async () => {
  await using tree = await temporaryTree();
  const id = await addVersion(tree.root, FILES);
  await using server = await offerTree(tree.root);
  const { peer } = server;
  await assert.rejects(peer.versions("other", SIGNAL), isTrouble("absent"));
  await assert.rejects(peer.manifest(TREE, "000000000000", SIGNAL), isTrouble("absent"));
  await assert.rejects(peer.manifest(TREE, "versions", SIGNAL), isTrouble("absent"));
  await assert.rejects(peer.cut(TREE, id, hashOf("other"), SIGNAL), isTrouble("absent"));
  await assert.rejects(peer.cut("other", id, hashOf(IMAGE), SIGNAL), isTrouble("absent"));
});

test("a damaged version is not offered, and who reads a damaged file whole notes it", async () => {
  await using tree = await temporaryTree();
  const id = await addVersion(tree.root, FILES);
  await using server = await offerTree(tree.root);
  const file = await open(join(versionFolder(tree.root, id), "images/initrd"), "r+");
  await file.write(Buffer.from([~(IMAGE[100] ?? 0)]), 0, 1, 100);
  await file.close();
  assert.equal((await server.peer.versions(TREE, SIGNAL)).length, 1);
  await assert.rejects(server.peer.cut(TREE, id, hashOf(IMAGE), SIGNAL), isTrouble("wrong"));
  assert.deepEqual(await readDamage(tree.root, id), ["images/initrd"]);
  assert.deepEqual(await server.peer.versions(TREE, SIGNAL), []);
  await noteDamage(tree.root, id, ["dists/Release", "images/initrd"]);
  assert.deepEqual(await readDamage(tree.root, id), ["dists/Release", "images/initrd"]);
});
