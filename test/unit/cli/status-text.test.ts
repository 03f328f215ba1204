import assert from "node:assert/strict";
import { test } from "node:test";
import { stripVTControlCharacters } from "node:util";
import { bytesText, durationText, fleetText, hostText } from "../../../src/cli/status-text.ts";
import type { HostStatus } from "../../../src/cluster/status.ts";
import { foldFleet } from "../../../src/cluster/trace.ts";

const PLAIN = { now: 1_000_000, color: false };

const INSTALLING: HostStatus = {
  host: "vm1",
  state: "installing",
  permit: { id: "3fa9c1d2", state: "writing", issued: 0, expires: 14_400_000 },
  trace: "5d1e9a02",
  boot: {
    number: 3,
    id: "5d1e9a02",
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
    "vm1  installing  boot 3 (5d1e9a02), began 5 min ago, permit 3fa9c1d2 (writing) ends in 3 h 43 min",
    "  dhcp      5 min ago    3 s",
    "  loader    4 min ago    2 s     1 file     850 B  from one",
    "  packages  3 min ago  2 min  131 files  43.9 MiB  from two",
    "  waiting for more packages, for 4 s",
    "  note, 1 min ago: slow [2J mirror",
  ]);
});

test("how far it is, what that is told from, and when it will be stalled", () => {
  const counted = {
    fraction: 0.5216,
    basis: "counted",
    isEstimate: false,
    done: 471,
    of: 903,
    unit: "packages",
  } as const;
  const waiting: HostStatus = { ...INSTALLING, progress: counted, deadline: 1_540_000 };
  assert.deepEqual(hostText(waiting, PLAIN).slice(4, 6), [
    "  [############............] 52 %  471 of 903 packages, counted by the installer",
    "  waiting for more packages, for 4 s; stalled if nothing is heard for 9 min more",
  ]);
  const fetched = { fraction: 0.999, basis: "earlier", isEstimate: true, done: 46_000_000, unit: "bytes" } as const;
  assert.equal(
    hostText({ ...INSTALLING, progress: fetched }, PLAIN)[4],
    "  [#######################.] ~99 %  43.9 MiB, an estimate by what earlier installs of this profile fetched",
  );
});

test("a stalled machine: since when, what is wrong, the evidence, what to do", () => {
  const stalled: HostStatus = {
    ...INSTALLING,
    state: "stalled",
    awaiting: { what: "more packages", since: 400_000 },
    deadline: 820_000,
    cause: { id: "off", text: "it was switched off", evidence: "no sign\u001b[2J for 10 min", todo: "switch it on" },
  };
  assert.deepEqual(hostText(stalled, PLAIN).slice(4, 8), [
    "  waiting for more packages, for 10 min: overdue for 3 min",
    "    what      it was switched off",
    "    evidence  no sign [2J for 10 min",
    "    to do     switch it on",
  ]);
  const [, row] = fleetText(foldFleet([stalled]), PLAIN);
  assert.match(row ?? "", /stalled .*it was switched off$/);
});

test("what each server sent in a stage, and how fast", () => {
  const servedBy = new Map([
    ["loader", [{ server: "one", bytes: 850, rate: 4_250 }]],
    [
      "packages",
      [
        { server: "one", bytes: 30_000_000, rate: 11_744_051 },
        { server: "two", bytes: 16_000_000 },
      ],
    ],
  ] as const);
  const lines = hostText(INSTALLING, { ...PLAIN, servedBy });
  assert.match(lines[2] ?? "", /850 B {2}from one at 4\.2 KiB\/s$/);
  assert.match(lines[3] ?? "", /43\.9 MiB {2}from one \(28\.6 MiB at 11\.2 MiB\/s\), two \(15\.3 MiB\)$/);
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
    "HOST        STATE       STAGE         SINCE   FETCHED  DONE  WAITING FOR, OR CAUSE",
    "vm1         installing  packages  3 min ago  43.9 MiB     -  more packages",
    "database-7  idle        -                 -         -     -  -",
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
