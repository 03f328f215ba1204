import assert from "node:assert/strict";
import { test } from "node:test";
import { type JournalEvent, STAGES, type Stage } from "../../../src/cluster/events.ts";
import type { BootTrace } from "../../../src/cluster/status.ts";
import { buildTimeline } from "../../../web/src/timeline.ts";

const counted = { events: 1, files: 1, bytes: 100 };
const boot: BootTrace = {
  number: 4,
  id: "7c01de04",
  started: 1000,
  stages: [
    { stage: "dhcp", first: 1000, last: 1500, ended: 2000, events: 2, files: 0, bytes: 0 },
    { stage: "loader", first: 2000, last: 2100, ended: 3000, server: "one", ...counted },
    { stage: "packages", first: 3000, last: 9000, server: "two", ...counted },
  ],
};

function served(at: number, server: string, stage: Stage = "packages", number = 4): JournalEvent {
  return { at, host: "vm1", boot: number, stage, what: "served", facts: { server } };
}

test("every stage has a row, in the order of an install, those ahead without bars", () => {
  const { rows } = buildTimeline({ boot, events: [], state: "installing", now: 11_000 });
  assert.deepEqual(
    rows.map(({ stage }) => stage),
    [...STAGES],
  );
  assert.deepEqual(
    rows.filter(({ spans }) => spans.length > 0).map(({ stage }) => stage),
    ["dhcp", "loader", "packages"],
  );
});

test("the current stage goes on until now, earlier ones until the next began", () => {
  const { rows, length } = buildTimeline({ boot, events: [], state: "installing", now: 11_000 });
  assert.equal(length, 10_000);
  const packages = rows.find(({ stage }) => stage === "packages");
  assert.deepEqual(
    [packages?.took, packages?.isCurrent, packages?.spans],
    [8000, true, [{ from: 0.2, to: 1, server: "two" }]],
  );
  const loader = rows.find(({ stage }) => stage === "loader");
  assert.deepEqual(
    [loader?.took, loader?.isCurrent, loader?.spans],
    [1000, false, [{ from: 0.1, to: 0.2, server: "one" }]],
  );
});

test("a boot that is over ends with what was heard last", () => {
  const { rows, length } = buildTimeline({ boot, events: [], now: 99_000 });
  assert.equal(length, 8000);
  assert.ok(rows.every(({ isCurrent }) => !isCurrent));
});

test("a stage is cut where another server goes on; events of other boots and stages do not count", () => {
  const events = [
    served(6000, "two"),
    served(3500, "one"),
    served(4000, "one"),
    served(5000, "three", "packages", 3),
    served(2050, "one", "loader"),
    { ...served(7000, "three"), what: "log" as const },
  ];
  const { rows, servers } = buildTimeline({ boot, events, state: "installing", now: 11_000 });
  const packages = rows.find(({ stage }) => stage === "packages");
  assert.deepEqual(packages?.spans, [
    { from: 0.2, to: 0.5, server: "one" },
    { from: 0.5, to: 1, server: "two" },
  ]);
  assert.deepEqual(
    [packages?.servers, servers],
    [
      ["one", "two"],
      ["one", "two"],
    ],
  );
});

test("where the events do not reach back to a stage's beginning, nobody is said to have served then", () => {
  const events = [served(6000, "two")];
  const { rows } = buildTimeline({ boot, events, eventsSince: 5000, state: "installing", now: 11_000 });
  assert.deepEqual(rows.find(({ stage }) => stage === "packages")?.spans, [
    { from: 0.2, to: 0.5, server: undefined },
    { from: 0.5, to: 1, server: "two" },
  ]);
});

test("a stage of no time can be seen, also at the end", () => {
  const instant = {
    ...boot,
    stages: [{ ...boot.stages[0], stage: "dhcp" as const, first: 1000, last: 1000, ...counted }],
  };
  const end = { stage: "verified" as const, first: 3000, last: 3000, ...counted };
  const { rows } = buildTimeline({ boot: { ...instant, stages: [...instant.stages, end] }, events: [], now: 9000 });
  for (const { spans } of rows.filter(({ trace }) => trace)) {
    const [span] = spans;
    assert.ok(span && span.to > span.from && span.to <= 1.0001);
  }
});
