import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { backedOff, type RoundTrip, sampled } from "../../../src/server/tftp/round-trip.ts";

function after(samples: readonly number[]): RoundTrip {
  const known = samples.reduce<RoundTrip | undefined>(sampled, undefined);
  assert.ok(known);
  return known;
}

test("a network at rest is known by its round trip, and waited for 20 ms at least", () => {
  const lan = after(Array.from({ length: 100 }, () => 0.3));
  assert.ok(Math.abs(lan.smoothed - 0.3) < 1e-9);
  assert.deepEqual([lan.least, lan.patience], [0.3, 20]);
  const far = after(Array.from({ length: 100 }, () => 60));
  assert.ok(far.patience >= 60 && far.patience < 61, `waits ${far.patience} ms`);
});

test("the first answer of all may be twice as late the next time (RFC 6298 section 2.2)", () => {
  assert.deepEqual(after([40]), { smoothed: 40, variation: 20, least: 40, patience: 120 });
});

test("each repetition doubles the wait, until an answer comes to a first sending", () => {
  const known = after([1, 1, 1]);
  const waits = [known, backedOff(known), backedOff(backedOff(known))].map(({ patience }) => patience);
  assert.deepEqual(waits, [20, 40, 80]);
  assert.equal(sampled(backedOff(known), 1).patience, 20);
});

test("whatever the answers, the wait stays within 20 and 250 ms, and the least is the least", () => {
  const sample = fc.double({ min: 0, max: 100_000, noNaN: true });
  fc.assert(
    fc.property(fc.array(sample, { minLength: 1, maxLength: 30 }), fc.nat(5), (samples, repetitions) => {
      let known = after(samples);
      assert.equal(known.least, Math.min(...samples));
      for (let turn = 0; turn < repetitions; turn++) known = backedOff(known);
      assert.ok(known.patience >= 20 && known.patience <= 250);
    }),
  );
});
