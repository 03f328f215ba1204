/** Each cause with the events of a machine that has it, and with those of one that nearly does. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { CAUSES } from "../../../src/cluster/causes.ts";
import { LIMITS } from "../../../src/cluster/deadlines.ts";
import type { PermitState } from "../../../src/cluster/permit-rules.ts";
import { type Around, type Declared, foldStatus } from "../../../src/cluster/trace.ts";
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

interface Machine {
  readonly rows: readonly Row[];
  readonly permit?: PermitState;
  readonly declared?: Partial<Declared>;
  readonly around?: Around;
}

interface Case extends Machine {
  readonly id: string;
  readonly evidence: RegExp;
  /** What it is with this in place of that. */
  readonly nearly: Partial<Machine> & { readonly id: string | undefined };
}

const failed = (text?: string): Row => [400, "post", "report", { event: "failed", text }];
const says = (text: string, at = 400): Row => [at, "packages", "log", { kind: "error", text }];
const asks = (text: string): Row => [400, "answer", "log", { kind: "question", text }];
const vain = (at: number, stage: Row[1], what: Row[2], path: string): Row => [at, stage, what, { path, server: "one" }];
const offer = (at: number, address?: string): Row => [
  at,
  "dhcp",
  "offer",
  { asking: "firmware", machine: "amd64 uefi", address, file: "snponly.efi" },
];
const LACP = { bondMode: "802.3ad" };
const ASKED = PXE.slice(0, 2);
const LOADED = PXE.slice(0, 3);
const IPXE = PXE.slice(0, 4);
const restart = (at: number): Row[] => [
  [at, "dhcp", "ack", { asking: "firmware" }],
  [at + 10, "reboot", "local-boot"],
];
const report = (text: string): Row => [1000, "verified", "report", { event: "first-boot", verdict: "differs", text }];
const again = (rows: readonly Row[]): Row[] =>
  [0, 300, 600].flatMap((later) => rows.map(([at, ...rest]): Row => [at + later, ...rest]));

/** What each pattern of the installer's words is to find, and not to find. */
const WORDS: ReadonlyArray<readonly [id: string, said: readonly string[], other: string]> = [
  [
    "clock-wrong",
    [
      "E: Release file for http://10.0.0.1/trees/debian-12/dists/bookworm/InRelease is not valid yet (invalid for another 1d)",
      "Release signed by unknown key; file has expired Valid-Until",
      "curl: (60) SSL certificate problem: certificate is not yet valid",
    ],
    "clocksource: Switched to clocksource tsc",
  ],
  [
    "dns-missing",
    [
      "Temporary failure resolving 'deb.example.org'",
      "Could not resolve host: mirror.example.org",
      "wget: bad address 'mirror'",
    ],
    "resolv.conf written",
  ],
  [
    "disk-too-small",
    [
      "not enough free space on disks",
      "Unable to allocate requested partition scheme",
      "the partitions that stay leave too little room on /dev/sda",
      "write error: No space left on device",
    ],
    "free space is 20 GB",
  ],
  [
    "disk-missing",
    [
      "there is no disk /dev/nvme0n1",
      "No usable disks have been found",
      "disk /dev/sdx does not exist",
      "No root file system is defined.",
    ],
    "the disk is slow",
  ],
  [
    "tree-changed",
    [
      "E: Failed to fetch http://10.0.0.1/x.deb  Hash Sum mismatch",
      "Package foo has wrong checksum",
      "File has unexpected size (5 != 6)",
    ],
    "checking packages",
  ],
  [
    "package-missing",
    [
      "E: Unable to locate package nosuch",
      "No match for argument: nosuch",
      "nothing provides libfoo needed by bar",
      "404  Not Found [IP: 10.0.0.1 80]",
    ],
    "installing 404 of 903",
  ],
  [
    "memory-short",
    ["Out of memory: Killed process 512 (anaconda)", "fork: Cannot allocate memory"],
    "memory test passed",
  ],
  [
    "bootloader-failed",
    ["Executing 'grub-install /dev/sda' failed.", "failed to write boot loader configuration"],
    "larger than usual",
  ],
  [
    "installer-network",
    ["Network autoconfiguration failed", "no NIC has the address 52:54:00:00:00:01"],
    "network is up",
  ],
  [
    "command-failed",
    ["late command 2 failed with exit code 1", "the commands of the profile could not be run"],
    "the command line is",
  ],
];

for (const [id, said, other] of WORDS) {
  for (const text of said) {
    test(`${id}: ${text}`, () => {
      assert.equal(
        causeOf({ rows: [...PACKAGES, failed(text)], permit: "failed" })?.id,
        id,
        "as the report of a failure",
      );
      assert.equal(causeOf({ rows: [...PACKAGES, says(text)], permit: "writing" })?.id, id, "in the log, then silence");
      const worked: Row = [900, "packages", "served", { bytes: 1 }];
      const cause = causeOf({ rows: [...PACKAGES, says(text), worked], permit: "writing" });
      assert.equal(cause?.id, "packages-stopped", "it was overcome");
    });
  }
  test(`${id} is not: ${other}`, () => {
    const cause = causeOf({ rows: [...PACKAGES, failed(other)], permit: "failed" });
    assert.deepEqual([cause?.id, cause?.evidence], ["installer-failed", `the installer said: ${other}`]);
  });
}

const clock = (hours: number): Row => [390, "answer", "log", { kind: "clock", text: `${hours} hours ahead`, hours }];

const CASES: readonly Case[] = [
  {
    id: "dns-missing",
    rows: [
      ...PACKAGES,
      [400, "packages", "log", { kind: "error", text: "bad address 'mirror.lab.example'" }],
      [410, "post", "report", { event: "failed", text: "late command 1 failed with exit code 100" }],
    ],
    permit: "failed",
    evidence: /bad address/,
    nearly: {
      rows: [
        ...PACKAGES,
        [200, "packages", "log", { kind: "error", text: "bad address 'mirror.lab.example'" }],
        [410, "post", "report", { event: "failed", text: "late command 1 failed with exit code 100" }],
      ],
      id: "command-failed",
    },
  },
  {
    id: "tree-changed",
    rows: [
      ...PACKAGES,
      [400, "packages", "unlisted", { path: "/trees/d/pool/a.deb" }],
      [420, "packages", "log", { kind: "question", text: "something that its answers do not cover" }],
    ],
    permit: "writing",
    evidence: /a\.deb: not what the tree's manifest lists; something/,
    nearly: {
      rows: [
        ...PACKAGES,
        [420, "packages", "log", { kind: "question", text: "something that its answers do not cover" }],
      ],
      id: "question-asked",
    },
  },
  {
    id: "mirror-file-missing",
    rows: [
      ...PACKAGES,
      [400, "packages", "absent", { path: "/trees/d/pool/a.deb" }],
      [410, "packages", "served", { path: "/trees/d/pool/b.deb" }],
      [420, "packages", "log", { kind: "question", text: "failed to install the base system" }],
    ],
    permit: "writing",
    evidence: /a\.deb: asked for, and not there; failed to install the base system/,
    nearly: {
      rows: [
        ...PACKAGES,
        [400, "packages", "absent", { path: "/trees/d/pool/a.deb" }],
        [420, "packages", "log", { kind: "question", text: "partman/confirm" }],
      ],
      id: "question-asked",
    },
  },
  {
    id: "clock-wrong",
    rows: [...ANSWER, clock(-26), asks("the mirror cannot be used")],
    permit: "started",
    evidence: /^-26 hours ahead; the mirror cannot be used$/,
    nearly: {
      rows: [
        ...[...ANSWER, clock(-26), clock(0)],
        [395, "packages", "absent", { path: "/trees/debian/dists/unstable/Release" }],
        asks("the mirror cannot be used"),
      ],
      id: "question-asked",
    },
  },
  {
    id: "question-asked",
    rows: [...ANSWER, asks("Partition disks: which?")],
    permit: "started",
    evidence: /asks: Partition disks|Partition disks/,
    nearly: {
      rows: [...ANSWER, [400, "answer", "log", { kind: "step", text: "Partition disks" }]],
      id: "packages-not-begun",
    },
  },
  {
    id: "lacp-no-partner",
    rows: [...BACK, report("no LACP partner answers on bond0")],
    permit: "used",
    evidence: /no LACP partner/,
    nearly: { rows: [...BACK, report("bond0 has mode 1")], id: "network-differs" },
  },
  {
    id: "network-differs",
    rows: [...BACK, report("bond0 lacks 52:54:00:00:00:02")],
    permit: "used",
    evidence: /bond0 lacks/,
    nearly: { rows: BACK, id: "first-boot-silent" },
  },
  {
    id: "permit-expired-unasked",
    rows: [],
    permit: "expired",
    evidence: /valid from 1970-01-01T00:00:00Z to 1970-01-01T04:00:00Z/,
    nearly: { rows: LOADED, id: "permit-expired-midway" },
  },
  {
    id: "permit-expired-midway",
    rows: KERNEL,
    permit: "expired",
    evidence: /in stage kernel/,
    nearly: { permit: "started", id: "installer-stuck" },
  },
  {
    id: "server-cannot-write",
    rows: ANSWER,
    permit: "started",
    around: { trouble: "the disk is full: /var/lib/everboot" },
    evidence: /disk is full/,
    nearly: { around: {}, id: "packages-not-begun" },
  },
  {
    id: "disk-does-not-boot",
    rows: [...DONE, ...restart(1000), ...restart(1200), ...restart(1400)],
    permit: "used",
    evidence: /sent to its disk 3 times/,
    nearly: { rows: [...DONE, ...restart(1000), ...restart(1200)], id: "first-boot-silent" },
  },
  {
    id: "loader-missing",
    rows: [...ASKED, vain(12, "loader", "absent", "other.efi")],
    permit: "issued",
    evidence: /other\.efi: asked for, and not there \(one\)/,
    nearly: { rows: [...ASKED, vain(12, "loader", "absent", "ldlinux.e64"), ...PXE.slice(2, 3)], id: "loader-silent" },
  },
  {
    id: "kernel-missing",
    rows: [...PXE, vain(18, "kernel", "absent", "/boot/x/linux")],
    permit: "started",
    evidence: /linux: asked for, and not there/,
    nearly: {
      rows: [...PXE, vain(18, "kernel", "absent", "/boot/x/linux"), ...KERNEL.slice(5)],
      id: "installer-stuck",
    },
  },
  {
    id: "kernel-refused",
    rows: [...PXE, [18, "kernel", "refused", { reason: "/boot/x/linux" }]],
    permit: "started",
    evidence: /and refused/,
    nearly: { rows: [...PXE, [18, "script", "refused", { reason: "x" }]], id: "kernel-not-fetched" },
  },
  {
    id: "mirror-file-missing",
    rows: [...PACKAGES, vain(300, "packages", "absent", "/trees/d/pool/c.deb"), failed("base system failed")],
    permit: "failed",
    evidence: /c\.deb: asked for, and not there/,
    nearly: {
      rows: [...PACKAGES, vain(300, "packages", "absent", "/trees/d/images/updates.img"), failed("base system failed")],
      id: "installer-failed",
    },
  },
  {
    id: "mirror-file-missing",
    rows: [...ANSWER, vain(300, "packages", "absent", "/trees/d/dists/bookworm/Release")],
    permit: "started",
    evidence: /Release/,
    nearly: {
      rows: [
        ...ANSWER,
        vain(150, "packages", "absent", "/trees/d/dists/bookworm/Release"),
        ...PACKAGES.slice(ANSWER.length),
      ],
      permit: "writing",
      id: "packages-stopped",
    },
  },
  {
    id: "tree-file-broken",
    rows: [...PACKAGES, vain(300, "packages", "broken", "/trees/d/pool/c.deb")],
    permit: "writing",
    evidence: /could not be sent/,
    nearly: {
      rows: [
        ...PACKAGES,
        vain(250, "packages", "broken", "/trees/d/pool/c.deb"),
        [310, "packages", "served", { bytes: 1 }],
      ],
      id: "packages-stopped",
    },
  },
  {
    id: "tftp-size-then-gone",
    rows: [...ASKED, vain(12, "loader", "asked", "undionly.kpxe")],
    permit: "issued",
    evidence: /undionly\.kpxe: its size asked for/,
    nearly: { rows: [...ASKED, vain(12, "loader", "asked", "undionly.kpxe"), ...PXE.slice(2, 3)], id: "loader-silent" },
  },
  {
    id: "transfer-broken-off",
    rows: [...PXE, [30, "kernel", "served", { path: "/boot/x/initrd", bytes: 5, broken: 200 }]],
    permit: "started",
    evidence: /initrd: 5 bytes, then broken off/,
    nearly: {
      rows: [...PXE, [30, "kernel", "served", { path: "/boot/x/initrd", bytes: 5 }]],
      id: "installer-nic-unknown",
    },
  },
  {
    id: "installer-failed",
    rows: [...PACKAGES, failed()],
    permit: "failed",
    evidence: /without a reason/,
    nearly: { rows: PACKAGES, permit: "writing", id: "packages-stopped" },
  },
  {
    id: "wrong-architecture",
    rows: ASKED,
    permit: "issued",
    declared: { arch: "arm64", tree: "debian-12-arm64" },
    evidence: /firmware says amd64 bios, tree debian-12-arm64 is arm64/,
    nearly: { declared: { arch: "amd64" }, id: "loader-not-fetched" },
  },
  {
    id: "address-in-use",
    rows: [...ASKED, [12, "dhcp", "decline", { asking: "firmware", address: "192.168.77.101" }]],
    permit: "issued",
    evidence: /declined 192\.168\.77\.101/,
    nearly: { rows: [[5, "dhcp", "decline", { asking: "firmware" }], ...ASKED], id: "loader-not-fetched" },
  },
  {
    id: "proxy-unanswered",
    rows: [offer(1), offer(5), offer(13)],
    permit: "issued",
    evidence: /3 offers beside another server's address/,
    nearly: { rows: [offer(1), offer(5, "192.168.77.101")], id: "offers-not-taken" },
  },
  {
    id: "offers-not-taken",
    rows: [offer(1, "192.168.77.101"), offer(5, "192.168.77.101")],
    permit: "issued",
    evidence: /2 offers of 192\.168\.77\.101, none of them requested/,
    nearly: { rows: [offer(1, "192.168.77.101")], id: "silence" },
  },
  {
    id: "lacp-port-blocked",
    rows: LOADED,
    permit: "issued",
    declared: LACP,
    evidence: /bond is 802\.3ad/,
    nearly: { declared: { bondMode: "active-backup" }, id: "loader-silent" },
  },
  {
    id: "boot-loop",
    rows: again(PXE),
    permit: "started",
    evidence: /3 boots in 10 min, each up to script/,
    nearly: { rows: again(PXE).slice(PXE.length), id: "kernel-not-fetched" },
  },
  {
    id: "script-unreachable",
    rows: IPXE,
    permit: "issued",
    evidence: /answered with boot\/ipxe/,
    nearly: { rows: LOADED, id: "loader-silent" },
  },
  {
    id: "loader-not-fetched",
    rows: ASKED,
    permit: "issued",
    evidence: /told to load undionly\.kpxe/,
    nearly: { rows: PXE.slice(0, 1), id: "silence" },
  },
  {
    id: "loader-silent",
    rows: LOADED,
    permit: "issued",
    evidence: /undionly\.kpxe was fetched, and no script/,
    nearly: { rows: IPXE, id: "script-unreachable" },
  },
  {
    id: "kernel-not-fetched",
    rows: PXE,
    permit: "started",
    evidence: /no kernel after it/,
    nearly: { rows: KERNEL, id: "installer-stuck" },
  },
  {
    id: "installer-stuck",
    rows: KERNEL,
    permit: "started",
    evidence: /last heard at 1970-01-01T00:01:30Z/,
    nearly: { rows: KERNEL.slice(0, -1), id: "installer-nic-unknown" },
  },
  {
    id: "installer-nic-unknown",
    rows: KERNEL.slice(0, -1),
    permit: "started",
    evidence: /nothing was heard after it/,
    nearly: { rows: ANSWER, id: "packages-not-begun" },
  },
  {
    id: "packages-not-begun",
    rows: ANSWER,
    permit: "started",
    evidence: /no package was fetched; no sign since 1970-01-01T00:01:40Z/,
    nearly: { rows: PACKAGES, permit: "writing", id: "packages-stopped" },
  },
  {
    id: "machine-gone",
    rows: PACKAGES,
    permit: "writing",
    around: { lastServed: 500_000 },
    evidence: /another machine was served at 1970-01-01T00:08:20Z/,
    nearly: { around: { lastServed: 261_000 }, id: "packages-stopped" },
  },
  {
    id: "packages-stopped",
    rows: PACKAGES,
    permit: "writing",
    evidence: /41 files were fetched/,
    nearly: { rows: [...PACKAGES, [400, "post", "report", { event: "post" }]], id: "post-stopped" },
  },
  {
    id: "post-stopped",
    rows: [...PACKAGES, [400, "post", "report", { event: "post" }]],
    permit: "writing",
    evidence: /past its packages/,
    nearly: { rows: DONE, permit: "used", id: "restart-missing" },
  },
  {
    id: "first-boot-silent",
    rows: BACK,
    permit: "used",
    evidence: /back from its install; no sign since 1970-01-01T00:16:30Z/,
    nearly: { rows: DONE, id: "restart-missing" },
  },
  {
    id: "restart-missing",
    rows: DONE,
    permit: "used",
    evidence: /reported success/,
    nearly: {
      rows: [...BACK, [1000, "verified", "report", { event: "first-boot", verdict: "verified" }]],
      id: undefined,
    },
  },
  {
    id: "silence",
    rows: PXE.slice(0, 1),
    permit: "issued",
    evidence: /no sign since 1970-01-01T00:00:10Z, in stage dhcp; awaited: the loader to be fetched/,
    nearly: { rows: ASKED, id: "loader-not-fetched" },
  },
];

/** Two hours on: past every deadline, and within the permit's time. */
const NOW = 7_200_000;

function causeOf({ rows, permit, declared, around }: Machine) {
  const about = {
    ...(declared && { declared: { profile: "small", ...declared } }),
    ...(around && { around }),
  };
  return foldStatus(HOST, eventsOf(rows), permit && permitIn(permit), NOW, about).cause;
}

for (const { nearly, id, evidence, ...machine } of CASES) {
  test(`${id}, not ${nearly.id}`, () => {
    const cause = causeOf(machine);
    assert.equal(cause?.id, id);
    assert.match(String(cause?.evidence), evidence);
    assert.equal(causeOf({ ...machine, ...nearly })?.id, nearly.id, "nearly the same");
  });
}

test("a machine that loops for a reason that is known is told both", () => {
  const cause = causeOf({ rows: again([offer(1, "10.0.0.5"), offer(5, "10.0.0.5")]), permit: "issued" });
  assert.equal(cause?.id, "offers-not-taken");
  assert.match(String(cause?.evidence), /; 3 boots in 10 min, each up to dhcp/);
});

test("of several complaints the newest counts, and a reported failure before them", () => {
  const rows = [...PACKAGES, says("Hash Sum mismatch", 300), says("No space left on device", 310)];
  assert.equal(causeOf({ rows, permit: "writing" })?.id, "disk-too-small");
  assert.equal(causeOf({ rows: [...rows, failed("out of memory")], permit: "failed" })?.id, "memory-short");
  assert.equal(causeOf({ rows: [...rows, failed("it ended")], permit: "failed" })?.id, "disk-too-small");
});

test("every cause is tried by this file, is one line, and says what to do", () => {
  const tried = new Set([...CASES, ...WORDS.map(([id]) => ({ id }))].map(({ id }) => id));
  assert.deepEqual([...tried].sort(), CAUSES.map(({ id }) => id).sort());
  for (const { id, text, todo } of CAUSES) {
    assert.match(id, /^[a-z]+(?:-[a-z]+)*$/);
    for (const line of [text, todo]) assert.match(line, /^[^\n|]+[^\n.|]$/, id);
  }
});

/** Rows of the table below a heading of docs/trace.md. */
function documented(heading: string): string[] {
  const doc = readFileSync(new URL("../../../docs/trace.md", import.meta.url), "utf8");
  const [section = ""] = doc.split(`\n## ${heading}\n`)[1]?.split("\n## ") ?? [];
  return section.split("\n").filter((line) => line.startsWith("| `"));
}

test("the causes of docs/trace.md are those of the table", () => {
  assert.deepEqual(
    documented("Causes"),
    CAUSES.map(({ id, text, todo }) => `| \`${id}\` | ${text} | ${todo} |`),
  );
});

test("the deadlines of docs/trace.md are those that are kept", () => {
  assert.deepEqual(
    documented("Deadlines").map((row) => row.split(" | ").slice(0, 4).join(" | ")),
    Object.entries(LIMITS).map(([stage, { floor, usual, ceiling }]) =>
      [`| \`${stage}\``, ...[floor, usual, ceiling].map((ms) => `${ms / 60_000} min`)].join(" | "),
    ),
  );
});
