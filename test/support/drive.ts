/** Lets a program on a fake clock run until something is so. */
import assert from "node:assert/strict";
import type { FakeClock } from "./fake-clock.ts";

const MAX_STEPS = 2_000;
const STEP_MS = 50;

/** Fails with what `tell` gives when it does not come to be so in 100 s of the fake clock. */
export async function driveUntil(clock: FakeClock, isSo: () => boolean, tell: () => unknown): Promise<void> {
  for (let steps = 0; steps < MAX_STEPS; steps++) {
    if (isSo()) return;
    clock.advance(STEP_MS);
    for (let turns = 0; turns < 3; turns++) await new Promise((resume) => setImmediate(resume));
  }
  assert.fail(`it never came to be: ${JSON.stringify(tell())}`);
}

/** What a promise comes to while the clock is driven. */
export async function driveToEnd<T>(clock: FakeClock, promise: Promise<T>): Promise<T> {
  let settled = false;
  const mark = () => {
    settled = true;
  };
  promise.then(mark, mark);
  await driveUntil(
    clock,
    () => settled,
    () => "a promise is still pending",
  );
  return await promise;
}
