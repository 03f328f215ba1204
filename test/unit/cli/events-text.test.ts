import assert from "node:assert/strict";
import { test } from "node:test";
import { parseSince } from "../../../src/cli/events-since.ts";
import { eventText } from "../../../src/cli/events-text.ts";
import type { JournalEvent } from "../../../src/cluster/events.ts";
import { NOW } from "../../support/watch-fleet.ts";

process.env.TZ = "UTC";

const OPTIONS = { now: NOW, color: false, nameWidth: 4 };
const IN = { at: NOW, host: "vm1", boot: 1 } as const;

/** The words of an event, by what it is. */
const CASES: ReadonlyArray<readonly [Pick<JournalEvent, "stage" | "what" | "facts" | "permit">, string]> = [
  [
    {
      ...{ stage: "dhcp", what: "offer" },
      facts: {
        address: "192.168.0.21",
        asking: "firmware",
        machine: "amd64 uefi",
        file: "ipxe.efi",
        interface: "eth0",
      },
    },
    "dhcp      offered 192.168.0.21 to its firmware (amd64 uefi), file ipxe.efi, on eth0",
  ],
  [
    { stage: "dhcp", what: "ack", facts: { address: "192.168.0.21", asking: "installer" } },
    "dhcp      given 192.168.0.21 to its installer",
  ],
  [{ stage: "dhcp", what: "decline", facts: {} }, "dhcp      declined its address: another machine answers to it"],
  [
    { stage: "script", what: "served", facts: { loader: "ipxe", reason: "permit 3fa9c1d2" } },
    "script    boot script for ipxe: permit 3fa9c1d2",
  ],
  [
    {
      ...{ stage: "packages", what: "served" },
      facts: { path: "pool/libc6_2.36.deb", bytes: 2_831_155, server: "one", rate: 11_744_051 },
    },
    "packages  libc6_2.36.deb  2.7 MiB from one at 11.2 MiB/s",
  ],
  [
    { stage: "packages", what: "served", facts: { files: 12, path: "pool/a.deb", bytes: 2_831_155, server: "one" } },
    "packages  12 files  2.7 MiB from one",
  ],
  [
    { stage: "kernel", what: "served", facts: { path: "boot/initrd.gz", bytes: 1024, server: "one", broken: 200 } },
    "kernel    initrd.gz  1.0 KiB from one broken off (200)",
  ],
  [
    { stage: "post", what: "report", facts: { event: "failed", text: "disk\u001b[31m too small" } },
    "post      the installer reports failed: disk [31m too small",
  ],
  [
    { stage: "verified", what: "report", facts: { event: "first-boot", verdict: "verified", text: "bond0 is up" } },
    "verified  came up as declared: bond0 is up",
  ],
  [
    { stage: "verified", what: "report", facts: { event: "first-boot", verdict: "differs", text: "eth1 is down" } },
    "verified  differs from what is declared: eth1 is down",
  ],
  [
    { stage: "reboot", what: "local-boot", facts: { reason: "its permit is used up" } },
    "reboot    sent to its disk: its permit is used up",
  ],
  [{ stage: "answer", what: "refused", facts: { reason: "boot/preseed" } }, "answer    refused: boot/preseed"],
  [{ stage: "script", what: "note", facts: { text: "waits for a place" } }, "script    note: waits for a place"],
  [{ stage: "loader", what: "absent", facts: { path: "/a.efi" } }, "loader    asked for /a.efi: there is none"],
  [{ stage: "packages", what: "broken", facts: { path: "/t/a" } }, "packages  asked for /t/a: it could not be sent"],
  [{ stage: "loader", what: "asked", facts: { path: "/a.efi" } }, "loader    asked for /a.efi: its size alone"],
  [
    { stage: "packages", what: "log", facts: { kind: "progress", text: "unpacking", done: 412, of: 903 } },
    "packages  the installer's log: unpacking (412 of 903)",
  ],
  [
    { stage: "packages", what: "log", facts: { kind: "progress", text: "installing 412 of 903", done: 412, of: 903 } },
    "packages  the installer's log: installing 412 of 903",
  ],
  [
    { stage: "answer", what: "log", facts: { kind: "question", text: "partman/confirm" } },
    "answer    the installer asks: partman/confirm",
  ],
  [
    { stage: "answer", what: "log", facts: { kind: "error", text: "no disk" } },
    "answer    the installer's log: error: no disk",
  ],
  [{ stage: "script", what: "permit-issued", facts: {}, permit: "3fa9c1d2" }, "script    permit 3fa9c1d2 issued"],
];

test("each kind of event in words", () => {
  for (const [event, words] of CASES) assert.equal(eventText({ ...IN, ...event }, OPTIONS), `12:03:11  vm1   ${words}`);
});

test("an event of another day has its day; what went wrong has a colour", () => {
  const note = { ...IN, stage: "script", what: "refused", facts: { text: "no" } } as const;
  assert.match(eventText({ ...note, at: NOW - 86_400_000 }, OPTIONS), /^2026-11-19 12:03:11 {2}vm1/);
  assert.ok(eventText(note, { ...OPTIONS, color: true }).endsWith("\u001b[31mrefused: no\u001b[0m"));
});

test("--since in words", () => {
  const rows: ReadonlyArray<readonly [string, string]> = [
    ["90s", "2026-11-20T12:01:41.000Z"],
    ["10m", "2026-11-20T11:53:11.000Z"],
    ["2h", "2026-11-20T10:03:11.000Z"],
    ["3d", "2026-11-17T12:03:11.000Z"],
    ["12:03", "2026-11-20T12:03:00.000Z"],
    ["23:50", "2026-11-19T23:50:00.000Z"],
    ["9:05:07", "2026-11-20T09:05:07.000Z"],
    ["2026-11-19", "2026-11-19T00:00:00.000Z"],
    ["2026-11-19T12:03", "2026-11-19T12:03:00.000Z"],
    ["2026-11-19 12:03:11+01:00", "2026-11-19T11:03:11.000Z"],
  ];
  for (const [text, time] of rows) assert.equal(new Date(parseSince(text, NOW)).toISOString(), time, text);
  for (const text of ["", "ten", "10", "24:00", "12:60", "2026-13-01", "2026-11-19T", "-5m"]) {
    assert.throws(() => parseSince(text, NOW), { code: "usage", message: /say 10m/ }, text);
  }
});
