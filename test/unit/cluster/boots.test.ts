import assert from "node:assert/strict";
import { test } from "node:test";
import { BOOT_GAP, NO_BOOT, trackBoot } from "../../../src/cluster/boots.ts";
import type { EventKind, Stage } from "../../../src/cluster/events.ts";

/** Seconds, what happens, and the number of the boot it belongs to. */
type Row = readonly [at: number, happening: string, boot: number];

/** `ask firmware`, `fetch loader`, or the name of an event. */
function eventOf([at, happening]: Row) {
  const [verb, object = ""] = happening.split(" ");
  const time = at * 1000;
  if (verb === "ask")
    return { at: time, stage: "dhcp" as Stage, what: "offer" as EventKind, facts: { asking: object } };
  if (verb === "fetch") return { at: time, stage: object as Stage, what: "served" as EventKind, facts: {} };
  return { at: time, stage: "reboot" as Stage, what: verb as EventKind, facts: {} };
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
