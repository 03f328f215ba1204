import assert from "node:assert/strict";
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { planRuns } from "../../../bench/failover/plan.ts";
import { quantile, renderTables, withTables } from "../../../bench/failover/report.ts";
import { appendResult, type Outcome, readResults, runsLeft } from "../../../bench/failover/results.ts";
import { longestGap } from "../../../bench/failover/watch.ts";

const folder = mkdtempSync(join(tmpdir(), "everboot-bench-"));
after(() => rmSync(folder, { recursive: true }));

const RUNS = planRuns({ servers: [2], faults: ["cut"], stages: ["tftp"], arrangements: ["everboot"], seed: 1 });

function outcomes(extra: (index: number) => Partial<Outcome> = () => ({})): Outcome[] {
  return RUNS.map((run, index) => ({
    ...{ ...run, client: "atftp", at: "20 %", pauseMs: 1000 + index, addressMs: 300 + index, mendMs: 50 },
    ...extra(index),
  }));
}

test("what is in the results is not done again; a line that was cut off is", () => {
  const file = join(folder, "cut-off.jsonl");
  assert.deepEqual(runsLeft(RUNS, readResults(file)), RUNS);
  for (const outcome of outcomes().slice(0, 3)) appendResult(file, outcome);
  appendFileSync(file, '{"arrangement":"everboot","servers":2,"fa');
  assert.deepEqual(runsLeft(RUNS, readResults(file)), RUNS.slice(3));
});

test("a broken line in the middle is no result file", () => {
  const file = join(folder, "broken.jsonl");
  writeFileSync(file, '{"fault":\n{"idleLoadMinutes":1,"servers":2,"moves":0}\n');
  assert.throws(() => readResults(file), SyntaxError);
});

test("quantiles are values that occur", () => {
  const values = [5, 1, 4, 2, 3];
  assert.equal(quantile(values, 0.5), 3);
  assert.equal(quantile(values, 0.99), 5);
  assert.equal(quantile([7], 0.5), 7);
});

test("the longest gap counts from the fault and to the end", () => {
  assert.equal(longestGap([10, 30, 330, 350], 40, 400), 290);
  assert.equal(longestGap([10, 30], 40, 400), 360);
  assert.equal(longestGap([50, 60], 40, 65), 10);
});

test("tables tell times by fault, cells by fault and stage, and each failure with how to see it again", () => {
  const failing = outcomes((index) => (index === 4 ? { trouble: "atftp ended with 1: timeout" } : {}));
  const text = renderTables({ outcomes: failing, idleLoads: [{ idleLoadMinutes: 10, servers: 2, moves: 0 }] });
  assert.match(text, /^10 runs with 2 servers, seed 1: 1 clients failed\./);
  assert.match(text, /\| cut \| 10 \| 1 \| 304 \| 309 \| 309 \| 1005 \| 1009 \| 1009 \|/);
  assert.match(text, /\| cut \| {2}\| {2}\| 1009 \(10, \*\*1 failed\*\*\) \|/);
  assert.match(text, /\| 2 \| 10 \| 0 \|/);
  assert.match(text, /timeout\n {2}`\.\/everboot bench failover .*--only 4 --seed 1/);
});

test("the document keeps what is around its tables", () => {
  const document = `a\n<!-- begin of what \`./everboot bench failover --report\` writes -->\nold\n<!-- end of it -->\nz\n`;
  const made = withTables(document, { outcomes: outcomes(), idleLoads: [] });
  assert.match(made, /^a\n<!-- begin[\s\S]*\| cut \|[\s\S]*<!-- end of it -->\nz\n$/);
  assert.ok(!made.includes("old"));
  assert.equal(withTables(made, { outcomes: outcomes(), idleLoads: [] }), made);
  assert.throws(() => withTables("no place", { outcomes: [], idleLoads: [] }));
});
