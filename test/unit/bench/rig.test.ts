/** What the rig of the benches makes of its runs: order, figures, tables; and the processor's time. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import process from "node:process";
import { test } from "node:test";
import { cpuSeconds, parseStat } from "../../../bench/rig/cpu.ts";
import { figuresOf, quantile, spread } from "../../../bench/rig/figures.ts";
import { barPlot, markdownTable, shown } from "../../../bench/rig/report.ts";
import { runBench, turnsOf } from "../../../bench/rig/rounds.ts";
import type { Bench, Case, Contender, Place, Run } from "../../../bench/rig/types.ts";

const events: string[] = [];

function contender(name: string): Contender {
  return {
    name,
    start: async () => {
      events.push(`${name} starts`);
      return { facts: undefined, pids: () => [process.pid], stop: async () => void events.push(`${name} stops`) };
    },
  };
}

const aCase: Case = {
  ...{ name: "all", unit: { rate: "GB/s", name: "GB", scale: 1e9 } },
  load: async () => ({ units: 2e9, seconds: 2, latencies: [3, 1, 2] }),
};
const bench: Bench = {
  ...{ name: "test", contenders: [contender("a"), contender("b"), contender("c")], baseline: ["b"] },
  cases: [aCase, { ...aCase, name: "some", contenders: ["a", "c"] }],
};

test("each round begins with another contender, and all take part in what they can do", () => {
  const names = turnsOf(bench, 3).map(({ round, case: { name }, contender: each }) => `${round} ${name} ${each.name}`);
  assert.deepEqual(names.slice(0, 5), ["0 all a", "0 all b", "0 all c", "0 some a", "0 some c"]);
  assert.deepEqual(names.slice(5, 10), ["1 all b", "1 all c", "1 all a", "1 some c", "1 some a"]);
  assert.equal(names.length, 15);
});

test("one contender runs at a time, and is stopped also when its load fails", async () => {
  events.length = 0;
  const runs = await runBench({ ...bench, cases: [aCase] }, { rounds: 1, seconds: 1 }, {} as Place, () => {});
  assert.deepEqual(events, ["a starts", "a stops", "b starts", "b stops", "c starts", "c stops"]);
  assert.deepEqual(
    runs.map(({ units, p50, p99 }) => [units, p50, p99]),
    [
      [2e9, 2, 3],
      [2e9, 2, 3],
      [2e9, 2, 3],
    ],
  );
  events.length = 0;
  const broken = { ...aCase, load: () => Promise.reject(new Error("no")) };
  await assert.rejects(
    runBench({ ...bench, cases: [broken] }, { rounds: 1, seconds: 1 }, {} as Place, () => {}),
    /no/,
  );
  assert.deepEqual(events, ["a starts", "a stops"]);
});

function run(contender: string, round: number, units: number, cpu: number): Run {
  return { ...{ case: "all", contender, round, units, cpu }, seconds: 1, failed: 0 };
}

test("figures are medians, with the worst round beside the baseline of the same round", () => {
  const runs = [
    run("a", 0, 4e9, 1),
    run("a", 1, 2e9, 1),
    run("a", 2, 6e9, 3),
    run("b", 0, 2e9, 1),
    run("b", 1, 4e9, 2),
    run("b", 2, 2e9, 2),
  ];
  const [a, b] = figuresOf(bench, runs);
  assert.deepEqual(a?.rate, { median: 4, least: 2, most: 6 });
  assert.equal(b?.baseline, undefined);
  assert.deepEqual(a?.baseline, { contender: "b", rate: 2, worstRate: 0.5, cpu: 1 });
  const table = markdownTable(bench, figuresOf(bench, runs));
  assert.match(table, /\| all \| a \| 4 \[2\.\.6\] GB\/s \| 0\.5 s\/GB \| 2\.00x b \| 0\.50x \| 1\.00x \|/);
  const widths = table.split("\n").map((line) => line.split("|").length);
  assert.equal(new Set(widths).size, 1, "every row has all columns");
  assert.equal(barPlot(bench, figuresOf(bench, runs)).match(/<rect /g)?.length, 3);
});

test("numbers", () => {
  assert.equal(quantile([5, 1, 3], 0.5), 3);
  assert.ok(Number.isNaN(quantile([], 0.5)));
  assert.deepEqual(spread([4, 1, 3, 2]), { median: 2.5, least: 1, most: 4 });
  assert.deepEqual([1234.5, 12.345, 0.012345, undefined].map(shown), ["1235", "12.3", "0.0123", "-"]);
});

test("a program's name may look like anything", () => {
  const line = "7 (a ) R (1)) S 42 7 7 0 -1 0 0 0 0 0 11 22 33 44 20 0";
  assert.deepEqual(parseStat(line), { parent: 42, ticks: 110 });
  assert.equal(parseStat("nonsense"), undefined);
});

const skip = process.platform === "linux" ? false : "needs /proc";

test("processor time counts children that run and children that have ended", { skip }, async () => {
  const burn = "const end = process.cpuUsage().user + 200000; while (process.cpuUsage().user < end);";
  const script = `require("child_process").execFileSync(process.execPath, ["-e", ${JSON.stringify(burn)}]); console.log("done"); setInterval(() => {}, 1000)`;
  const child = spawn(process.execPath, ["-e", script], { stdio: ["ignore", "pipe", "inherit"] });
  await once(child.stdout, "data");
  const used = cpuSeconds([child.pid ?? 0]);
  assert.ok(used >= 0.2, `${used} s`);
  child.kill("SIGKILL");
  await once(child, "exit");
});
