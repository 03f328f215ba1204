import assert from "node:assert/strict";
import { test } from "node:test";
import { treesText } from "../../../../src/cli/status-trees.ts";
import type { Holdings } from "../../../../src/content/replica-holdings.ts";
import { reportTrees, type TreesSeen } from "../../../../src/server/trees/report.ts";
import type { Tree } from "../../../../src/site/model.ts";

const [V1, V2] = ["111111111111", "222222222222"] as const;
const tree = (name: string, more: Partial<Tree> = {}): Tree => ({
  ...{ name, family: "debian", release: "12", arch: "amd64", path: `/srv/${name}` },
  ...more,
});

function seen(held: Readonly<Record<string, Holdings>>, more: Partial<TreesSeen> = {}): TreesSeen {
  const about = { trees: [tree("deb")], currentOf: () => V2, lacks: new Map() };
  return { ...about, held: new Map(Object.entries(held)), ...more };
}

test("each version with those who hold it, and where it is pinned", () => {
  const { items } = reportTrees(
    seen({
      one: { deb: { versions: [V1, V2], current: V2 } },
      two: { deb: { versions: [V1, V2], current: V1, pinned: [V1] } },
    }),
  );
  assert.deepEqual(items, [
    {
      ...{ name: "deb", kind: "versions", current: V2, lacking: [] },
      versions: [
        { id: V1, holders: ["one", "two"], pinned: ["two"] },
        { id: V2, holders: ["one", "two"], pinned: [] },
      ],
    },
  ]);
});

test("what a server lacks is told by itself, or seen from what it holds", () => {
  const status = { tree: "deb", version: V2, bytes: 4 << 20, done: 1 << 20, from: ["one", "three"] };
  const answer = reportTrees(
    seen(
      {
        one: { deb: { versions: [V2] } },
        two: { deb: { versions: [] } },
        three: { deb: { versions: [V1] } },
        four: { deb: { versions: [V2] } },
      },
      // Four has got it since it told that.
      {
        lacks: new Map([
          ["two", [status, { ...status, tree: "other" }]],
          ["four", [status]],
        ]),
      },
    ),
  );
  assert.deepEqual(
    answer.items[0]?.lacking.map(({ server, done }) => [server, done]),
    [
      ["two", 1 << 20],
      ["three", 0],
    ],
  );
  assert.deepEqual(treesText(answer), [
    "two: deb 25 % of 4.0 MiB from one, three",
    "three: deb is lacking: it is not there whole",
  ]);
});

test("plain trees and mirrors lack nothing; plain ones that differ are told of", () => {
  const plain = (manifest: string): Holdings => ({ deb: { versions: [], manifest } });
  const trees = [tree("deb"), tree("far", { upstream: "http://mirror.example/debian" })];
  const answer = reportTrees(seen({ one: plain("a"), two: plain("b") }, { trees, currentOf: () => undefined }));
  assert.deepEqual(
    answer.items.map(({ kind, lacking, versions }) => [kind, lacking.length, versions.length]),
    [
      ["plain", 0, 0],
      ["mirror", 0, 0],
    ],
  );
  assert.equal(treesText(answer).length, 1);
  assert.match(treesText(answer)[0] ?? "", /^deb differs/);
  assert.deepEqual(treesText(undefined), []);
});
