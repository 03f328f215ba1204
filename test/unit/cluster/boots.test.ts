import assert from "node:assert/strict";
import { test } from "node:test";
import { BOOT_GAP, type BootTracker, bootOf, NO_BOOT, trackBoot, trackStored } from "../../../src/cluster/boots.ts";
import type { EventKind, JournalEvent, Stage } from "../../../src/cluster/events.ts";

/** Seconds, what happens, and the number of the boot it belongs to. */
type Row = readonly [at: number, happening: string, boot: number];

/** `ask firmware`, `fetch loader`, or the name of an event. */
function eventOf([at, happening]: readonly [at: number, happening: string, ...unknown[]]) {
  const [verb, object = ""] = happening.split(" ");
  const time = { host: "vm1", at: at * 1000 };
  if (verb === "ask") return { ...time, stage: "dhcp" as Stage, what: "offer" as EventKind, facts: { asking: object } };
  if (verb === "fetch") return { ...time, stage: object as Stage, what: "served" as EventKind, facts: {} };
  if (verb === "report")
    return { ...time, stage: "post" as Stage, what: "report" as EventKind, facts: { event: object } };
  return { ...time, stage: "reboot" as Stage, what: verb as EventKind, facts: {} };
}

const INSTALL: readonly Row[] = [
  [0, "ask firmware", 1],
  [4, "fetch loader", 1],
  [6, "ask ipxe", 1],
  [7, "fetch script", 1],
  [9, "permit-started", 1],
  [20, "fetch kernel", 1],
  [60, "ask installer", 1],
  [70, "fetch answer", 1],
  [300, "fetch packages", 1],
  [1500, "permit-used", 1],
];

const GAP = BOOT_GAP / 1000;

const TABLES: Readonly<Record<string, readonly Row[]>> = {
  "an install by PXE firmware and iPXE is one boot, its installer's DHCP included": INSTALL,
  "the restart after the install belongs to it, the next one does not": [
    ...INSTALL,
    [1530, "ask firmware", 1],
    [1532, "fetch loader", 1],
    [1533, "ask ipxe", 1],
    [1534, "local-boot", 1],
    [1535, "fetch script", 1],
    [1600, "ask system", 1],
    [9000, "ask firmware", 2],
  ],
  "a permit issued after the install makes the next start a boot of its own": [
    ...INSTALL,
    [1510, "permit-issued", 1],
    [1530, "ask firmware", 2],
  ],
  "firmware repeats its DISCOVERs, and asks by each NIC": [
    [0, "ask firmware", 1],
    [4, "ask firmware", 1],
    [12, "ask firmware", 1],
    [28, "ask firmware", 1],
    [60, "ask firmware", 1],
    [100, "ask firmware", 1],
  ],
  "a silence of the early stages ends a boot that got nowhere": [
    [0, "ask firmware", 1],
    [GAP, "ask firmware", 1],
    [2 * GAP + 1, "ask firmware", 2],
  ],
  "a slow loader is no silence": [
    [0, "ask firmware", 1],
    [200, "fetch loader", 1],
    [205, "ask ipxe", 1],
  ],
  "firmware that asks again after its loader has started over": [
    [0, "ask firmware", 1],
    [4, "fetch loader", 1],
    [30, "ask firmware", 2],
  ],
  "iPXE in the NIC's ROM begins a boot, and asks again when it starts over": [
    [0, "ask ipxe", 1],
    [2, "ask ipxe", 1],
    [3, "fetch script", 1],
    [30, "ask ipxe", 2],
  ],
  "power cut while packages are fetched": [
    [0, "ask ipxe", 1],
    [2, "fetch script", 1],
    [3, "fetch kernel", 1],
    [40, "fetch packages", 1],
    [45, "ask ipxe", 2],
  ],
  "what is told of a transfer late begins nothing": [
    [0, "ask firmware", 1],
    [5, "ask ipxe", 1],
    [6, "fetch script", 1],
    [7, "fetch kernel", 1],
    [200, "fetch loader", 1],
    [201, "fetch kernel", 1],
  ],
  "a machine that boots from its disk and soon starts again": [
    [0, "ask ipxe", 1],
    [1, "local-boot", 1],
    [2, "fetch script", 1],
    [40, "ask ipxe", 2],
    [41, "local-boot", 2],
  ],
  "where DHCP is not ours, scripts begin boots": [
    [0, "fetch script", 1],
    [1, "fetch kernel", 1],
    [50, "fetch script", 1],
    [1000, "fetch script", 2],
    [1001, "fetch kernel", 2],
    [2000, "permit-used", 2],
    [2030, "local-boot", 2],
  ],
  "a system that renews its address begins nothing": [
    [0, "ask system", 0],
    [1000, "ask system", 0],
    [1001, "permit-issued", 0],
  ],
  "a clock that is set back begins nothing": [
    [5000, "ask firmware", 1],
    [0, "ask firmware", 1],
    [3, "fetch loader", 1],
  ],
};

for (const [name, rows] of Object.entries(TABLES)) {
  test(name, () => {
    let tracker = NO_BOOT;
    for (const row of rows) {
      tracker = trackBoot(tracker, eventOf(row));
      assert.equal(tracker.number, row[2], `at ${row[0]} s: ${row[1]}`);
    }
  });
}

const OURS = "0000000a";
const THEIRS = "ffffffff";

/** Each event is brought by the machine with the boot id given, or with none. */
function follow(rows: ReadonlyArray<readonly [at: number, happening: string, trace?: string]>, from = NO_BOOT) {
  const names: Array<readonly [number, string | undefined]> = [];
  let tracker: BootTracker = from;
  for (const [at, happening, trace] of rows) {
    tracker = trackBoot(tracker, { ...eventOf([at, happening]), ...(trace !== undefined && { trace }) });
    const { number, id } = bootOf(tracker, trace);
    names.push([number, id]);
  }
  return { tracker, names };
}

test("a boot has an id from its first event on, which is another one for each boot", () => {
  const { names } = follow([
    [0, "ask firmware"],
    [4, "fetch loader"],
    [30, "ask firmware"],
  ]);
  const [first, second, third] = names.map(([, id]) => id);
  assert.match(String(first), /^[0-9a-f]{8}$/);
  assert.equal(second, first);
  assert.notEqual(third, first);
});

test("two servers that hear the same DISCOVER come to the same id, at other times of their clocks", () => {
  const heard = (at: number, xid: number) => {
    const event = eventOf([at, "ask firmware"]);
    return trackBoot(NO_BOOT, { ...event, facts: { ...event.facts, xid } }).id;
  };
  assert.equal(heard(1, 77), heard(9, 77));
  assert.notEqual(heard(1, 77), heard(1, 78));
});

test("a machine that comes from a server that was not heard brings the id of its boot", () => {
  const before = follow([
    [0, "ask firmware"],
    [5, "fetch kernel"],
    [60, "permit-used"],
    [90, "ask firmware"],
  ]).tracker;
  const { names } = follow(
    [
      [5000, "fetch kernel", THEIRS],
      [5100, "fetch packages"],
      [5900, "permit-used"],
      [5900, "report done", THEIRS],
      [5950, "ask firmware"],
      [6000, "report first-boot", THEIRS],
    ],
    before,
  );
  assert.deepEqual(
    names,
    names.map(() => [2, THEIRS]),
  );
});

test("the report of success alone tells a server that the next start is that of the installed system", () => {
  const { names } = follow([
    [0, "report done", THEIRS],
    [30, "ask firmware"],
    [31, "fetch loader"],
    [400, "ask firmware"],
  ]);
  assert.deepEqual(
    names.map(([number]) => number),
    [1, 1, 1, 2],
  );
});

test("where the first stages were ours and the script another server's, it is the same boot by its other id", () => {
  const { names, tracker } = follow([
    [0, "ask firmware"],
    [4, "fetch loader"],
    [9, "fetch kernel", THEIRS],
    [20, "fetch packages"],
  ]);
  assert.deepEqual(names.slice(2), [
    [1, THEIRS],
    [1, THEIRS],
  ]);
  assert.deepEqual(
    tracker.past.map(({ number }) => number),
    [1],
  );
});

test("a transfer that ends after its machine has started anew counts to the boot that it was of", () => {
  const { names, tracker } = follow([
    [0, "fetch kernel", OURS],
    [10, "ask firmware"],
    [12, "fetch loader"],
    [130, "fetch kernel", OURS],
    [131, "fetch script"],
  ]);
  assert.deepEqual(
    names.map(([number]) => number),
    [1, 2, 2, 1, 2],
  );
  assert.equal(tracker.number, 2);
});

test("what other servers wrote down is taken as they counted it", () => {
  const stored = (at: number, happening: string, boot: number, trace: string): JournalEvent => ({
    ...eventOf([at, happening]),
    boot,
    trace,
  });
  const begun = trackStored(NO_BOOT, stored(0, "ask firmware", 7, THEIRS));
  assert.deepEqual([begun.number, begun.id], [7, THEIRS]);
  const split = trackStored(begun, stored(1, "ask firmware", 7, OURS));
  assert.equal(split.id, OURS, "of two ids for one start both servers choose the same");
  assert.equal(trackStored(split, stored(1, "ask firmware", 7, THEIRS)).id, OURS);
  assert.equal(trackStored(split, stored(5, "fetch kernel", 7, THEIRS)).id, THEIRS, "what the machine goes on with");
  assert.equal(trackStored(split, stored(9, "fetch kernel", 6, "00000001")).number, 7, "late news of an older boot");
});
