import assert from "node:assert/strict";
import { test } from "node:test";
import { openJournal } from "../../../src/cluster/journal.ts";
import {
  isActive,
  isOpen,
  nextState,
  type Permit,
  type PermitEvent,
  type PermitState,
  permitEventOf,
} from "../../../src/cluster/permit-rules.ts";
import { openPermits } from "../../../src/cluster/permits.ts";
import { REPORT_EVENTS } from "../../../src/os/family.ts";
import { createMemoryStore } from "../../../src/store/memory.ts";
import { driveToEnd, driveUntil } from "../../support/drive.ts";
import { createFakeClock } from "../../support/fake-clock.ts";
import { createFlakyStore } from "../../support/flaky-store.ts";

const HOUR = 3_600_000;

/** Bytes that count up: unlike each other, the same in every run. */
function createCounting(): (size: number) => Uint8Array {
  let count = 0;
  return (size) => {
    count += 1;
    return new Uint8Array(size).fill(count);
  };
}

async function setUp() {
  const store = createFlakyStore(createMemoryStore());
  const clock = createFakeClock();
  const random = createCounting();
  const open = async () => {
    const journal = await openJournal({ store, clock });
    return { journal, permits: await openPermits({ store, clock, journal, random }) };
  };
  return { store, clock, open, ...(await open()) };
}

test("the rules of a permit's life, all of them", () => {
  const events: readonly PermitEvent[] = ["hand-out", "writing", "done", "failed", "expire", "cancel"];
  const table: Record<PermitState, ReadonlyArray<PermitState | undefined>> = {
    issued: ["started", "writing", "used", "failed", "expired", "cancelled"],
    started: ["started", "writing", "used", "failed", "expired", "cancelled"],
    writing: [undefined, "writing", "used", "failed", undefined, "cancelled"],
    used: [undefined, "used", "used", "used", undefined, undefined],
    failed: [undefined, "failed", "used", "failed", undefined, undefined],
    expired: [undefined, "writing", "used", "failed", undefined, undefined],
    cancelled: [undefined, undefined, undefined, undefined, undefined, undefined],
  };
  for (const [state, row] of Object.entries(table)) {
    assert.deepEqual(
      events.map((event) => nextState(state as PermitState, event)),
      row,
      state,
    );
  }
});

test("when a permit may be handed out, and when it stands in the way of another", () => {
  const permit = { issued: 0, expires: 10 } as Permit;
  const rows: ReadonlyArray<readonly [PermitState, number, boolean, boolean]> = [
    ["issued", 9, true, true],
    ["issued", 10, false, false],
    ["started", 9, true, true],
    ["started", 10, false, false],
    ["writing", 9, false, true],
    ["writing", 10, false, false],
    ["used", 9, false, false],
    ["failed", 9, false, false],
    ["expired", 9, false, false],
    ["cancelled", 9, false, false],
  ];
  for (const [state, now, active, open] of rows) {
    assert.deepEqual([isActive({ ...permit, state }, now), isOpen({ ...permit, state }, now)], [active, open], state);
  }
});

test("what an installer's reports mean for its permit", () => {
  const meanings = REPORT_EVENTS.map(permitEventOf);
  assert.deepEqual(meanings, [undefined, "writing", "writing", "writing", "done", "failed", undefined]);
});

test("a permit is 128 random bits, ends after 4 hours, and its token is in no event", async () => {
  const { permits, journal, clock } = await setUp();
  const permit = await permits.issue("vm1");
  assert.match(permit.token, /^[0-9a-f]{32}$/);
  assert.equal(permit.expires - clock.now(), 4 * HOUR);
  assert.deepEqual(permits.activeFor("vm1"), permit);
  assert.deepEqual(permits.byToken(permit.token), permit);
  const events = journal.events("vm1");
  assert.deepEqual(
    events.map(({ what, permit: id }) => [what, id]),
    [["permit-issued", permit.id]],
  );
  assert.doesNotMatch(JSON.stringify(events), new RegExp(permit.token));
});

test("from issue to use: handed out until the installer writes, then never again", async () => {
  const { permits, journal } = await setUp();
  const { token } = await permits.issue("vm1");
  const kinds = [(await permits.handOut("vm1")).kind, (await permits.handOut("vm1")).kind];
  assert.deepEqual(kinds, ["permit", "permit"]);
  assert.equal((await permits.advance(token, "writing")).state, "writing");
  assert.deepEqual(await permits.handOut("vm1"), { kind: "none", reason: "writing" });
  assert.equal(permits.activeFor("vm1"), undefined);
  assert.equal((await permits.advance(token, "done")).state, "used");
  assert.equal((await permits.advance(token, "done")).state, "used");
  assert.deepEqual(await permits.handOut("vm1"), { kind: "none", reason: "used" });
  const words = journal.events("vm1").map(({ what }) => what);
  assert.deepEqual(words, ["permit-issued", "permit-started", "permit-started", "permit-writing", "permit-used"]);
});

test("a host without a permit boots from disk", async () => {
  const { permits } = await setUp();
  assert.deepEqual(await permits.handOut("vm1"), { kind: "none", reason: "absent" });
  assert.equal(permits.activeFor("vm1"), undefined);
});

test("a second permit is refused while one is open, and takes its place if asked to", async () => {
  const { permits } = await setUp();
  const first = await permits.issue("vm1");
  await assert.rejects(permits.issue("vm1"), {
    code: "permit-exists",
    message: /vm1 has a permit that ends 2026-01-01T04/,
  });
  const second = await permits.issue("vm1", { replace: true, lifetimeMs: HOUR });
  assert.equal(second.expires, first.issued + HOUR);
  await assert.rejects(permits.advance(first.token, "done"), { code: "permit-unknown" });
  const handed = await permits.handOut("vm1");
  assert.equal(handed.kind === "permit" && handed.permit.id, second.id);
});

test("of two who issue at once one is refused", async () => {
  const { permits } = await setUp();
  const outcomes = await Promise.allSettled([permits.issue("vm1"), permits.issue("vm1")]);
  assert.deepEqual(outcomes.map(({ status }) => status).sort(), ["fulfilled", "rejected"]);
});

test("an expired permit is handed to nobody, even if the clock is set back, but its install may end well", async () => {
  const { permits, clock } = await setUp();
  const { token } = await permits.issue("vm1");
  await permits.handOut("vm1");
  clock.jump(5 * HOUR);
  assert.deepEqual(await permits.handOut("vm1"), { kind: "none", reason: "expired" });
  clock.jump(-5 * HOUR);
  assert.deepEqual(await permits.handOut("vm1"), { kind: "none", reason: "expired" });
  assert.equal((await permits.advance(token, "done")).state, "used");
  assert.equal((await permits.issue("vm1")).state, "issued");
});

test("a cancelled permit is void: no boot, no report, nothing to cancel", async () => {
  const { permits } = await setUp();
  const { token } = await permits.issue("vm1");
  assert.equal((await permits.cancel("vm1")).state, "cancelled");
  assert.deepEqual(await permits.handOut("vm1"), { kind: "none", reason: "cancelled" });
  await assert.rejects(permits.advance(token, "done"), { code: "permit-unknown" });
  await assert.rejects(permits.cancel("vm1"), { code: "permit-unknown" });
  await assert.rejects(permits.cancel("vm2"), { code: "permit-unknown" });
  await assert.rejects(permits.advance("0".repeat(32), "done"), { code: "permit-unknown" });
});

test("while the store is away no permit is handed out", async () => {
  const { permits, store } = await setUp();
  await permits.issue("vm1");
  store.mood = "down";
  assert.deepEqual(await permits.handOut("vm1"), { kind: "none", reason: "store-unavailable" });
  store.mood = "well";
  assert.equal((await permits.handOut("vm1")).kind, "permit");
});

test("a report that could not be stored still keeps its permit from being handed out", async () => {
  const { permits, store } = await setUp();
  const { token } = await permits.issue("vm1");
  await permits.handOut("vm1");
  store.mood = "down";
  await assert.rejects(permits.advance(token, "writing"), { code: "store-unavailable" });
  assert.equal(permits.activeFor("vm1"), undefined);
  store.mood = "well";
  assert.deepEqual(await permits.handOut("vm1"), { kind: "none", reason: "writing" });
});

test("a change made by another server is seen before a permit is handed out", async () => {
  const { permits, open } = await setUp();
  const { token } = await permits.issue("vm1");
  const other = await open();
  await other.permits.advance(token, "writing");
  assert.equal(permits.activeFor("vm1")?.state, "issued");
  assert.deepEqual(await permits.handOut("vm1"), { kind: "none", reason: "writing" });
  assert.deepEqual(permits.all(), other.permits.all());
});

test("permits survive a restart, with their journal", async () => {
  const { permits, open } = await setUp();
  await permits.issue("vm1");
  await permits.handOut("vm1");
  const again = await open();
  assert.deepEqual(again.permits.all(), permits.all());
  assert.equal(again.permits.activeFor("vm1")?.handOuts, 1);
  assert.equal(again.journal.events("vm1").length, 2);
});

/** With other servers, whose standing the test sets. */
async function setUpAmongOthers() {
  const { store, clock, journal } = await setUp();
  const standing = { mayHandOut: true, allTold: true };
  const random = createCounting();
  const open = () =>
    openPermits({ store, clock, journal, random, standing: () => standing, handOutAgainMs: 60_000, patienceMs: 0 });
  return { store, clock, journal, standing, open, permits: await open() };
}

test("without all knowledge no permit is handed out, and `activeFor` says the same", async () => {
  const { permits, standing } = await setUpAmongOthers();
  await permits.issue("vm1");
  standing.mayHandOut = false;
  assert.deepEqual(await permits.handOut("vm1"), { kind: "none", reason: "store-unavailable" });
  assert.deepEqual([permits.activeFor("vm1"), permits.refusalFor("vm1")], [undefined, "store-unavailable"]);
  assert.equal(permits.newestOf("vm1")?.handOuts, 0);
  standing.mayHandOut = true;
  assert.equal(permits.activeFor("vm1")?.state, "issued");
  assert.equal((await permits.handOut("vm1")).kind, "permit");
});

test("while a server is away a permit is handed out a first time, and again only a short while later", async () => {
  const { permits, standing, clock } = await setUpAmongOthers();
  await permits.issue("vm1");
  standing.allTold = false;
  assert.equal((await permits.handOut("vm1")).kind, "permit");
  clock.advance(59_000);
  assert.equal((await permits.handOut("vm1")).kind, "permit");
  clock.advance(60_000);
  assert.deepEqual(await permits.handOut("vm1"), { kind: "none", reason: "untold" });
  assert.deepEqual([permits.activeFor("vm1"), permits.refusalFor("vm1")], [undefined, "untold"]);
  standing.allTold = true;
  assert.equal((await permits.handOut("vm1")).kind, "permit");
});

test("no clock that is set wrong makes a hand-out look recent, and none is after a restart", async () => {
  const { permits, standing, clock, open } = await setUpAmongOthers();
  await permits.issue("vm1");
  await permits.handOut("vm1");
  standing.allTold = false;
  for (const jump of [-61_000, 122_000, -61_000]) {
    assert.equal(permits.refusalFor("vm1"), undefined);
    clock.jump(jump);
    assert.equal(permits.refusalFor("vm1"), "untold");
    clock.jump(-jump);
  }
  assert.equal((await open()).refusalFor("vm1"), "untold");
  clock.advance(61_000);
  clock.jump(-61_000);
  assert.equal(permits.refusalFor("vm1"), "untold");
});

test("a machine that asks is kept waiting while the servers find out who is left", async () => {
  const { store, clock, journal } = await setUp();
  const standing = { mayHandOut: false, allTold: true };
  const random = createCounting();
  const permits = await openPermits({ store, clock, journal, random, standing: () => standing, patienceMs: 8_000 });
  await permits.issue("vm1");
  const asked = clock.now();
  const waiting = permits.handOut("vm1");
  await driveUntil(clock, () => clock.now() - asked > 5_000, String);
  standing.mayHandOut = true;
  assert.equal((await driveToEnd(clock, waiting)).kind, "permit");
  standing.mayHandOut = false;
  const again = clock.now();
  assert.equal((await driveToEnd(clock, permits.handOut("vm1"))).kind, "none");
  assert.ok(clock.now() - again >= 8_000 && clock.now() - again < 9_000);
});

test("a hand-out names the version: the same within one boot, the current one of the next", async () => {
  const { permits, clock } = await setUp();
  await permits.issue("vm1");
  const handed = async (version: string | undefined, tree = "t") => {
    const given = await permits.handOut("vm1", { tree, ...(version !== undefined && { version }) });
    return given.kind === "permit" ? given.permit.version : assert.fail(given.reason);
  };
  assert.equal(await handed("v1"), "v1");
  clock.advance(30_000);
  assert.equal(await handed("v2"), "v1", "its first answer may have been lost, or not");
  clock.advance(61_000);
  assert.equal(await handed("v2"), "v2", "it has started over");
  assert.equal(await handed("w1", "other"), "w1", "the site file has given it another tree meanwhile");
  clock.advance(61_000);
  assert.equal(await handed(undefined), undefined, "the tree has no versions any more");
  assert.equal(await handed("v3"), undefined, "nor had it in this boot");
  clock.advance(61_000);
  const writing = await permits.advance((await permits.issue("vm2")).token, "writing");
  assert.equal(writing.version, undefined);
  assert.equal(await handed("v3"), "v3");
  const { token } = permits.newestOf("vm1") ?? assert.fail();
  assert.equal((await permits.advance(token, "writing")).version, "v3", "an install keeps its version to the end");
});

test("two servers: who is asked again for a lost answer names the version of the first", async () => {
  const { permits, clock, open } = await setUp();
  await permits.issue("vm1");
  const other = (await open()).permits;
  await permits.handOut("vm1", { tree: "t", version: "v1" });
  clock.advance(1000);
  const again = await other.handOut("vm1", { tree: "t", version: "v2" });
  assert.equal(again.kind === "permit" && again.permit.version, "v1");
  clock.advance(61_000);
  const next = await other.handOut("vm1", { tree: "t", version: "v2" });
  assert.equal(next.kind === "permit" && next.permit.version, "v2");
});

test("a permit that was handed out before versions were told has none, and the next boot gives it one", async () => {
  const { permits, clock, store, open } = await setUp();
  await permits.issue("vm1");
  await permits.handOut("vm1");
  const entry = (await store.get("permit/vm1")) ?? assert.fail();
  assert.doesNotMatch(entry.value, /version|tree/);
  const { permits: later } = await open();
  clock.advance(61_000);
  const given = await later.handOut("vm1", { tree: "t", version: "v1" });
  assert.equal(given.kind === "permit" && given.permit.version, "v1");
});
