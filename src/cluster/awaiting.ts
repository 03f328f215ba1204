/** What is awaited of a host, and until when. Pure. */
import { type BootFold, endsInstall } from "./boot-trace.ts";
import { deadlineOf, type Standing, standingOf } from "./deadlines.ts";
import { type JournalEvent, STAGES, type Stage } from "./events.ts";
import type { BaseState } from "./host-state.ts";
import type { Expectation } from "./learned.ts";
import type { Permit } from "./permit-rules.ts";
import type { Awaiting } from "./status.ts";

/** A host as its events and permit have it. */
export interface HostView {
  readonly events: readonly JournalEvent[];
  readonly permit: Permit | undefined;
  /** The newest of all, the oldest first. */
  readonly boots: readonly BootFold[];
  /** The newest. */
  readonly boot?: BootFold;
  /** But for deadlines. */
  readonly base: BaseState;
}

/** What comes after each stage. */
const NEXT_STEP: Readonly<Record<Stage, string>> = {
  dhcp: "the loader to be fetched",
  loader: "the boot script to be fetched",
  script: "kernel and initrd to be fetched",
  kernel: "the installer to read its answers",
  answer: "the first packages to be fetched",
  packages: "more packages, or the report that they are installed",
  post: "the installer to report success",
  reboot: "the installed system to report its network",
  verified: "nothing",
};

export interface Awaited {
  readonly awaiting?: Awaiting;
  readonly deadline?: number;
  readonly standing?: Standing;
  /** It has started again since its install was done. */
  readonly isBack?: boolean;
}

export function awaitedOf(view: HostView, expected: Expectation | undefined): Awaited {
  const { base, boot, permit } = view;
  if (base === "permitted" && permit) {
    return { awaiting: { what: "the machine to boot from the network", since: permit.issued } };
  }
  if (boot === undefined) return {};
  if (base === "installed") return awaitedReboot(view, boot, expected);
  const standing = standingOf(boot);
  if (base !== "booting" && base !== "installing") return { standing };
  const turn = waitsForTurn(boot.events);
  // It was told so, once, and asks again by itself.
  if (turn !== undefined) return { awaiting: { what: "its turn: it asks again", since: turn }, standing };
  const newest = boot.trace.stages.at(-1);
  const since = newest?.last ?? boot.trace.started;
  const isLoaded = newest?.stage === "dhcp" && boot.events.some(({ facts }) => facts.asking === "ipxe");
  const what = isLoaded ? NEXT_STEP.loader : NEXT_STEP[newest?.stage ?? "dhcp"];
  return { awaiting: { what, since }, standing, ...dueAt(deadlineOf(standing, expected)) };
}

/** Since when it waits to be let in. PXELINUX fetches itself anew to ask again: what comes before a script is no sign. */
export function waitsForTurn(events: readonly JournalEvent[]): number | undefined {
  const last = events.findLast(({ stage, what }) => {
    return !what.startsWith("permit-") && STAGES.indexOf(stage) >= STAGES.indexOf("script");
  });
  return last?.what === "note" && last.facts.waits === "turn" ? last.at : undefined;
}

/** The restart may have become a boot of its own: then the install's is one of those before. */
function awaitedReboot({ boots }: HostView, boot: BootFold, expected: Expectation | undefined): Awaited {
  const install = boots.findLast(({ events }) => events.some(endsInstall));
  const done = install?.events.find(endsInstall);
  const ownStart = install === boot ? undefined : boot.trace.started;
  const back = install?.trace.stages.find(({ stage }) => stage === "reboot")?.first ?? ownStart;
  const since = Math.max(ownStart ?? 0, install ? standingOf(install).since : 0);
  const standing: Standing = { stage: "reboot", since };
  const awaiting =
    back === undefined
      ? { what: "the machine to restart", since: done?.at ?? since }
      : { what: NEXT_STEP.reboot, since: back };
  return { awaiting, standing, isBack: back !== undefined, ...dueAt(deadlineOf(standing, expected)) };
}

function dueAt(deadline: number | undefined): Pick<Awaited, "deadline"> {
  return deadline === undefined ? {} : { deadline };
}
