import assert from "node:assert/strict";
import { test } from "node:test";
import { createRateMeter } from "../../../src/server/rate-meter.ts";

test("the rate is the mean over the last five seconds", () => {
  let [now, bytes] = [1_000_000, 500];
  const rate = createRateMeter(() => bytes, { now: () => now });
  assert.equal(rate(), 0);
  const rates = [];
  for (let second = 1; second <= 8; second++) {
    now += 1000;
    bytes += second <= 4 ? 1000 : 0;
    rates.push(rate());
  }
  assert.deepEqual(rates, [1000, 1000, 1000, 1000, 800, 600, 400, 200]);
});

test("a clock that was set back begins anew", () => {
  let [now, bytes] = [1_000_000, 0];
  const rate = createRateMeter(() => bytes, { now: () => now });
  rate();
  now -= 60_000;
  bytes += 1000;
  assert.equal(rate(), 0);
  now += 1000;
  bytes += 2000;
  assert.equal(rate(), 2000);
});
