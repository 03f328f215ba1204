/** What a host's events and permit add up to: where it is, since when, what is awaited, and why it stopped. Pure. */
import { type Awaited, awaitedOf, type HostView } from "./awaiting.ts";
import { LOOKED_AT, loopOf } from "./boot-loop.ts";
import { foldBoots } from "./boot-trace.ts";
import { causeOf } from "./causes.ts";
import type { Around, BootLoop, Declared, Stop } from "./causes-stop.ts";
import type { JournalEvent } from "./events.ts";
import { stateOf } from "./host-state.ts";
import { type Expectation, profileOf } from "./learned.ts";
import { noteShown } from "./notes.ts";
import { type Permit, stateAt } from "./permit-rules.ts";
import { foldProgress } from "./progress.ts";
import {
  type BootTrace,
  type Cause,
  type FleetStatus,
  HOST_STATES,
  type HostState,
  type HostStatus,
} from "./status.ts";

export type { Around, Declared } from "./causes-stop.ts";
export * from "./status.ts";

/** What is known besides the host's own events. */
export interface StatusAbout {
  readonly declared?: Declared;
  readonly around?: Around;
  /** Of a boot of this profile that began then (learned.ts). */
  readonly expected?: (profile: string, began: number) => Expectation | undefined;
}

/** `events` of this host, by time; `permit` its newest. */
export function foldStatus(
  host: string,
  events: readonly JournalEvent[],
  permit: Permit | undefined,
  now: number,
  about: StatusAbout = {},
): HostStatus {
  const view = viewOf(events, permit, now);
  const { boot, base } = view;
  const expected = expectedOf(view, about);
  const awaited = awaitedOf(view, expected);
  const loop = loopOf(view);
  const deadline = loop?.until ?? awaited.deadline;
  const state = deadline !== undefined && now >= deadline ? "stalled" : base;
  const progress = boot && foldProgress(boot, progressAbout(about, expected));
  const cause = causeIn(state, view, about, awaited, loop);
  return {
    ...{ host, state, ...permitShown(permit, now), ...bootShown(boot?.trace), ...noteShown(events) },
    ...(progress && { progress }),
    ...(awaited.awaiting && { awaiting: awaited.awaiting }),
    ...(deadline !== undefined && { deadline }),
    ...(cause && { cause }),
  };
}

export function foldFleet(hosts: readonly HostStatus[]): FleetStatus {
  const counts = Object.fromEntries(HOST_STATES.map((state) => [state, 0])) as Record<HostState, number>;
  for (const { state } of hosts) counts[state] += 1;
  return { hosts, counts };
}

function viewOf(events: readonly JournalEvent[], permit: Permit | undefined, now: number): HostView {
  const boots = foldBoots(events, LOOKED_AT);
  const boot = boots.at(-1);
  return { events, permit, boots, ...(boot && { boot }), base: stateOf(boots, events, permit, now) };
}

function permitShown(permit: Permit | undefined, now: number): Pick<HostStatus, "permit"> {
  if (!permit) return {};
  const { id, issued, expires } = permit;
  return { permit: { id, issued, expires, state: stateAt(permit, now) } };
}

function bootShown(boot: BootTrace | undefined): Pick<HostStatus, "boot" | "trace"> {
  return boot ? { ...(boot.id !== "" && { trace: boot.id }), boot } : {};
}

function expectedOf({ boot }: HostView, { declared, expected }: StatusAbout): Expectation | undefined {
  const profile = boot && (profileOf(boot.events) ?? declared?.profile);
  return boot && profile !== undefined ? expected?.(profile, boot.trace.started) : undefined;
}

function progressAbout({ declared }: StatusAbout, expected: Expectation | undefined) {
  const treePackages = declared?.treePackages;
  return { ...(expected && { expected }), ...(treePackages !== undefined && { treePackages }) };
}

function causeIn(
  state: HostState,
  { permit, boot, boots }: HostView,
  { declared, around }: StatusAbout,
  { standing, awaiting, isBack }: Awaited,
  loop: BootLoop | undefined,
): Cause | undefined {
  if (state !== "stalled" && state !== "failed" && state !== "differs" && state !== "expired") return undefined;
  // In a loop the newest boot may not have come to where those before it failed.
  const events = boots.slice(loop ? -2 : -1).flatMap((each) => each.events);
  const stop: Stop = {
    ...{ state, events, since: standing?.since ?? permit?.issued ?? 0 },
    ...(standing && { stage: standing.stage }),
    ...(boot && { boot }),
    ...(permit && { permit }),
    ...(declared && { declared }),
    ...(around && { around }),
    ...(isBack && { isBack }),
    ...(loop && { loop }),
    ...(awaiting && { awaiting: awaiting.what }),
  };
  return causeOf(stop);
}
