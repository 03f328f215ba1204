import assert from "node:assert/strict";
import { test } from "node:test";
import { openJournal } from "../../../src/cluster/journal.ts";
import type { Permit } from "../../../src/cluster/permit-rules.ts";
import { declaredOf, StatusBoard, type StatusBoardOptions } from "../../../src/cluster/status-board.ts";
import { createMemoryStore } from "../../../src/store/memory.ts";
import { DONE, eventsOf, PACKAGES, permitIn, type Row } from "../../support/boot-events.ts";
import { createFakeClock } from "../../support/fake-clock.ts";
import { exampleSite } from "../../support/sites.ts";

const site = exampleSite("single");
const vm1 = site.hosts.get("vm1") ?? assert.fail();

async function open() {
  const clock = createFakeClock(1_000_000);
  const journal = await openJournal({ store: createMemoryStore(), clock });
  const world: { permit?: Permit; trouble?: string } = { permit: permitIn("writing") };
  let folds = 0;
  const counted = {
    ...journal,
    events: (host: string) => {
      folds += 1;
      return journal.events(host);
    },
  };
  const permits = { newestOf: () => world.permit };
  const record = (rows: readonly Row[], host: string) => {
    for (const { boot: _boot, trace: _trace, ...event } of eventsOf(rows, host)) journal.record(event);
  };
  const board = (more: Pick<StatusBoardOptions, "treePackages"> = {}) => {
    const made = new StatusBoard({ journal: counted, permits, clock, trouble: () => world.trouble, ...more });
    folds = 0;
    return made;
  };
  return { clock, journal, world, record, board, folds: () => folds };
}

test("a status is kept until an event, the permit, the site file or the time changes it", async () => {
  const { clock, record, board, folds, world } = await open();
  record(PACKAGES, "vm1");
  const statuses = board();
  const first = statuses.status(vm1);
  assert.equal(statuses.status(vm1), first);
  assert.deepEqual([first.state, folds()], ["installing", 1]);
  record([[270, "packages", "served", { bytes: 9 }]], "vm1");
  assert.notEqual(statuses.status(vm1).boot?.stages.at(-1)?.bytes, first.boot?.stages.at(-1)?.bytes);
  world.permit = permitIn("used");
  assert.equal(statuses.status(vm1).state, "installed");
  world.permit = permitIn("writing");
  assert.equal(statuses.status(vm1).state, "installing");
  assert.equal(folds(), 4);
  statuses.status({ ...vm1 });
  assert.equal(folds(), 5, "a host of another site file");
  assert.equal(statuses.status(vm1).deadline, 1_470_000);
  clock.advance(469_999);
  assert.equal(statuses.status(vm1).state, "installing");
  assert.equal(folds(), 6);
  clock.advance(1);
  assert.equal(statuses.status(vm1).state, "stalled");
});

test("what happens to others is part of why a machine stalled, and the server's own trouble", async () => {
  const { clock, record, board, world } = await open();
  const statuses = board();
  record(PACKAGES, "vm1");
  clock.advance(3_600_000);
  assert.equal(statuses.status(vm1).cause?.id, "packages-stopped");
  record([[1000, "packages", "served", { bytes: 1 }]], "vm2");
  record([[150, "packages", "served", { bytes: 1 }]], "vm1");
  clock.advance(10_000);
  assert.equal(statuses.status(vm1).cause?.id, "machine-gone");
  world.trouble = "its disk is full";
  clock.advance(10_000);
  assert.equal(statuses.status(vm1).cause?.id, "server-cannot-write");
});

test("progress is told from earlier installs of the profile, here or before this server was started", async () => {
  const { record, board } = await open();
  record(DONE, "vm2");
  const statuses = board();
  const later = PACKAGES.map(([at, ...rest]): Row => [at + 950, ...rest]);
  record(later.slice(0, -1), "vm1");
  assert.deepEqual(statuses.status(vm1).progress, {
    ...{ fraction: 1007 / 501_007, basis: "earlier", isEstimate: true, unit: "bytes", done: 1007, of: 501_007 },
  });
  statuses.close();
});

test("at the first install of a profile the tree's lists tell how much there is", async () => {
  const { record, board } = await open();
  record(PACKAGES, "vm1");
  const statuses = board({ treePackages: ({ name }) => (name === "vm1" ? 82 : undefined) });
  const { basis, isEstimate, of } = statuses.status(vm1).progress ?? assert.fail();
  assert.deepEqual({ basis, isEstimate, of }, { basis: "tree", isEstimate: true, of: 82 });
});

test("what is declared of a host is its profile, tree and bond", () => {
  const bonded = [...exampleSite("pair").hosts.values()].find(({ bond }) => bond !== undefined) ?? assert.fail();
  const { profile, bond } = bonded;
  assert.deepEqual(declaredOf(bonded), {
    ...{ profile: profile.name, tree: profile.tree.name, arch: "amd64", bondMode: bond?.mode },
  });
  const { bond: _bond, ...plain } = bonded;
  assert.equal(declaredOf(plain).bondMode, undefined);
});

test("a host that nothing is known of is idle", async () => {
  const { board, world } = await open();
  delete world.permit;
  assert.deepEqual(board().status(vm1), { host: "vm1", state: "idle" });
});
