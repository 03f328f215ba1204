import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { Throttle } from "../../../src/content/replica-throttle.ts";
import { createFakeClock } from "../../support/fake-clock.ts";

test("all that is taken together stays below the rate, and a pause earns no burst", async () => {
  const clock = createFakeClock();
  const throttle = new Throttle(clock, 1000);
  let taken = 0;
  const take = async () => {
    for (;;) {
      await throttle.take(100);
      taken += 100;
    }
  };
  void take();
  void take();
  for (let second = 1; second <= 3; second++) {
    for (let step = 0; step < 10; step++) {
      await turn();
      clock.advance(100);
    }
    await turn();
    assert.equal(taken, second * 1000);
  }
});

test("without a rate nothing waits; who is stopped waits no longer", async () => {
  const clock = createFakeClock();
  await new Throttle(clock).take(1e12);
  const stop = new AbortController();
  const waiting = new Throttle(clock, 1).take(1000, stop.signal);
  stop.abort(new Error("stopped"));
  await assert.rejects(waiting, /stopped/);
});
