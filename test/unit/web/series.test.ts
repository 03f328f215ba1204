import assert from "node:assert/strict";
import { test } from "node:test";
import { addSample, plotPath, plotTop, SERIES_LENGTH, type TimedSeries } from "../../../web/src/series.ts";

function seriesOf(...samples: [second: number, value: number | undefined][]): TimedSeries | undefined {
  return samples.reduce<TimedSeries | undefined>(
    (series, [second, value]) => addSample(series, second * 1000, value),
    undefined,
  );
}

test("seconds in which nothing came are gaps, not zeros", () => {
  assert.deepEqual(seriesOf([10, 5], [13, 7])?.samples, [5, undefined, undefined, 7]);
});

test("of two samples of one second the later counts", () => {
  assert.deepEqual(seriesOf([10, 5], [10, 6], [11, 7])?.samples, [6, 7]);
});

test("no more is kept than the plot shows, however long nothing came", () => {
  const series = seriesOf([0, 1], [1, 2], [100_000, 3]);
  assert.equal(series?.samples.length, SERIES_LENGTH);
  assert.equal(series?.samples.at(-1), 3);
  assert.equal(series?.samples.filter((sample) => sample !== undefined).length, 1);
});

test("the line ends at the right edge and is broken at a gap", () => {
  const width = SERIES_LENGTH - 1;
  assert.equal(plotPath([0, 50, undefined, 100], 100, width, 10), `M${width - 3} 10L${width - 2} 5M${width} 0`);
  assert.equal(plotPath([], 100, width, 10), "");
  assert.equal(plotPath([0], 0, width, 10), `M${width} 10`);
});

test("the top of a plot is a round number above all samples", () => {
  const mib = 2 ** 20;
  assert.equal(plotTop([[3 * mib, 118 * mib], [undefined]]), 200 * mib);
  assert.equal(plotTop([[200 * mib]]), 200 * mib);
  assert.equal(plotTop([[0.3 * mib]]), 0.5 * mib);
  assert.equal(plotTop([[]]), 0.1 * mib);
});
