import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Allowance } from "../../../src/server/syslog/allowance.ts";

test("a client may send so much at once, and then as its lines come back", () => {
  const allowance = new Allowance({ burst: 3, rate: 2 });
  const takes = (times: number, now: number) =>
    Array.from({ length: times }, () => allowance.take("a", now)).filter(Boolean).length;
  assert.equal(takes(5, 1000), 3);
  assert.equal(takes(5, 1499), 0);
  assert.equal(takes(5, 1500), 1);
  assert.equal(takes(5, 100_000), 3);
});

test("a client's flood costs another nothing; a clock that is set back takes nothing away", () => {
  const allowance = new Allowance({ burst: 1, rate: 1 });
  assert.ok(allowance.take("a", 5000));
  assert.ok(!allowance.take("a", 5000));
  assert.ok(allowance.take("b", 5000));
  assert.ok(!allowance.take("a", 1000));
  assert.ok(allowance.take("a", 2000));
});

test("whenever the lines come, never more than the burst and the rate allow", () => {
  const waits = fc.array(fc.integer({ min: 0, max: 500 }), { maxLength: 200 });
  fc.assert(
    fc.property(waits, (pauses) => {
      const allowance = new Allowance({ burst: 5, rate: 10 });
      let now = 0;
      let taken = 0;
      for (const pause of pauses) {
        now += pause;
        if (allowance.take("a", now)) taken += 1;
      }
      assert.ok(taken <= 5 + (now / 1000) * 10 + 1e-6);
    }),
  );
});
