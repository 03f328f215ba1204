import assert from "node:assert/strict";
import { test } from "node:test";
import { QUESTION_MS } from "../../../src/cluster/deadlines.ts";
import type { Permit } from "../../../src/cluster/permit-rules.ts";
import { foldFleet, foldStatus, type HostState } from "../../../src/cluster/trace.ts";
import {
  ANSWER,
  BACK,
  DONE,
  eventsOf,
  HOST,
  KERNEL,
  PACKAGES,
  PXE,
  permitIn,
  type Row,
} from "../../support/boot-events.ts";

const AWAITS_REPORT = "the installed system to report its network";
const VERIFIED: Row = [1000, "verified", "report", { event: "first-boot", verdict: "verified", text: "bond0 is up" }];
const DIFFERS: Row = [1100, "verified", "report", { event: "first-boot", verdict: "differs", text: "no bond" }];

/** A second after the last of them. */
function soonAfter(rows: readonly Row[]): number {
  return Math.max(0, ...rows.map(([seconds]) => seconds)) * 1000 + 1000;
}

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
      "went to its disk by itself",
      [...PXE.slice(0, 2), [60, "dhcp", "ack", { asking: "system" }]],
      undefined,
      "local",
      undefined,
    ],
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
    const status = foldStatus(HOST, eventsOf(rows), permit, soonAfter(rows));
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

test("past its deadline a machine is stalled, and says why; before it, it is not", () => {
  type Case = readonly [string, readonly Row[], Permit | undefined, deadline: number | undefined];
  const MINUTES = 60;
  const question: Row = [270, "packages", "log", { kind: "question", text: "Which disk?" }];
  const cases: readonly Case[] = [
    ["asked", PXE.slice(0, 2), permitIn("issued", 0), 10 + 3 * MINUTES],
    [
      "asks again and again",
      [...PXE.slice(0, 2), [80, "dhcp", "offer", { asking: "firmware" }]],
      permitIn("issued"),
      10 + 3 * MINUTES,
    ],
    ["loader fetched", PXE.slice(0, 3), permitIn("issued", 0), 13 + 4 * MINUTES],
    ["script fetched", PXE, permitIn("started"), 16 + 5 * MINUTES],
    ["installer runs", KERNEL, permitIn("started"), 90 + 10 * MINUTES],
    ["answers read", ANSWER, permitIn("writing"), 100 + 10 * MINUTES],
    ["packages", PACKAGES, permitIn("writing"), 260 + 20 * MINUTES],
    ["a question", [...PACKAGES, question], permitIn("writing"), 270 + QUESTION_MS / 1000],
    [
      "a question that was answered",
      [...PACKAGES, question, [280, "packages", "served", { bytes: 1 }]],
      permitIn("writing"),
      280 + 20 * MINUTES,
    ],
    [
      "errors are no sign",
      [...PACKAGES, [300, "packages", "log", { kind: "error", text: "x" }]],
      permitIn("writing"),
      260 + 20 * MINUTES,
    ],
    ["done", DONE, permitIn("used"), 900 + 20 * MINUTES],
    ["back from its disk", BACK, permitIn("used"), 990 + 20 * MINUTES],
    [
      "waits for its turn",
      [...PXE.slice(0, 4), [17, "script", "note", { text: "12th", waits: "turn" }]],
      permitIn("issued"),
      undefined,
    ],
    [
      "waits for a server that cannot write",
      [...PXE.slice(0, 4), [17, "script", "note", { text: "waits: the state cannot be told" }]],
      permitIn("issued"),
      13 + 4 * MINUTES,
    ],
    ["permitted", [], permitIn("issued", 0), undefined],
    ["local", [...PXE, [17, "reboot", "local-boot"]], undefined, undefined],
    ["failed", [...PACKAGES, [270, "post", "report", { event: "failed" }]], permitIn("failed"), undefined],
  ];
  for (const [name, rows, permit, deadline] of cases) {
    const events = eventsOf(rows);
    assert.equal(foldStatus(HOST, events, permit, 1000).deadline, deadline && deadline * 1000, name);
    if (deadline === undefined) continue;
    const [before, after] = [deadline * 1000 - 1, deadline * 1000].map((now) => foldStatus(HOST, events, permit, now));
    assert.notEqual(before?.state, "stalled", name);
    assert.equal(before?.cause, undefined, name);
    assert.equal(after?.state, "stalled", name);
    assert.ok(after?.cause?.evidence, name);
    assert.deepEqual(after?.awaiting, before?.awaiting, name);
  }
});

test("who waits to be let in with PXELINUX, which fetches itself anew to ask again, is not stalled", () => {
  const rows: Row[] = [
    ...PXE.slice(0, 3),
    [17, "script", "note", { text: "12th", waits: "turn" }],
    [900, "loader", "served"],
  ];
  const status = foldStatus(HOST, eventsOf(rows), permitIn("issued"), 12_000_000);
  assert.deepEqual([status.state, status.deadline], ["booting", undefined]);
});

/** So many boots, each so many seconds after the one before. */
function bootsOf(count: number, seconds: number, stages: readonly Row[]): Row[] {
  return Array.from({ length: count }, (_, boot) =>
    stages.map(([at, ...rest]): Row => [at + boot * seconds, ...rest]),
  ).flat();
}

test("three boots in a row that end at the same stage are a loop", () => {
  const state = (rows: readonly Row[]) => foldStatus(HOST, eventsOf(rows), permitIn("started"), soonAfter(rows)).state;
  const asked = PXE.slice(0, 1);
  assert.equal(state(bootsOf(2, 100, asked)), "booting");
  assert.equal(state(bootsOf(3, 100, asked)), "stalled");
  assert.equal(state(bootsOf(3, 1000, asked)), "booting", "too far apart");
  assert.equal(state([...bootsOf(3, 100, asked), [214, "loader", "served"]]), "booting", "the third got further");
  assert.equal(state(bootsOf(3, 200, KERNEL)), "stalled");
});

test("a loop that has just begun anew is told by what the boot before it failed at", () => {
  const vain: Row[] = [...PXE.slice(0, 2), [14, "loader", "absent", { path: "/x.efi" }]];
  const rows = [...bootsOf(2, 100, vain), ...bootsOf(3, 100, PXE.slice(0, 2)).slice(-2)];
  const { state, cause } = foldStatus(HOST, eventsOf(rows), permitIn("started"), soonAfter(rows));
  assert.deepEqual([state, cause?.id], ["stalled", "loader-missing"]);
  assert.match(cause?.evidence ?? "", /x\.efi.*3 boots in/);
});

test("an installed machine that is sent to its disk again and again does not boot from it", () => {
  const again = (count: number): Row[] => [
    ...DONE,
    ...bootsOf(count, 120, [
      [1000, "dhcp", "ack", { asking: "firmware" }],
      [1010, "reboot", "local-boot"],
    ]),
  ];
  const at = (rows: readonly Row[]) => foldStatus(HOST, eventsOf(rows), permitIn("used"), soonAfter(rows));
  assert.equal(at(again(2)).state, "installed");
  assert.deepEqual([at(again(3)).state, at(again(3)).cause?.id], ["stalled", "disk-does-not-boot"]);
});

test("a restart that was counted as a boot of its own is awaited to report all the same", () => {
  const rows: Row[] = [...BACK, [1200, "dhcp", "ack", { asking: "firmware" }], [1210, "reboot", "local-boot"]];
  const status = foldStatus(HOST, eventsOf(rows), permitIn("used"), 1_300_000);
  assert.equal(status.boot?.number, 2);
  assert.deepEqual([status.state, status.awaiting?.what, status.deadline], ["installed", AWAITS_REPORT, 2_400_000]);
  assert.equal(foldStatus(HOST, eventsOf(rows), permitIn("used"), 2_400_000).cause?.id, "first-boot-silent");
});

test("a machine that never reported is awaited still when its install is many boots ago", () => {
  const boots = bootsOf(5, 2000, [
    [3000, "dhcp", "ack", { asking: "firmware" }],
    [3010, "reboot", "local-boot"],
  ]);
  const status = foldStatus(HOST, eventsOf([...BACK, ...boots]), permitIn("used"), 11_100_000);
  assert.deepEqual([status.state, status.awaiting?.what, status.deadline], ["installed", AWAITS_REPORT, 12_200_000]);
});

test("what a machine asked for in vain is no step of its boot", () => {
  const vain: Row = [14, "loader", "absent", { path: "/x.efi" }];
  const { boot } = foldStatus(HOST, eventsOf([...PXE.slice(0, 2), vain]), permitIn("issued"), 15_000);
  assert.deepEqual(
    boot?.stages.map(({ stage }) => stage),
    ["dhcp"],
  );
});

test("the status names its boot", () => {
  const events = eventsOf(PXE);
  const status = foldStatus(HOST, events, undefined, 17_000);
  assert.match(String(status.trace), /^[0-9a-f]{8}$/);
  assert.deepEqual([status.boot?.id, events.at(-1)?.trace], [status.trace, status.trace]);
});
