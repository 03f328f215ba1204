import assert from "node:assert/strict";
import { test } from "node:test";
import { NO_BOOT, trackBoot } from "../../../src/cluster/boots.ts";
import type { EventFacts, EventKind, JournalEvent, Stage } from "../../../src/cluster/events.ts";
import type { Permit, PermitState } from "../../../src/cluster/permit-rules.ts";
import { foldFleet, foldStatus, type HostState } from "../../../src/cluster/trace.ts";

const HOST = "vm1";
const PERMIT = "3fa9c1d2";

/** Second, stage, what, facts. */
type Row = readonly [at: number, stage: Stage, what: EventKind, facts?: EventFacts];

/** As the journal would keep them. */
function eventsOf(rows: readonly Row[]): JournalEvent[] {
  let tracker = NO_BOOT;
  return rows.map(([seconds, stage, what, facts = {}]) => {
    const at = seconds * 1000;
    tracker = trackBoot(tracker, { at, stage, what, facts });
    return { at, host: HOST, boot: tracker.number, permit: PERMIT, stage, what, facts };
  });
}

function permitIn(state: PermitState, handOuts = 1): Permit {
  const times = { issued: 0, expires: 14_400_000, changed: 0 };
  return { id: PERMIT, token: "secret", host: HOST, ...times, state, handOuts };
}

const PXE: readonly Row[] = [
  [10, "dhcp", "offer", { asking: "firmware" }],
  [11, "dhcp", "ack", { asking: "firmware" }],
  [13, "loader", "served", { path: "/undionly.kpxe", bytes: 70_000, server: "one" }],
  [15, "dhcp", "ack", { asking: "ipxe" }],
  [16, "script", "served", { path: "/boot/ipxe/x", bytes: 300 }],
];
const KERNEL: readonly Row[] = [
  ...PXE,
  [20, "kernel", "served", { path: "/boot/t/linux", bytes: 8_000_000 }],
  [40, "kernel", "served", { path: "/boot/t/initrd", bytes: 41_000_000 }],
  [90, "dhcp", "ack", { asking: "installer" }],
];
const PACKAGES: readonly Row[] = [
  ...KERNEL,
  [100, "answer", "report", { event: "answer" }],
  [200, "packages", "served", { path: "/trees/d/a.deb", bytes: 1000, server: "one" }],
  [210, "packages", "served", { path: "/trees/d/b.deb", bytes: 7, broken: 200 }],
  [260, "packages", "served", { files: 40, bytes: 500_000, server: "two" }],
];
const DONE: readonly Row[] = [...PACKAGES, [900, "post", "report", { event: "done" }], [900, "post", "permit-used"]];
const BACK: readonly Row[] = [
  ...DONE,
  [930, "dhcp", "ack", { asking: "firmware" }],
  [932, "loader", "served", { path: "/undionly.kpxe", bytes: 70_000 }],
  [934, "reboot", "local-boot"],
  [990, "dhcp", "ack", { asking: "system" }],
];
const AWAITS_REPORT = "the installed system to report its network";
const VERIFIED: Row = [1000, "verified", "report", { event: "first-boot", verdict: "verified", text: "bond0 is up" }];
const DIFFERS: Row = [1100, "verified", "report", { event: "first-boot", verdict: "differs", text: "no bond" }];

test("the state of a host, from its permit and its events, and what is awaited", () => {
  type Case = readonly [string, readonly Row[], Permit | undefined, HostState, string | undefined, number?];
  const cases: readonly Case[] = [
    ["nothing known", [], undefined, "idle", undefined],
    ["a permit alone", [], permitIn("issued", 0), "permitted", "the machine to boot from the network", 0],
    ["asked", PXE.slice(0, 2), permitIn("issued", 0), "booting", "the loader to be fetched", 11],
    ["loader fetched", PXE.slice(0, 3), permitIn("issued", 0), "booting", "the boot script to be fetched", 13],
    [
      "NIC with iPXE",
      [[10, "dhcp", "ack", { asking: "ipxe" }]],
      permitIn("issued", 0),
      "booting",
      "the boot script to be fetched",
      10,
    ],
    ["script fetched", PXE, permitIn("started"), "booting", "kernel and initrd to be fetched", 16],
    ["installer runs", KERNEL, permitIn("started"), "booting", "the installer to read its answers", 90],
    [
      "packages",
      PACKAGES,
      permitIn("started"),
      "installing",
      "more packages, or the report that they are installed",
      260,
    ],
    ["writing", KERNEL, permitIn("writing"), "installing", "the installer to read its answers", 90],
    [
      "expired on the way",
      PACKAGES,
      permitIn("expired"),
      "installing",
      "more packages, or the report that they are installed",
      260,
    ],
    ["expired unused", [], permitIn("expired", 0), "expired", undefined],
    ["done", DONE, permitIn("used"), "installed", "the machine to restart", 900],
    ["back from its disk", BACK, permitIn("used"), "installed", AWAITS_REPORT, 930],
    ["as declared", [...BACK, VERIFIED], permitIn("used"), "verified", undefined],
    ["unlike what is declared", [...BACK, VERIFIED, DIFFERS], permitIn("used"), "differs", undefined],
    ["another permit's report", [...BACK, VERIFIED], { ...permitIn("used"), id: "0" }, "installed", AWAITS_REPORT, 930],
    ["failed", PACKAGES, permitIn("failed"), "failed", undefined],
    ["cancelled", PXE, permitIn("cancelled"), "booting", "kernel and initrd to be fetched", 16],
    ["boots from disk", [...PXE, [17, "reboot", "local-boot"]], undefined, "local", undefined],
    [
      "a new permit after it",
      [[-50, "reboot", "local-boot"]],
      permitIn("issued", 0),
      "permitted",
      "the machine to boot from the network",
      0,
    ],
    ["only renewals", [[10, "dhcp", "ack", { asking: "system" }]], undefined, "idle", undefined],
  ];
  for (const [name, rows, permit, state, what, since] of cases) {
    const status = foldStatus(HOST, eventsOf(rows), permit, 1_000_000);
    assert.equal(status.state, state, name);
    assert.deepEqual(
      status.awaiting,
      what === undefined ? undefined : { what, since: (since ?? Number.NaN) * 1000 },
      name,
    );
  }
});

test("a permit past its time has expired, whatever the store still says", () => {
  const status = foldStatus(HOST, [], permitIn("issued"), 14_400_000);
  assert.equal(status.state, "expired");
  assert.equal(status.permit?.state, "expired");
});

test("each stage has its times, files and bytes, from the newest boot alone", () => {
  const earlier: readonly Row[] = [
    [-9000, "dhcp", "ack", { asking: "firmware" }],
    [-8990, "packages", "served", { bytes: 99 }],
  ];
  const { boot } = foldStatus(HOST, eventsOf([...earlier, ...PACKAGES]), permitIn("writing"), 1_000_000);
  assert.equal(boot?.number, 2);
  assert.equal(boot?.started, 10_000);
  const table = boot?.stages.map((each) => [
    each.stage,
    each.first,
    each.last,
    each.ended,
    each.events,
    each.files,
    each.bytes,
  ]);
  assert.deepEqual(table, [
    ["dhcp", 10_000, 15_000, 13_000, 3, 0, 0],
    ["loader", 13_000, 13_000, 16_000, 1, 1, 70_000],
    ["script", 16_000, 16_000, 20_000, 1, 1, 300],
    ["kernel", 20_000, 90_000, 100_000, 3, 2, 49_000_000],
    ["answer", 100_000, 100_000, 200_000, 1, 0, 0],
    ["packages", 200_000, 260_000, undefined, 3, 41, 501_007],
  ]);
  const packages = boot?.stages.at(-1);
  assert.deepEqual([packages?.server, packages?.path], ["two", "/trees/d/b.deb"]);
});

test("the restart after the install is its last stage, loader and all", () => {
  const { boot } = foldStatus(HOST, eventsOf(BACK), permitIn("used"), 1_000_000);
  const reboot = boot?.stages.at(-1);
  assert.equal(boot?.number, 1);
  assert.deepEqual([reboot?.stage, reboot?.first, reboot?.last, reboot?.bytes], ["reboot", 930_000, 990_000, 70_000]);
  assert.equal(boot?.stages.find(({ stage }) => stage === "loader")?.bytes, 70_000);
});

test("the newest thing to read is told, in words", () => {
  const rows: ReadonlyArray<readonly [Row, string | undefined]> = [
    [[1, "post", "report", { event: "failed", text: "no disk" }], "the installer failed: no disk"],
    [[1, "post", "report", { event: "failed" }], "the installer failed: it gave no reason"],
    [[1, "post", "report", { event: "done" }], undefined],
    [VERIFIED, "it came up as declared: bond0 is up"],
    [DIFFERS, "it differs from what is declared: no bond"],
    [[1, "dhcp", "decline"], "address in use: another machine answers to it"],
    [[1, "answer", "refused", { reason: "permit-unknown" }], "refused: permit-unknown"],
    [[1, "answer", "note", { text: "slow" }], "slow"],
    [[1, "script", "served"], undefined],
  ];
  for (const [row, text] of rows) {
    const { lastNote } = foldStatus(HOST, eventsOf([row]), undefined, 1_000_000);
    assert.deepEqual(lastNote, text === undefined ? undefined : { at: row[0] * 1000, text });
  }
});

test("the token of a permit is not in the status", () => {
  const status = foldStatus(HOST, eventsOf(PACKAGES), permitIn("writing"), 1_000_000);
  assert.doesNotMatch(JSON.stringify(status), /secret/);
});

test("a fleet counts its hosts by state", () => {
  const statuses = [permitIn("used"), permitIn("used"), undefined].map((permit) => foldStatus(HOST, [], permit, 1));
  const { counts } = foldFleet(statuses);
  assert.deepEqual(
    Object.entries(counts).filter(([, count]) => count > 0),
    [
      ["idle", 1],
      ["installed", 2],
    ],
  );
});
