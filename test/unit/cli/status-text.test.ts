import assert from "node:assert/strict";
import { test } from "node:test";
import { stripVTControlCharacters } from "node:util";
import { bytesText, durationText, fleetText, hostText } from "../../../src/cli/status-text.ts";
import { foldFleet, type HostStatus } from "../../../src/cluster/trace.ts";

const PLAIN = { now: 1_000_000, color: false };

const INSTALLING: HostStatus = {
  host: "vm1",
  state: "installing",
  permit: { id: "3fa9c1d2", state: "writing", issued: 0, expires: 14_400_000 },
  boot: {
    number: 3,
    started: 700_000,
    stages: [
      { stage: "dhcp", first: 700_000, last: 702_000, ended: 703_000, events: 4, files: 0, bytes: 0 },
      {
        stage: "loader",
        first: 703_000,
        last: 703_000,
        ended: 705_000,
        events: 1,
        files: 1,
        bytes: 850,
        server: "one",
      },
      { stage: "packages", first: 820_000, last: 996_000, events: 9, files: 131, bytes: 46_000_000, server: "two" },
    ],
  },
  awaiting: { what: "more packages", since: 996_000 },
  lastNote: { at: 940_000, text: "slow\u001b[2J mirror" },
};
const IDLE: HostStatus = { host: "database-7", state: "idle" };

test("one host: its stages as aligned columns, and what is awaited", () => {
  assert.deepEqual(hostText(INSTALLING, PLAIN), [
    "vm1  installing  boot 3, began 5 min ago, permit 3fa9c1d2 (writing) ends in 3 h 43 min",
    "  dhcp      5 min ago    3 s",
    "  loader    4 min ago    2 s     1 file     850 B  from one",
    "  packages  3 min ago  2 min  131 files  43.9 MiB  from two",
    "  waiting for more packages, for 4 s",
    "  note, 1 min ago: slow [2J mirror",
  ]);
});

test("a host of which nothing is known is one line", () => {
  assert.deepEqual(hostText(IDLE, PLAIN), ["database-7  idle  no permit"]);
});

test("a permit that is over has no end to come", () => {
  const permit = { id: "3fa9c1d2", state: "used" as const, issued: 0, expires: 14_400_000 };
  assert.deepEqual(hostText({ host: "vm1", state: "installed", permit }, PLAIN), [
    "vm1  installed  permit 3fa9c1d2 (used)",
  ]);
});

test("the fleet is a table with its totals", () => {
  assert.deepEqual(fleetText(foldFleet([INSTALLING, IDLE]), PLAIN), [
    "HOST        STATE       STAGE         SINCE   FETCHED  WAITING FOR",
    "vm1         installing  packages  3 min ago  43.9 MiB  more packages",
    "database-7  idle        -                 -         -  -",
    "2 hosts: 1 idle, 1 installing",
  ]);
  assert.deepEqual(fleetText(foldFleet([]), PLAIN), ["no hosts"]);
});

test("colours change no column, and only the state has one", () => {
  const fleet = foldFleet([INSTALLING, { ...IDLE, host: "idle" }]);
  const colored = fleetText(fleet, { ...PLAIN, color: true });
  assert.deepEqual(colored.map(stripVTControlCharacters), fleetText(fleet, PLAIN));
  assert.ok(colored[2]?.startsWith("idle  \u001b[2midle\u001b[0m"));
  assert.equal(hostText(IDLE, { ...PLAIN, color: true })[0], "database-7  \u001b[2midle\u001b[0m  no permit");
});

test("durations in two whole units at most", () => {
  const rows: ReadonlyArray<readonly [number, string]> = [
    [-5, "0 s"],
    [999, "0 s"],
    [59_999, "59 s"],
    [60_000, "1 min"],
    [3_599_999, "59 min"],
    [3_600_000, "1 h"],
    [14_160_000, "3 h 56 min"],
    [86_400_000, "1 d"],
    [187_200_000, "2 d 4 h"],
  ];
  for (const [ms, text] of rows) assert.equal(durationText(ms), text);
});

test("bytes in the unit that fits", () => {
  const rows: ReadonlyArray<readonly [number, string]> = [
    [0, "0 B"],
    [1, "1 B"],
    [1023, "1023 B"],
    [1024, "1.0 KiB"],
    [46_000_000, "43.9 MiB"],
    [2 ** 30, "1.0 GiB"],
    [2 ** 55, "32768.0 TiB"],
  ];
  for (const [bytes, text] of rows) assert.equal(bytesText(bytes), text);
});
