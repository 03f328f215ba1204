/**
 * Where a machine's boot begins, told from its events. Pure.
 *
 * A boot begins when firmware or iPXE asks DHCP and the machine cannot still be in the boot at hand:
 * - the firmware asks, and a loader or more was fetched already;
 * - iPXE asks, and a boot script or more was fetched already (after a loader it is the next step, not a new boot);
 * - either asks after BOOT_GAP without a sign of the early stages (a firmware repeats DISCOVERs after 4, 8, 16 and
 *   32 s, `mPxeDhcpTimeout` in EDK II and the same in PXE ROMs; a machine asks by each of its NICs in turn).
 * Where DHCP is not ours, a boot script after a kernel and BOOT_GAP begins one. Installers and installed systems ask
 * DHCP without beginning anything. The first start after a permit was used up is the end of its install (stage
 * `reboot`) and counts to the same boot.
 */
import { type EventFacts, type EventKind, STAGES, type Stage } from "./events.ts";

/** Milliseconds. */
export const BOOT_GAP = 90_000;

/** What of a host's past is needed to judge its next event. */
export interface BootTracker {
  /** Of the boot at hand; 0 = none yet. */
  readonly number: number;
  /** Furthest stage since the machine last started, as its place in STAGES. */
  readonly reached: number;
  /** Time of the last event of the early stages. */
  readonly lastEarly: number;
  /** Its permit is used up, and it has not started since. */
  readonly rebootDue: boolean;
}

export const NO_BOOT: BootTracker = { number: 0, reached: 0, lastEarly: 0, rebootDue: false };

interface Seen {
  readonly at: number;
  readonly stage: Stage;
  readonly what: EventKind;
  readonly facts: EventFacts;
}

export function trackBoot(tracker: BootTracker, event: Seen): BootTracker {
  if (event.what === "permit-used") return { ...tracker, rebootDue: true };
  if (event.what === "permit-issued") return { ...tracker, rebootDue: false };
  if (event.what === "note" || event.what.startsWith("permit-")) return tracker;
  // Its stage is that of the machine's restart; what the machine fetched is a boot script.
  const seen: Seen = event.what === "local-boot" ? { ...event, stage: "script" } : event;
  const place = STAGES.indexOf(seen.stage);
  const early = isEarly(seen);
  const lastEarly = early ? seen.at : tracker.lastEarly;
  if (!(early && isStart(tracker, seen))) {
    return { ...tracker, reached: Math.max(tracker.reached, place), lastEarly };
  }
  const number = tracker.rebootDue ? tracker.number : tracker.number + 1;
  return { number, reached: place, lastEarly, rebootDue: false };
}

function isEarly({ stage, facts }: Seen): boolean {
  if (stage === "dhcp") return facts.asking === "firmware" || facts.asking === "ipxe";
  return stage === "loader" || stage === "script";
}

function isStart(tracker: BootTracker, event: Seen): boolean {
  if (tracker.number === 0) return true;
  const isQuiet = event.at - tracker.lastEarly > BOOT_GAP;
  if (event.stage === "script") return isQuiet && tracker.reached >= STAGES.indexOf("kernel");
  if (event.stage !== "dhcp") return false;
  const next = event.facts.asking === "ipxe" ? "loader" : "dhcp";
  return isQuiet || tracker.reached > STAGES.indexOf(next);
}
