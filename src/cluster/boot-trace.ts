/** The boots of a host, laid out from its events: which stages each went through, and when. Pure. */
import { BOOT_GAP } from "./boots.ts";
import { type EventFacts, type JournalEvent, STAGES, type Stage } from "./events.ts";
import type { BootTrace, StageTrace } from "./status.ts";

/** One boot. */
export interface BootFold {
  readonly trace: BootTrace;
  /** All of its events, by time; those that are no step of a boot too. */
  readonly events: readonly JournalEvent[];
}

interface Group {
  readonly number: number;
  readonly events: JournalEvent[];
}

/** The newest `count` boots, the oldest first; `events` of one host, by time. */
export function foldBoots(events: readonly JournalEvent[], count: number = Number.POSITIVE_INFINITY): BootFold[] {
  const groups = groupBoots(events);
  return groups.slice(Math.max(0, groups.length - count)).flatMap(foldBoot);
}

/** By id, and by number where ids are missing. */
function groupBoots(events: readonly JournalEvent[]): Group[] {
  const groups = new Map<string, Group>();
  for (const event of events) {
    if (event.boot === 0) continue;
    const key = event.trace ?? `#${event.boot}`;
    const group = groups.get(key);
    if (group) group.events.push(event);
    else groups.set(key, { number: event.boot, events: [event] });
  }
  return mergeHalves([...groups.values()].sort((a, b) => a.number - b.number || startOf(a) - startOf(b)));
}

/**
 * A boot has two ids when its first stages were served by one server and the next by another that had not heard of
 * them: the same number, close together, and one half got no further than the boot script.
 */
function mergeHalves(groups: readonly Group[]): Group[] {
  const merged: Group[] = [];
  for (const group of groups) {
    const before = merged.at(-1);
    if (before && isOtherHalf(before, group)) {
      const events = [...before.events, ...group.events].sort((a, b) => a.at - b.at);
      merged.splice(-1, 1, { number: group.number, events });
    } else merged.push(group);
  }
  return merged;
}

function isOtherHalf(before: Group, after: Group): boolean {
  if (before.number !== after.number || startOf(after) - endOf(before) > BOOT_GAP) return false;
  return isShort(before) || isShort(after) || idOf(before) === "" || idOf(after) === "";
}

function startOf({ events }: Group): number {
  return events[0]?.at ?? 0;
}

function endOf({ events }: Group): number {
  return events.at(-1)?.at ?? 0;
}

function isShort({ events }: Group): boolean {
  return events.every(({ stage }) => STAGES.indexOf(stage) <= STAGES.indexOf("script"));
}

/** That of its newest event: what the machine carries in the end. */
function idOf({ events }: Group): string {
  return events.findLast(({ trace }) => trace !== undefined)?.trace ?? "";
}

/** None when all that is known of it are permits and notes. */
function foldBoot(group: Group): BootFold[] {
  const stages = new Map<Stage, Growing>();
  let isUsed = false;
  for (const event of group.events) {
    isUsed ||= endsInstall(event);
    const stage = stageOf(event, isUsed);
    if (stage === undefined) continue;
    const known = stages.get(stage) ?? { stage, first: event.at, last: event.at, events: 0, files: 0, bytes: 0 };
    stages.set(stage, known);
    addEvent(known, event);
  }
  const reached = STAGES.flatMap((stage) => stages.get(stage) ?? []);
  if (reached.length === 0) return [];
  const trace: BootTrace = {
    number: group.number,
    id: idOf(group),
    started: Math.min(...reached.map(({ first }) => first)),
    stages: reached.map((stage, place) => withEnd(stage, reached.slice(place + 1))),
  };
  return [{ trace, events: group.events }];
}

/** From here on the machine is to start from its disk. */
export function endsInstall({ what, facts }: JournalEvent): boolean {
  return what === "permit-used" || (what === "report" && facts.event === "done");
}

/** Kinds that are no step of a boot: not of the machine's own doing, or in vain. */
const NO_STEP: ReadonlySet<string> = new Set(["note", "absent", "broken", "asked", "unlisted"]);

/** Where an event counts in its trace; nowhere when the machine did not get on by it. */
export function stageOf(event: JournalEvent, isUsed: boolean): Stage | undefined {
  if (event.what.startsWith("permit-") || NO_STEP.has(event.what)) return undefined;
  if (event.what === "log" && event.facts.kind !== "step" && event.facts.kind !== "progress") return undefined;
  const asking = event.stage === "dhcp" ? event.facts.asking : undefined;
  if (asking === "system") return isUsed ? "reboot" : undefined;
  // The kernel runs and has started the installer.
  if (asking === "installer") return "kernel";
  const isEarly = STAGES.indexOf(event.stage) <= STAGES.indexOf("script");
  return isUsed && isEarly ? "reboot" : event.stage;
}

type Growing = { -readonly [Key in keyof StageTrace]: StageTrace[Key] };

/** In place: a boot has thousands of events. */
function addEvent(stage: Growing, { at, what, facts }: JournalEvent): void {
  stage.first = Math.min(stage.first, at);
  stage.last = Math.max(stage.last, at);
  stage.events += 1;
  stage.files += filesOf(what, facts);
  stage.bytes += numberFact(facts, "bytes") ?? 0;
  if (facts.server !== undefined) stage.server = String(facts.server);
  if (facts.path !== undefined) stage.path = String(facts.path);
}

/** One event may stand for several files. */
export function filesOf(what: JournalEvent["what"], facts: EventFacts): number {
  return numberFact(facts, "files") ?? (what === "served" && facts.broken === undefined ? 1 : 0);
}

function withEnd(stage: StageTrace, later: readonly StageTrace[]): StageTrace {
  if (later.length === 0) return stage;
  return { ...stage, ended: Math.min(...later.map(({ first }) => first)) };
}

export function numberFact(facts: EventFacts, name: string): number | undefined {
  const fact = facts[name];
  return typeof fact === "number" ? fact : undefined;
}
