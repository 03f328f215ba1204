/** How much of a file is given out while it is fetched. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { GrowingFile, HELD_BACK } from "../../../src/content/mirror-arrival.ts";

const SIZE = HELD_BACK + 1000;

test("who waits is told when there is more than it has, and no earlier", async () => {
  const file = new GrowingFile(SIZE);
  const told: string[] = [];
  const first = file.beyond(0).then((free) => told.push(`first ${free}`));
  const second = file.beyond(500).then((free) => told.push(`second ${free}`));
  file.grow(500);
  await first;
  assert.deepEqual(told, ["first 500"]);
  file.grow(600);
  await second;
  assert.deepEqual(told, ["first 500", "second 600"]);
  assert.equal(await file.beyond(599), 600);
});

test("the last bytes wait until all of it is checked", async () => {
  const file = new GrowingFile(SIZE);
  file.grow(SIZE);
  assert.equal(await file.beyond(0), 1000);
  const tail = file.beyond(1000);
  file.complete();
  assert.equal(await tail, SIZE);
});

test("a small file is held back whole", () => {
  const file = new GrowingFile(HELD_BACK);
  file.grow(HELD_BACK);
  assert.equal(file.hasBegun, false);
});

test("when it breaks off, what is there is given out and the rest is refused", async () => {
  const file = new GrowingFile(SIZE);
  file.grow(10);
  const waiting = file.beyond(10);
  file.fail(new Error("gone"));
  await assert.rejects(waiting, /gone/);
  await assert.rejects(file.beyond(10), /gone/);
  assert.equal(await file.beyond(9), 10);
});
