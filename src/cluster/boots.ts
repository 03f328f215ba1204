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
 *
 * A machine brings the id of its boot in the URLs that it was given (boot-id.ts). What it brings goes before all of the
 * above: an id that is not known here is that of a boot which began at a server that has not been heard.
 */
import { bootIdOf } from "./boot-id.ts";
import { type JournalEvent, STAGES } from "./events.ts";

/** Milliseconds. */
export const BOOT_GAP = 90_000;
/** Ids that are remembered: transfers end long after the boot that began them. */
const REMEMBERED = 8;

export interface BootName {
  /** 0 = before the first. */
  readonly number: number;
  /** Absent before the first boot, and in journals from before boots had ids. */
  readonly id?: string;
}

/** What of a host's past is needed to judge its next event. */
export interface BootTracker extends BootName {
  /** Boots before, the newest last; ids that the boot at hand had before are among them. */
  readonly past: readonly BootName[];
  /** Furthest stage since the machine last started, as its place in STAGES. */
  readonly reached: number;
  /** Time of the last event of the early stages. */
  readonly lastEarly: number;
  /** Its permit is used up, and it has not started since. */
  readonly rebootDue: boolean;
}

export const NO_BOOT: BootTracker = { number: 0, past: [], reached: 0, lastEarly: 0, rebootDue: false };

/** `trace`: as the machine brought it. */
export type Seen = Pick<JournalEvent, "at" | "host" | "stage" | "what" | "facts" | "trace">;

/** After an event that happened here. */
export function trackBoot(tracker: BootTracker, event: Seen): BootTracker {
  const { trace } = event;
  if (trace !== undefined && trace !== tracker.id) return meet(tracker, event, trace);
  if (trace !== undefined || !startsBoot(tracker, event)) return goOn(tracker, event);
  if (tracker.rebootDue) return goOn({ ...tracker, ...JUST_STARTED }, event);
  return begin(tracker, event);
}

/** After an event with its boot, as another server or this one wrote it down. */
export function trackStored(tracker: BootTracker, event: JournalEvent): BootTracker {
  const { boot: number, trace } = event;
  if (number < tracker.number) return tracker;
  if (number > tracker.number) return goOn(rename(tracker, { number, ...idOf(trace) }, true), event);
  const started = tracker.rebootDue && startsBoot(tracker, event) ? { ...tracker, ...JUST_STARTED } : tracker;
  const isOther = trace !== undefined && trace !== tracker.id;
  const isTheOne = tracker.id === undefined || isPastScript(event) || String(trace) < tracker.id;
  return goOn(isOther && isTheOne ? rename(started, { number, id: trace }, false) : started, event);
}

/** The boot that an event belongs to, once it was tracked. */
export function bootOf({ number, id, past }: BootTracker, trace: string | undefined): BootName {
  const earlier = trace === undefined || trace === id ? undefined : past.findLast((boot) => boot.id === trace);
  return earlier ?? { number, ...idOf(id) };
}

const JUST_STARTED = { reached: 0, rebootDue: false } as const;

function idOf(id: string | undefined): { readonly id?: string } {
  return id === undefined ? {} : { id };
}

function begin(tracker: BootTracker, event: Seen): BootTracker {
  const number = tracker.number + 1;
  const id = bootIdOf({ host: event.host, number, mark: event.facts.xid ?? event.at });
  return goOn(rename(tracker, { number, id }, true), event);
}

/** The machine brings another id than the one at hand. */
function meet(tracker: BootTracker, event: Seen, id: string): BootTracker {
  const known = tracker.past.findLast((boot) => boot.id === id);
  if (known && known.number < tracker.number) return tracker;
  const isUnderWay = tracker.number > 0 && !isFar(tracker) && event.at - tracker.lastEarly <= BOOT_GAP;
  const isSame = known !== undefined || isUnderWay;
  const number = isSame ? tracker.number : tracker.number + 1;
  return goOn(rename(tracker, { number, id }, !isSame), event);
}

function rename(tracker: BootTracker, name: BootName, isNew: boolean): BootTracker {
  const { number, id, past, reached, lastEarly, rebootDue } = tracker;
  const others = [...past.filter((boot) => boot.id !== name.id), ...(id === undefined ? [] : [{ number, id }])];
  const since = isNew ? JUST_STARTED : { reached, rebootDue };
  return { ...name, past: others.slice(-REMEMBERED), lastEarly, ...since };
}

function goOn(tracker: BootTracker, event: Seen): BootTracker {
  if (isDone(event)) return { ...tracker, reached: STAGES.length, rebootDue: tracker.number > 0 };
  if (event.what === "permit-issued") return { ...tracker, rebootDue: false };
  if (!isSign(event)) return tracker;
  const reached = Math.max(tracker.reached, placeOf(event));
  return { ...tracker, reached, lastEarly: isEarly(event) ? event.at : tracker.lastEarly };
}

/** The report comes with the id of its boot, so it tells a server that has not heard of that boot yet. */
function isDone({ what, facts }: Seen): boolean {
  return what === "permit-used" || (what === "report" && facts.event === "done");
}

function isSign({ what }: Seen): boolean {
  return what !== "note" && !what.startsWith("permit-");
}

/** The stage of a local boot is that of the machine's restart; what the machine fetched is a boot script. */
function placeOf({ what, stage }: Seen): number {
  return STAGES.indexOf(what === "local-boot" ? "script" : stage);
}

function isPastScript(event: Seen): boolean {
  return isSign(event) && placeOf(event) >= STAGES.indexOf("script");
}

function isFar({ reached }: BootTracker): boolean {
  return reached > STAGES.indexOf("script");
}

function isEarly({ stage, what, facts }: Seen): boolean {
  if (stage === "dhcp") return facts.asking === "firmware" || facts.asking === "ipxe";
  return stage === "loader" || stage === "script" || what === "local-boot";
}

function startsBoot(tracker: BootTracker, event: Seen): boolean {
  if (!isSign(event) || !isEarly(event)) return false;
  if (tracker.number === 0) return true;
  const isQuiet = event.at - tracker.lastEarly > BOOT_GAP;
  if (placeOf(event) === STAGES.indexOf("script")) return isQuiet && isFar(tracker);
  if (event.stage !== "dhcp") return false;
  const next = event.facts.asking === "ipxe" ? "loader" : "dhcp";
  return isQuiet || tracker.reached > STAGES.indexOf(next);
}
