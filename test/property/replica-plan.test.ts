/** Whatever peers do, each piece is fetched, from one that gives it right; and the work is shared out evenly. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import type { Manifest } from "../../src/content/manifest.ts";
import { PIECE_BYTES, type Piece, pieceKey, piecesOf } from "../../src/content/replica-pieces.ts";
import { FetchQueue, planFetch } from "../../src/content/replica-plan.ts";

const REQUEST_COST = 64 << 10;

/** Sizes of files; some of them are the same file under two names. */
const manifests = fc
  .array(fc.record({ size: fc.oneof(fc.nat(200_000), fc.nat(5 * PIECE_BYTES)), twin: fc.boolean() }), { maxLength: 40 })
  .map((files): Manifest => {
    const entries = files.map(({ size, twin }, index) => {
      const sha256 = createHash("sha256").update(`${size} ${index}`).digest("hex");
      const paths = twin ? [`pool/${index}`, `copies/${index}`] : [`pool/${index}`];
      return paths.map((path) => [path, { size, sha256 }] as const);
    });
    return new Map(entries.flat());
  });
const peerNames = fc
  .integer({ min: 1, max: 5 })
  .map((count) => ["one", "two", "three", "four", "five"].slice(0, count));

function allPieces(manifest: Manifest): ReadonlyMap<string, Piece> {
  return new Map([...manifest.values()].flatMap(piecesOf).map((piece) => [pieceKey(piece), piece]));
}

const costOf = (pieces: readonly Piece[]) => pieces.reduce((sum, { length }) => sum + length + REQUEST_COST, 0);

test("each piece that is lacking is in the plan once, and all others are not", () => {
  fc.assert(
    fc.property(manifests, peerNames, fc.integer({ min: 1, max: 7 }), (manifest, peers, every) => {
      const all = [...allPieces(manifest).keys()];
      const have = new Set(all.filter((_, index) => index % every === 0));
      const planned = [...planFetch(manifest, have, peers).values()].flat().map(pieceKey);
      assert.deepEqual(planned.sort(), all.filter((key) => !have.has(key)).sort());
    }),
  );
});

test("no peer gets more than another by more than a piece at each end", () => {
  fc.assert(
    fc.property(manifests, peerNames, (manifest, peers) => {
      const costs = [...planFetch(manifest, new Set(), peers).values()].map(costOf);
      assert.equal(costs.length, peers.length);
      const spread = Math.max(...costs) - Math.min(...costs);
      assert.ok(spread <= 2 * (PIECE_BYTES + REQUEST_COST), `${spread}`);
    }),
  );
});

test("pieces of a file are whole and follow each other", () => {
  fc.assert(
    fc.property(fc.nat(6 * PIECE_BYTES), (size) => {
      const pieces = piecesOf({ size, sha256: "0" });
      let end = 0;
      for (const { offset, length } of pieces) {
        assert.equal(offset, end);
        assert.ok(length <= PIECE_BYTES && (length > 0 || size === 0));
        end += length;
      }
      assert.equal(end, size);
    }),
  );
});

interface Asked {
  readonly peer: string;
  readonly piece: Piece;
}

/** What befalls a request: it is answered right, or comes to nothing, or with wrong bytes. */
type Fate = "right" | "lost" | "wrong";

/** Carries a plan out with peers that do what fate will; the first one never gives wrong bytes. */
class World {
  readonly queue: FetchQueue;
  readonly settled: string[] = [];
  private readonly peers: readonly string[];
  private underWay: readonly Asked[] = [];
  private now = 0;

  constructor(manifest: Manifest, peers: readonly string[]) {
    this.queue = new FetchQueue(planFetch(manifest, new Set(), peers));
    this.peers = peers;
  }

  askAll(): void {
    this.now += 1;
    const asked = this.peers
      .filter((peer) => !this.queue.isUseless(peer))
      .flatMap((peer) => {
        const piece = this.queue.take(peer, this.now) ?? this.queue.race(peer, this.now - 10);
        return piece ? [{ peer, piece }] : [];
      });
    this.underWay = [...this.underWay, ...asked];
  }

  answerOne(pick: number, fate: Fate): void {
    const done = this.underWay[pick % this.underWay.length];
    assert.ok(done, "nothing is under way, and something is left");
    this.underWay = this.underWay.filter((each) => each !== done);
    const { peer, piece } = done;
    if (fate === "lost") this.queue.giveBack(peer, piece);
    else if (fate === "wrong" && peer !== this.peers[0]) this.queue.refuse(peer, piece);
    else if (this.queue.settle(piece)) this.settled.push(pieceKey(piece));
  }
}

test("all is fetched as long as each piece has a peer that gives it right, and nothing twice", () => {
  const fates = fc.infiniteStream(fc.constantFrom<Fate>("right", "right", "lost", "wrong"));
  const picks = fc.infiniteStream(fc.nat());
  fc.assert(
    fc.property(manifests, peerNames, fates, picks, (manifest, peers, fate, pick) => {
      const world = new World(manifest, peers);
      for (let turn = 0; world.queue.left > 0; turn++) {
        assert.ok(turn < 20_000, "it never ends");
        world.askAll();
        world.answerOne(pick.next().value, fate.next().value);
      }
      assert.deepEqual(world.settled.sort(), [...allPieces(manifest).keys()].sort());
      assert.ok(peers.every((peer) => world.queue.take(peer, 0) === undefined));
    }),
  );
});

test("who has nothing left to do takes from the back of the longest list, and races for what is slow", () => {
  const file = { size: 6 * PIECE_BYTES, sha256: "a".repeat(64) };
  const queue = new FetchQueue(planFetch(new Map([["image", file]]), new Set(), ["one", "two"]));
  const offsets = (peer: string, now: number) => (queue.take(peer, now)?.offset ?? Number.NaN) / PIECE_BYTES;
  assert.deepEqual([offsets("one", 0), offsets("two", 5)], [0, 3]);
  assert.deepEqual(
    [4, 5, 2, 1].map(() => offsets("two", 5)),
    [4, 5, 2, 1],
  );
  assert.equal(queue.take("two", 6), undefined);
  assert.equal(queue.race("two", -1), undefined, "not that long under way");
  const raced = queue.race("two", 0);
  assert.equal(raced?.offset, 0);
  assert.equal(queue.race("two", 0), undefined, "two are asked for it already");
  assert.ok(raced && queue.settle(raced));
  assert.ok(!queue.settle(raced), "the slow one comes too late");
});

test("a peer that gave wrong bytes for all that is left is of no use", () => {
  const file = { size: 10, sha256: "b".repeat(64) };
  const queue = new FetchQueue(planFetch(new Map([["file", file]]), new Set(), ["one", "two"]));
  const piece = queue.take("one", 0);
  assert.ok(piece);
  queue.refuse("one", piece);
  assert.equal(queue.take("one", 0), undefined);
  assert.ok(queue.isUseless("one"));
  assert.ok(!queue.isUseless("two"));
  assert.equal(queue.take("two", 0), piece);
});
