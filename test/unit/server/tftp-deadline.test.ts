import assert from "node:assert/strict";
import { test } from "node:test";
import type { Clock } from "../../../src/base/clock.ts";
import { Deadline } from "../../../src/server/tftp/deadline.ts";

/** A clock whose timers come when they are let: as those of a process that is kept busy. */
function lazyClock() {
  const timers: Array<{ readonly at: number; readonly task: () => void }> = [];
  let now = 0;
  const clock: Clock = {
    now: () => now,
    after: (ms, task) => {
      const timer = { at: now + ms, task };
      timers.push(timer);
      return { cancel: () => void timers.splice(timers.indexOf(timer), 1) };
    },
  };
  /** It is `moment`: timers that are due by then come now. */
  const reach = (moment: number) => {
    now = moment;
    for (const timer of timers.filter(({ at }) => at <= moment)) {
      timers.splice(timers.indexOf(timer), 1);
      timer.task();
    }
  };
  return { clock, reach };
}

function deadline() {
  const { clock, reach } = lazyClock();
  const calls: number[] = [];
  const made = new Deadline(clock, () => calls.push(clock.now()));
  return { made, calls, reach };
}

test("it calls when it is due, and not before when it was moved", () => {
  const { made, calls, reach } = deadline();
  made.set(100, 0);
  reach(60);
  made.set(160, 60);
  reach(100);
  assert.deepEqual(calls, []);
  reach(160);
  assert.deepEqual(calls, [160]);
});

test("a process that comes late looks into its sockets first", () => {
  const { made, calls, reach } = deadline();
  made.set(100, 0);
  reach(180);
  assert.deepEqual(calls, []);
  // The ACK was there.
  made.set(280, 180);
  reach(181);
  assert.deepEqual(calls, []);
  reach(280);
  assert.deepEqual(calls, [280]);
});

test("it is put off once: a process that is always late calls too", () => {
  const { made, calls, reach } = deadline();
  made.set(100, 0);
  reach(180);
  reach(300);
  assert.deepEqual(calls, [300]);
  made.set(400, 300);
  reach(500);
  assert.deepEqual(calls, [300]);
});

test("cleared, it does not call", () => {
  const { made, calls, reach } = deadline();
  made.set(100, 0);
  made.clear();
  reach(100);
  assert.deepEqual(calls, []);
});
