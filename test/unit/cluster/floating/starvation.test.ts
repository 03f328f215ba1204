import assert from "node:assert/strict";
import { test } from "node:test";
import { lookAtThread, parseThread, Starvation, type ThreadLook } from "../../../../src/cluster/floating/starvation.ts";

/** What is answered at each look, 20 ms apart: it runs for `share` of the time. */
function answers(share: number, runnable = true): boolean[] {
  let now = 5000;
  const starvation = new Starvation((): ThreadLook => ({ runnable, ranMs: now * share }));
  return Array.from({ length: 20 }, () => {
    now += 20;
    return starvation.isStarved(now);
  });
}

test("a thread that waits for a processor is starved", () => {
  assert.ok(answers(0).every(Boolean));
  assert.ok(answers(0.3).every(Boolean));
});

test("one that has the processor and says nothing is stuck, which shows after a moment", () => {
  assert.deepEqual(answers(1), [...Array(5).fill(true), ...Array(15).fill(false)]);
});

test("one that is stopped, or waits for something else, is not starved", () => {
  assert.ok(!answers(0, false).some(Boolean));
  assert.equal(new Starvation(() => undefined).isStarved(1), false);
});

test("each silence is judged by itself", () => {
  let ranMs = 0;
  const starvation = new Starvation(() => ({ runnable: true, ranMs }));
  assert.equal(starvation.isStarved(0), true);
  ranMs = 1000;
  assert.equal(starvation.isStarved(1000), false);
  starvation.over();
  assert.equal(starvation.isStarved(2000), true);
});

test("state and time are read as the kernel writes them", () => {
  assert.deepEqual(parseThread("7 (no) R (de) R 1 7 7", "2500000 77 3\n"), { runnable: true, ranMs: 2.5 });
  assert.equal(parseThread("7 (node) S 1 7 7", "0 0 0").runnable, false);
  assert.equal(parseThread("7 (node) T 1 7 7", "0 0 0").runnable, false);
});

test("this process is seen, where there is a proc file system", { skip: process.platform !== "linux" }, () => {
  const before = lookAtThread(process.pid)?.ranMs ?? 0;
  const end = performance.now() + 30;
  while (performance.now() < end);
  const after = lookAtThread(process.pid);
  assert.ok(after?.runnable && after.ranMs > before);
  assert.equal(lookAtThread(0), undefined);
});
