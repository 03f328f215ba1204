import assert from "node:assert/strict";
import { test } from "node:test";
import { foldBoots } from "../../../src/cluster/boot-trace.ts";
import { LIMITS, limitOf } from "../../../src/cluster/deadlines.ts";
import { openJournal } from "../../../src/cluster/journal.ts";
import { Learned, type Lesson, learnFrom, lessonOf } from "../../../src/cluster/learned.ts";
import { createMemoryStore } from "../../../src/store/memory.ts";
import { BACK, DONE, eventsOf, PACKAGES, type Row } from "../../support/boot-events.ts";
import { createFakeClock } from "../../support/fake-clock.ts";

function lessons(rows: readonly Row[]) {
  return foldBoots(eventsOf(rows)).map(lessonOf);
}

const lesson = (given: Partial<Lesson>): Lesson => ({
  ...{ key: `vm1 ${given.ended}`, profile: "small", ended: 0, bytes: 0, counted: 0, gaps: {} },
  ...given,
});

test("an install that came to its end teaches what it fetched and how long each stage was silent", () => {
  const counted: Row[] = [
    [300, "packages", "log", { kind: "progress", done: 90, of: 90 }],
    [310, "packages", "log", { kind: "progress", done: 1, of: 200 }],
  ];
  const [learned] = lessons([...PACKAGES, ...counted, ...DONE.slice(PACKAGES.length), ...BACK.slice(DONE.length)]);
  assert.match(String(learned?.key), /^vm1 [0-9a-f]{8}$/);
  assert.deepEqual(
    [learned?.profile, learned?.ended, learned?.bytes, learned?.counted],
    ["small", 900_000, 501_007, 290],
  );
  assert.deepEqual(learned?.gaps, {
    dhcp: 2000,
    loader: 2000,
    script: 4000,
    kernel: 50_000,
    answer: 100_000,
    packages: 590_000,
    reboot: 56_000,
  });
});

test("an install that did not end, and one whose profile is not known, teach nothing", () => {
  assert.deepEqual(lessons(PACKAGES), [undefined]);
  const nameless = DONE.map(([at, stage, what, { profile, ...facts } = {}]): Row => [at, stage, what, facts]);
  assert.deepEqual(lessons(nameless), [undefined]);
});

test("what is expected of a boot is told from installs of its profile that were over when it began", () => {
  const learned = new Learned();
  for (const [place, bytes] of [500, 100, 300, 0].entries()) learned.learn(lesson({ ended: place, bytes }));
  learned.learn(lesson({ profile: "large", ended: 1, bytes: 9, key: "vm2 x" }));
  assert.equal(learned.before("small", -1), undefined);
  assert.equal(learned.before("none", 99), undefined);
  assert.deepEqual(learned.before("small", 0), { boots: 1, bytes: 500, gaps: {} });
  assert.deepEqual(learned.before("small", 2), { boots: 3, bytes: 300, gaps: {} });
  assert.equal(learned.before("small", 99)?.bytes, 300, "one that fetched nothing from us says nothing of bytes");
});

test("the newest installs count, and each once", () => {
  const learned = new Learned();
  for (let ended = 0; ended < 40; ended++)
    learned.learn(lesson({ ended, counted: ended < 25 ? 1 : 7, gaps: { post: 40 - ended } }));
  assert.deepEqual(learned.before("small", 99), { boots: 15, counted: 7, gaps: { post: 15 } });
  learned.learn(lesson({ ended: 39, gaps: { post: 50 } }));
  assert.deepEqual([learned.before("small", 99)?.boots, learned.before("small", 99)?.gaps.post], [15, 50]);
});

test("patience is learned from three installs on, within bounds", () => {
  const { floor, usual, ceiling } = LIMITS.packages;
  const after = (boots: number, gap: number) => limitOf("packages", { boots, gaps: { packages: gap } });
  assert.equal(limitOf("packages"), usual);
  assert.equal(after(2, 1000), usual);
  assert.equal(after(3, 1000), floor);
  assert.equal(after(3, floor), 3 * floor);
  assert.equal(after(3, ceiling), ceiling);
  assert.equal(limitOf("packages", { boots: 3, gaps: {} }), usual);
  for (const limit of Object.values(LIMITS)) assert.ok(limit.floor <= limit.usual && limit.usual <= limit.ceiling);
});

test("a journal teaches what it holds and what comes", async () => {
  const journal = await openJournal({ store: createMemoryStore(), clock: createFakeClock() });
  const record = (rows: readonly Row[], host: string) => {
    for (const { boot: _boot, trace: _trace, ...event } of eventsOf(rows, host)) journal.record(event);
  };
  record(DONE, "vm1");
  const { learned, close } = learnFrom(journal);
  assert.equal(learned.before("small", 900_000)?.boots, 1);
  record(BACK, "vm2");
  record([[1000, "verified", "report", { event: "first-boot", verdict: "verified" }]], "vm2");
  assert.equal(learned.before("small", 900_000)?.boots, 2);
  assert.equal(learned.before("small", 900_000)?.gaps.reboot, 56_000, "learned again once it was verified");
  close();
  record(DONE, "vm3");
  assert.equal(learned.before("small", 900_000)?.boots, 2);
});
