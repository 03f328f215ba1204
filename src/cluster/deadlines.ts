/** How long a machine may be silent in each stage until it counts as stalled. Pure. docs/trace.md has the table. */
import { type BootFold, endsInstall, stageOf } from "./boot-trace.ts";
import type { JournalEvent, Stage } from "./events.ts";
import type { Expectation } from "./learned.ts";
import type { StageTrace } from "./status.ts";

/** Milliseconds. `usual` until earlier installs have taught better; what they teach stays between the others. */
export interface Limit {
  readonly floor: number;
  readonly usual: number;
  readonly ceiling: number;
}

const MINUTE = 60_000;

function limit(floor: number, usual: number, ceiling: number): Limit {
  return { floor: floor * MINUTE, usual: usual * MINUTE, ceiling: ceiling * MINUTE };
}

export const LIMITS: Readonly<Record<Exclude<Stage, "verified">, Limit>> = {
  // Firmware asks for 60 s (4 + 8 + 16 + 32, EDK II `mPxeDhcpTimeout`), then by its next NIC.
  dhcp: limit(2, 3, 10),
  // iPXE puts DHCP off up to 180 times while STP or LACP blocks its port; PXELINUX tries a file for 131 s.
  loader: limit(2, 4, 10),
  // Kernel and initrd are told of when they are through: 100 MB by TFTP take minutes.
  script: limit(3, 5, 30),
  // Hardware is detected, links come up, a system image is fetched in one piece.
  kernel: limit(5, 10, 60),
  // Disks are wiped and partitioned.
  answer: limit(5, 10, 60),
  // Silence, not duration: the last packages are unpacked and set up without a word.
  packages: limit(5, 20, 60),
  // Boot loader, initramfs, commands of the profile.
  post: limit(5, 20, 60),
  // Servers test themselves for up to ten minutes.
  reboot: limit(10, 20, 60),
};

/** A question at the screen is answered by nobody; seconds are left to an installer that answers it itself. */
export const QUESTION_MS = 2 * MINUTE;

/** Installs that must have been seen before they are believed. */
const ENOUGH = 3;
/** As long as the longest silence of them, times this. */
const PATIENCE = 3;

export function limitOf(stage: keyof typeof LIMITS, expected?: Pick<Expectation, "boots" | "gaps">): number {
  const { floor, usual, ceiling } = LIMITS[stage];
  const longest = expected?.gaps[stage];
  if (expected === undefined || longest === undefined || expected.boots < ENOUGH) return usual;
  return Math.min(ceiling, Math.max(floor, PATIENCE * longest));
}

/** Where a machine stands in its boot, and since when nothing was heard of it. */
export interface Standing {
  readonly stage: Stage;
  /** Its last sign; in the early stages the first, as asking again is no step ahead. */
  readonly since: number;
  /** The installer asked something at its screen, and said nothing since. */
  readonly question?: JournalEvent;
}

/** Of its newest boot. */
export function standingOf({ trace, events }: BootFold): Standing {
  const end = events.find(endsInstall);
  const newest = trace.stages.at(-1);
  if (end !== undefined && newest?.stage !== "verified") {
    return { stage: "reboot", since: Math.max(end.at, lastOf(trace.stages, "reboot") ?? 0) };
  }
  if (newest === undefined) return { stage: "dhcp", since: trace.started };
  const since = EARLY.has(newest.stage) ? newest.first : lastSign(events, newest.last);
  const question = events.findLast(({ what, facts }) => what === "log" && facts.kind === "question");
  return { stage: newest.stage, since, ...(question && question.at >= since && { question }) };
}

/** Milliseconds since 1970; undefined = nothing is awaited. */
export function deadlineOf(standing: Standing, expected?: Expectation): number | undefined {
  if (standing.stage === "verified") return undefined;
  const due = standing.since + limitOf(standing.stage, expected);
  return standing.question ? Math.min(due, standing.question.at + QUESTION_MS) : due;
}

const EARLY: ReadonlySet<Stage> = new Set(["dhcp", "loader", "script"]);

function lastOf(stages: readonly StageTrace[], stage: Stage): number | undefined {
  return stages.find((each) => each.stage === stage)?.last;
}

/** Of any stage: an installer still fetches packages when its log speaks of what comes after them. */
function lastSign(events: readonly JournalEvent[], known: number): number {
  return events.findLast((event) => event.at > known && stageOf(event, false) !== undefined)?.at ?? known;
}
