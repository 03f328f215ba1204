import assert from "node:assert/strict";
import { test } from "node:test";
import {
  chanceOf,
  FAULTS,
  groupOf,
  nameOf,
  parseList,
  pick,
  planRuns,
  replayOf,
  SIZES,
  STAGES,
} from "../../../bench/failover/plan.ts";

const ALL = planRuns({ seed: 1 });
const OURS = ALL.filter(({ arrangement }) => arrangement === "everboot");

test("every cell has 3 runs over both sizes, 20 where a server dies in the middle of a long transfer", () => {
  for (const fault of FAULTS)
    for (const stage of STAGES) {
      const isHeavy =
        ["kill-server", "cut", "freeze"].includes(fault) && ["tftp", "initrd", "packages"].includes(stage);
      const runs = OURS.filter((run) => run.fault === fault && run.stage === stage);
      assert.equal(runs.length, isHeavy ? 20 : 3, `${fault} ${stage}`);
      for (const size of SIZES) assert.ok(runs.some(({ servers }) => servers === size));
    }
});

test("the papers' arrangement is killed and cut ten times each", () => {
  const papers = ALL.filter(({ arrangement }) => arrangement === "papers").map(
    ({ fault, stage }) => `${fault} ${stage}`,
  );
  assert.equal(papers.length, 20);
  assert.deepEqual([...new Set(papers)].sort(), ["cut packages", "kill-server packages"]);
});

test("no two runs have the same name, and the runs of a group stand together", () => {
  assert.equal(new Set(ALL.map(nameOf)).size, ALL.length);
  const changes = ALL.filter((run, index) => index > 0 && groupOf(run) !== groupOf(ALL[index - 1] ?? run));
  assert.equal(changes.length, new Set(ALL.map(groupOf)).size - 1);
});

test("a part of the matrix is the same runs as in the whole", () => {
  const part = planRuns({ servers: [2], faults: ["cut"], stages: ["tftp"], arrangements: ["everboot"], seed: 1 });
  assert.equal(part.length, 10);
  const all = new Set(ALL.map(nameOf));
  assert.ok(part.every((run) => all.has(nameOf(run))));
});

test("one run can be had again by what replayOf says", () => {
  const [run] = planRuns({ servers: [3], faults: ["freeze"], stages: ["initrd"], only: 7, seed: 5 });
  assert.ok(run);
  assert.equal(nameOf(run), "everboot/3/freeze/initrd/7/5");
  assert.match(replayOf(run), /--servers 3 --faults freeze --stages initrd --only 7 --seed 5/);
});

test("--runs replaces the number of runs, and gives none to cells that do not exist", () => {
  const runs = planRuns({ runs: 1, seed: 1 });
  assert.equal(runs.filter(({ arrangement }) => arrangement === "papers").length, 2);
  assert.equal(runs.filter(({ arrangement }) => arrangement === "everboot").length, 2 * FAULTS.length * STAGES.length);
});

test("chance is the same for the same name, another for another, and spread evenly", () => {
  const take = (name: string) => Array.from({ length: 3 }, chanceOf(name));
  assert.deepEqual(take("a"), take("a"));
  assert.notDeepEqual(take("a"), take("b"));
  const numbers = Array.from({ length: 4000 }, chanceOf("even"));
  assert.ok(numbers.every((number) => number >= 0 && number < 1));
  assert.ok(Math.abs(numbers.reduce((sum, number) => sum + number, 0) / numbers.length - 0.5) < 0.02);
  assert.throws(() => pick(chanceOf("a"), []), RangeError);
});

test("a word that is not known is told with those that are", () => {
  assert.deepEqual(parseList("servers", "3,2", SIZES), [3, 2]);
  assert.equal(parseList("servers", undefined, SIZES), undefined);
  assert.throws(() => parseList("servers", "2,4", SIZES), { message: "--servers: no 4: there are 2, 3" });
});
