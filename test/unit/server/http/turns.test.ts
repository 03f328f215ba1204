import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turnOver } from "node:timers/promises";
import { Turns } from "../../../../src/server/http/turns.ts";

const MOST = 16;

/** So many want to begin; `through` are those that have, and `endTurn` ends a turn of the event loop. */
function crowd(count: number) {
  const ends: Array<() => void> = [];
  const turns = new Turns((task) => void ends.push(task));
  const through: number[] = [];
  for (let number = 0; number < count; number++) {
    if (turns.take()) through.push(number);
    else void turns.later().then(() => through.push(number));
  }
  const endTurn = async () => {
    for (const end of ends.splice(0)) end();
    await turnOver();
  };
  return { turns, through, ends, endTurn };
}

test("sixteen begin in a turn, the others in the next ones, in the order in which they came", async () => {
  const { through, endTurn } = crowd(40);
  assert.equal(through.length, MOST);
  await endTurn();
  assert.equal(through.length, 2 * MOST);
  await endTurn();
  assert.deepEqual(
    through,
    Array.from({ length: 40 }, (_, number) => number),
  );
});

test("whoever comes while others wait does not overtake them", async () => {
  const { turns, through, endTurn } = crowd(MOST + 1);
  assert.ok(!turns.take());
  void turns.later().then(() => through.push(-1));
  await endTurn();
  assert.deepEqual(through.slice(-2), [MOST, -1]);
});

test("a turn without a crowd costs nothing later", async () => {
  const { turns, ends, endTurn } = crowd(3);
  assert.equal(ends.length, 1);
  await endTurn();
  assert.equal(ends.length, 0);
  assert.ok(turns.take());
});

test("in the event loop, sockets and timers have their turn in between", async () => {
  const turns = new Turns();
  for (let number = 0; number < MOST; number++) assert.ok(turns.take());
  const steps: string[] = [];
  assert.ok(!turns.take());
  const answered = turns.later().then(() => steps.push("answer"));
  process.nextTick(() => steps.push("this turn"));
  await answered;
  assert.deepEqual(steps, ["this turn", "answer"]);
});
