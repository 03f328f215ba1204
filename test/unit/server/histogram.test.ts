import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Histogram, Histograms, QUICK_BOUNDS, STAGE_BOUNDS, TRANSFER_BOUNDS } from "../../../src/server/histogram.ts";

test("what takes as long as a bound counts to it, what takes longer than all to none", () => {
  const histogram = new Histogram([0.1, 1]);
  for (const seconds of [0.05, 0.1, 0.5, 2]) histogram.add(seconds);
  assert.deepEqual(histogram.snapshot(), { bounds: [0.1, 1], counts: [2, 3], count: 4, sum: 2.65 });
});

test("it measures by the clock that it is given", () => {
  let now = 5000;
  const histogram = new Histogram([1], () => now);
  const started = histogram.start();
  now += 250;
  histogram.end(started);
  assert.deepEqual(histogram.snapshot(), { bounds: [1], counts: [1], count: 1, sum: 0.25 });
});

test("time that runs backwards counts as none", () => {
  const histogram = new Histogram([1]);
  histogram.add(-3);
  assert.deepEqual(histogram.snapshot(), { bounds: [1], counts: [1], count: 1, sum: 0 });
});

test("a snapshot stays as it was", () => {
  const histogram = new Histogram([1]);
  const before = histogram.snapshot();
  histogram.add(0.5);
  assert.deepEqual([before.count, before.counts, histogram.snapshot().count], [0, [0], 1]);
});

test("counts rise with the bounds and come to what was counted, whatever that is", () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: -1, max: 20_000, noNaN: true })), (all) => {
      const histogram = new Histogram(QUICK_BOUNDS);
      for (const seconds of all) histogram.add(seconds);
      const { bounds, counts, count } = histogram.snapshot();
      assert.equal(count, all.length);
      assert.deepEqual(
        counts,
        bounds.map((bound) => all.filter((seconds) => seconds <= bound).length),
      );
    }),
  );
});

test("bounds rise", () => {
  for (const bounds of [QUICK_BOUNDS, TRANSFER_BOUNDS, STAGE_BOUNDS])
    assert.deepEqual(
      [...bounds].sort((a, b) => a - b),
      [...bounds],
    );
});

test("histograms by name come in the order of their names", () => {
  const times = new Histograms([1]);
  times.of("b").add(0.5);
  times.of("a").add(2);
  times.of("b").add(0.5);
  assert.deepEqual(
    times.snapshot().map(([name, { count }]) => [name, count]),
    [
      ["a", 1],
      ["b", 2],
    ],
  );
});
