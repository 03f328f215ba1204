/** Events of a machine as its journal would keep them, from short rows; and how an install by PXE and iPXE goes. */
import { bootOf, NO_BOOT, trackBoot } from "../../src/cluster/boots.ts";
import type { EventFacts, EventKind, JournalEvent, Stage } from "../../src/cluster/events.ts";
import type { Permit, PermitState } from "../../src/cluster/permit-rules.ts";

export const HOST = "vm1";
export const PERMIT = "3fa9c1d2";

/** Second, stage, what, facts. */
export type Row = readonly [at: number, stage: Stage, what: EventKind, facts?: EventFacts];

/** In the order given. */
export function eventsOf(rows: readonly Row[], host: string = HOST): JournalEvent[] {
  let tracker = NO_BOOT;
  return rows.map(([seconds, stage, what, facts = {}]) => {
    const given = { at: seconds * 1000, host, permit: PERMIT, stage, what, facts };
    tracker = trackBoot(tracker, given);
    const { number, id } = bootOf(tracker, undefined);
    return { ...given, boot: number, ...(id !== undefined && { trace: id }) };
  });
}

/** Issued at 0, valid for four hours. */
export function permitIn(state: PermitState, handOuts: number = 1): Permit {
  const times = { issued: 0, expires: 14_400_000, changed: 0 };
  return { id: PERMIT, token: "secret", host: HOST, ...times, state, handOuts };
}

export const PXE: readonly Row[] = [
  [10, "dhcp", "offer", { asking: "firmware", machine: "amd64 bios", address: "192.168.77.101" }],
  [11, "dhcp", "ack", { asking: "firmware", machine: "amd64 bios", file: "undionly.kpxe" }],
  [13, "loader", "served", { path: "/undionly.kpxe", bytes: 70_000, server: "one" }],
  [15, "dhcp", "ack", { asking: "ipxe", machine: "amd64 bios", file: "boot/ipxe/52-54-00-00-00-01" }],
  [16, "script", "served", { path: "/boot/ipxe/x", bytes: 300, profile: "small", tree: "debian-12" }],
];
export const KERNEL: readonly Row[] = [
  ...PXE,
  [20, "kernel", "served", { path: "/boot/t/linux", bytes: 8_000_000 }],
  [40, "kernel", "served", { path: "/boot/t/initrd", bytes: 41_000_000 }],
  [90, "dhcp", "ack", { asking: "installer" }],
];
export const ANSWER: readonly Row[] = [...KERNEL, [100, "answer", "report", { event: "answer" }]];
export const PACKAGES: readonly Row[] = [
  ...ANSWER,
  [200, "packages", "served", { path: "/trees/d/a.deb", bytes: 1000, server: "one" }],
  [210, "packages", "served", { path: "/trees/d/b.deb", bytes: 7, broken: 200 }],
  [260, "packages", "served", { files: 40, bytes: 500_000, server: "two" }],
];
export const DONE: readonly Row[] = [
  ...PACKAGES,
  [900, "post", "report", { event: "done" }],
  [900, "post", "permit-used"],
];
export const BACK: readonly Row[] = [
  ...DONE,
  [930, "dhcp", "ack", { asking: "firmware" }],
  [932, "loader", "served", { path: "/undionly.kpxe", bytes: 70_000 }],
  [934, "reboot", "local-boot"],
  [990, "dhcp", "ack", { asking: "system" }],
];
