/** What earlier installs of a profile were like: how much they fetched, and for how long each stage was silent. */
import { type BootFold, endsInstall, foldBoots, stageOf } from "./boot-trace.ts";
import type { JournalEvent, Stage } from "./events.ts";
import type { Journal } from "./journal.ts";
import { countedTotal } from "./progress.ts";

/** Of one install that came to its end. */
export interface Lesson {
  /** Host and boot. */
  readonly key: string;
  readonly profile: string;
  /** Milliseconds since 1970. */
  readonly ended: number;
  /** Fetched from the tree, whoever served it. */
  readonly bytes: number;
  /** Packages that its installer counted; 0 = it did not. */
  readonly counted: number;
  /** The longest time without a sign in each stage, milliseconds. */
  readonly gaps: Readonly<Partial<Record<Stage, number>>>;
}

/** What the next install of a profile is likely to be like. */
export interface Expectation {
  /** Installs that it was told from. */
  readonly boots: number;
  /** Medians; absent = none of them had any. */
  readonly bytes?: number;
  readonly counted?: number;
  /** The longest of all, milliseconds. */
  readonly gaps: Readonly<Partial<Record<Stage, number>>>;
}

/** So many of the newest count. */
const RECENT = 15;
/** Kept of each profile: more than a fleet that is installed at a time. */
const KEPT = 10_000;

/** @returns undefined for a boot that installed nothing, or whose profile was not written down */
export function lessonOf({ trace, events }: BootFold): Lesson | undefined {
  const end = events.find(endsInstall);
  const profile = profileOf(events);
  if (end === undefined || profile === undefined) return undefined;
  const bytes = trace.stages.find(({ stage }) => stage === "packages")?.bytes ?? 0;
  const key = `${end.host} ${trace.id}`;
  return { key, profile, ended: end.at, bytes, counted: countedTotal(events), gaps: longestGaps(events) };
}

/** As its boot script was made for. */
export function profileOf(events: readonly JournalEvent[]): string | undefined {
  const told = events.findLast(({ facts }) => facts.profile !== undefined)?.facts.profile;
  return told === undefined ? undefined : String(told);
}

function longestGaps(events: readonly JournalEvent[]): Lesson["gaps"] {
  const gaps: Partial<Record<Stage, number>> = {};
  let before: { readonly at: number; readonly stage: Stage } | undefined;
  let isUsed = false;
  for (const event of events) {
    isUsed ||= endsInstall(event);
    const stage = stageOf(event, isUsed);
    if (stage === undefined) continue;
    if (before) gaps[before.stage] = Math.max(gaps[before.stage] ?? 0, event.at - before.at);
    before = { at: event.at, stage: isUsed ? "reboot" : stage };
  }
  return gaps;
}

interface ProfileLessons {
  readonly byKey: Map<string, Lesson>;
  /** By their end; absent = to be sorted anew. */
  sorted?: readonly Lesson[] | undefined;
}

export class Learned {
  private readonly profiles = new Map<string, ProfileLessons>();

  /** Learned again, a lesson replaces what was learned of the same boot before it was over. */
  learn(lesson: Lesson): void {
    const lessons: ProfileLessons = this.profiles.get(lesson.profile) ?? { byKey: new Map() };
    this.profiles.set(lesson.profile, lessons);
    lessons.byKey.set(lesson.key, lesson);
    lessons.sorted = undefined;
    if (lessons.byKey.size < 2 * KEPT) return;
    for (const { key } of sortedOf(lessons).slice(0, -KEPT)) lessons.byKey.delete(key);
    lessons.sorted = undefined;
  }

  /**
   * From installs that were over at `time` alone: what is expected of a boot does not change while it runs, so that its
   * progress never falls.
   */
  before(profile: string, time: number): Expectation | undefined {
    const known = this.profiles.get(profile);
    const lessons = known ? sortedOf(known) : [];
    const recent = lessons.slice(0, lessons.findLastIndex(({ ended }) => ended <= time) + 1).slice(-RECENT);
    if (recent.length === 0) return undefined;
    const bytes = median(recent.map((lesson) => lesson.bytes));
    const counted = median(recent.map((lesson) => lesson.counted));
    return {
      boots: recent.length,
      ...(bytes !== undefined && { bytes }),
      ...(counted !== undefined && { counted }),
      gaps: longestOf(recent),
    };
  }
}

function sortedOf(lessons: ProfileLessons): readonly Lesson[] {
  lessons.sorted ??= [...lessons.byKey.values()].sort((a, b) => a.ended - b.ended);
  return lessons.sorted;
}

/** Of those above 0. */
function median(values: readonly number[]): number | undefined {
  const sorted = values.filter((value) => value > 0).sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}

function longestOf(lessons: readonly Lesson[]): Expectation["gaps"] {
  const longest: Partial<Record<Stage, number>> = {};
  for (const { gaps } of lessons) {
    for (const [stage, gap] of Object.entries(gaps) as [Stage, number][]) {
      longest[stage] = Math.max(longest[stage] ?? 0, gap);
    }
  }
  return longest;
}

/** All that the journal holds, and from now on each install that ends. `close` ends it. */
export function learnFrom(journal: Pick<Journal, "hosts" | "events" | "subscribe">): {
  readonly learned: Learned;
  readonly close: () => void;
} {
  const learned = new Learned();
  const learnAll = (folds: readonly BootFold[]) => {
    for (const lesson of folds.flatMap((fold) => lessonOf(fold) ?? [])) learned.learn(lesson);
  };
  for (const host of journal.hosts()) learnAll(foldBoots(journal.events(host)));
  const close = journal.subscribe((event) => {
    if (endsInstall(event) || event.stage === "verified") learnAll(foldBoots(journal.events(event.host), 2));
  });
  return { learned, close };
}
