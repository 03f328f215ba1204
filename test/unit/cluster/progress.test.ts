import assert from "node:assert/strict";
import { test } from "node:test";
import { foldBoots } from "../../../src/cluster/boot-trace.ts";
import { foldProgress, type ProgressAbout } from "../../../src/cluster/progress.ts";
import { ANSWER, DONE, eventsOf, PACKAGES, type Row } from "../../support/boot-events.ts";

function progressOf(rows: readonly Row[], about: ProgressAbout = {}) {
  const boot = foldBoots(eventsOf(rows)).at(-1) ?? assert.fail();
  return foldProgress(boot, about);
}

const count = (at: number, done: number, of?: number): Row => [
  at,
  "packages",
  "log",
  { kind: "progress", text: "x", done, of },
];
const POST: Row = [890, "post", "report", { event: "post" }];
const FETCHED = 501_007;

test("there is none before packages are fetched, nor with nothing to tell it by", () => {
  assert.equal(progressOf(ANSWER, { expected: { bytes: 1 } }), undefined);
  assert.equal(progressOf(PACKAGES), undefined);
  assert.equal(progressOf(DONE), undefined);
});

test("what was served against what earlier installs fetched is an estimate, by bytes", () => {
  const estimate = { basis: "earlier", isEstimate: true, unit: "bytes", done: FETCHED } as const;
  const expected = { bytes: 1_002_014 };
  assert.deepEqual(progressOf(PACKAGES, { expected }), { ...estimate, fraction: 0.5, of: 1_002_014 });
  assert.deepEqual(progressOf([...PACKAGES, POST], { expected }), { ...estimate, fraction: 1, of: FETCHED });
});

test("more than was expected is nearly all, and never all before the stage is over", () => {
  const { fraction, done, of } = progressOf(PACKAGES, { expected: { bytes: 1000 } }) ?? assert.fail();
  assert.deepEqual([fraction, done, of], [0.99, FETCHED, FETCHED]);
});

test("a failed install is not all of one", () => {
  const failed: Row = [300, "post", "report", { event: "failed" }];
  assert.equal(progressOf([...PACKAGES, failed], { expected: { bytes: 1_002_014 } })?.fraction, 0.5);
});

test("what the tree's lists say counts files where nothing was learned", () => {
  const tree = { basis: "tree", isEstimate: true, unit: "packages" };
  assert.deepEqual(progressOf(PACKAGES, { treePackages: 82 }), { ...tree, fraction: 0.5, done: 41, of: 82 });
  assert.equal(progressOf(PACKAGES, { treePackages: 82, expected: { bytes: 9 } })?.basis, "earlier");
});

test("where the installer counts what it sets up, a package that was only fetched is half of one", () => {
  const about = { treePackages: 41 };
  const begun: Row = [195, "packages", "log", { kind: "step", text: "loading installer components" }];
  const fetched = [...PACKAGES.slice(0, -3), begun, ...PACKAGES.slice(-3)];
  assert.equal(progressOf(fetched, about)?.fraction, 20 / 41);
  const half = progressOf([...fetched, count(300, 21)], about) ?? assert.fail();
  assert.deepEqual([half.fraction, half.done, half.of], [31 / 41, 31, 41]);
  assert.equal(progressOf([...fetched, count(300, 50)], about)?.fraction, 0.99);
});

test("what the installer counts is no estimate, and goes before all else", () => {
  const progress = progressOf([...PACKAGES, count(300, 412, 824)], { expected: { bytes: 9_000_000 }, treePackages: 2 });
  const told = { basis: "counted", isEstimate: false, unit: "packages" };
  assert.deepEqual(progress, { ...told, fraction: 0.5, done: 412, of: 824 });
});

test("an installer that counts without a total is measured by what earlier ones counted", () => {
  const progress = progressOf([...PACKAGES, count(300, 50)], { expected: { bytes: 9_000_000, counted: 200 } });
  assert.deepEqual(progress, {
    fraction: 0.25,
    basis: "earlier",
    isEstimate: true,
    unit: "packages",
    done: 50,
    of: 200,
  });
});

test("a second count goes on from the first: its first packages are no step back", () => {
  const first = [...PACKAGES, count(300, 90, 100)];
  const anew = [...first, count(301, 1, 300)];
  assert.equal(progressOf(first)?.fraction, 0.9);
  assert.deepEqual([progressOf(anew)?.fraction, progressOf(anew)?.done, progressOf(anew)?.of], [0.9, 101, 400]);
  assert.equal(progressOf([...anew, count(302, 290, 300)])?.fraction, 390 / 400);
  assert.equal(progressOf(first, { expected: { counted: 400 } })?.fraction, 0.225, "both counts were expected");
});

test("an estimate that was ahead of the count stays until the count has passed it", () => {
  const expected = { bytes: 1_002_014 };
  assert.equal(progressOf([...PACKAGES, count(300, 10, 100)], { expected })?.fraction, 0.5);
  assert.equal(progressOf([...PACKAGES, count(300, 60, 100)], { expected })?.fraction, 0.6);
});
