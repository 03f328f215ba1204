import assert from "node:assert/strict";
import { test } from "node:test";
import { ReplayGuard } from "../../../../src/server/peers/replay.ts";

/** What becomes of these `sender epoch sequence`, one after the other. */
function fates(...messages: ReadonlyArray<readonly [string, number, number]>): boolean[] {
  const guard = new ReplayGuard();
  return messages.map(([sender, epoch, sequence]) => guard.accepts({ sender, epoch, sequence }));
}

test("each message counts once", () => {
  assert.deepEqual(fates(["a", 1, 1], ["a", 1, 1], ["a", 1, 2]), [true, false, true]);
});

test("a message that others have overtaken is late, also when it was never heard", () => {
  assert.deepEqual(fates(["a", 1, 5], ["a", 1, 3], ["a", 1, 6]), [true, false, true]);
});

test("a new life begins anew, an earlier one is over", () => {
  assert.deepEqual(fates(["a", 1, 9], ["a", 2, 1], ["a", 1, 10], ["a", 2, 2]), [true, true, false, true]);
});

test("senders are told apart", () => assert.deepEqual(fates(["a", 2, 1], ["b", 1, 1]), [true, true]));
