/** Whatever a machine does: its progress never falls within one boot, its stages are in order, a boot keeps its id. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { foldBoots } from "../../src/cluster/boot-trace.ts";
import { type EventKind, type JournalEvent, STAGES, type Stage } from "../../src/cluster/events.ts";
import { foldStatus, type HostStatus } from "../../src/cluster/trace.ts";
import { eventsOf, HOST, permitIn, type Row } from "../support/boot-events.ts";

const asking = fc.constantFrom("firmware", "ipxe", "installer", "system");
const stage = fc.constantFrom(...STAGES);
const bytes = fc.nat(1_000_000);

/** What may happen, by what is done and with which facts. */
const happening = fc.oneof(
  asking.map((who) => ["dhcp", "ack", { asking: who, machine: "amd64 bios" }] as const),
  fc.tuple(stage, bytes).map(([at, size]) => [at, "served", { path: "/x", bytes: size }] as const),
  fc.record({ done: fc.nat(100), of: fc.option(fc.nat(100), { nil: undefined }) }).map((count) => {
    return ["packages", "log", { kind: "progress", text: "x", ...count }] as const;
  }),
  fc.constantFrom("absent", "broken", "asked", "refused", "note").map((what) => ["packages", what, {}] as const),
  fc
    .constantFrom("answer", "packages", "post", "failed", "done")
    .map((event) => ["post", "report", { event }] as const),
  fc.constantFrom("permit-used", "permit-issued", "local-boot").map((what) => ["reboot", what, {}] as const),
);
/** Seconds after the one before. */
const rows = fc.array(fc.tuple(fc.nat(120), happening), { maxLength: 60 }).map((steps): Row[] => {
  let at = 0;
  return steps.map(([pause, [where, what, facts]]) => {
    at += pause;
    return [at, where as Stage, what as EventKind, facts];
  });
});

const ABOUT = {
  declared: { profile: "small", treePackages: 30 },
  expected: () => ({ boots: 5, bytes: 3_000_000, counted: 80, gaps: { packages: 30_000 } }),
};

/** After each event, as it would be seen then. */
function seen(events: readonly JournalEvent[]): HostStatus[] {
  return events.map((event, place) =>
    foldStatus(HOST, events.slice(0, place + 1), permitIn("writing"), event.at, ABOUT),
  );
}

test("progress is between 0 and 1, and never falls within one boot", () => {
  const property = (given: Row[]) => {
    const furthest = new Map<string, number>();
    for (const { trace = "", progress } of seen(eventsOf(given))) {
      const fraction = progress?.fraction ?? 0;
      assert.ok(fraction >= (furthest.get(trace) ?? 0) && fraction <= 1, `${fraction} after ${furthest.get(trace)}`);
      assert.ok(!progress || progress.done <= (progress.of ?? 0));
      furthest.set(trace, fraction);
    }
  };
  fc.assert(fc.property(rows, property), { numRuns: 300 });
});

test("stages are in the order of an install, each once, and hold every event that is a step", () => {
  const property = (given: Row[]) => {
    for (const { trace, events } of foldBoots(eventsOf(given))) {
      const places = trace.stages.map((each) => STAGES.indexOf(each.stage));
      assert.deepEqual(
        places,
        [...new Set(places)].sort((a, b) => a - b),
      );
      assert.ok(trace.stages.every(({ first, last }) => first <= last && first >= trace.started));
      assert.ok(trace.stages.reduce((sum, each) => sum + each.events, 0) <= events.length);
      assert.deepEqual(new Set(events.map((event) => event.trace)).size, 1);
    }
  };
  fc.assert(fc.property(rows, property), { numRuns: 300 });
});

test("a machine is stalled from its deadline on, and says why, and not before", () => {
  const property = (given: Row[], later: number) => {
    const events = eventsOf(given);
    const now = (events.at(-1)?.at ?? 0) + later;
    const { state, deadline, cause } = foldStatus(HOST, events, permitIn("started"), now, ABOUT);
    assert.equal(state === "stalled", deadline !== undefined && now >= deadline);
    assert.equal(cause !== undefined, state === "stalled");
  };
  fc.assert(fc.property(rows, fc.nat(4_000_000), property), { numRuns: 300 });
});
