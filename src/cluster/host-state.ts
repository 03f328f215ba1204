/** The state of a host by its permit and its newest boot, when nothing is overdue. Pure. */
import type { BootFold } from "./boot-trace.ts";
import { type JournalEvent, STAGES, type Stage } from "./events.ts";
import { type Permit, type PermitState, stateAt } from "./permit-rules.ts";
import type { BootTrace, HostState } from "./status.ts";

export type BaseState = Exclude<HostState, "stalled">;

export function stateOf(
  boots: readonly BootFold[],
  events: readonly JournalEvent[],
  permit: Permit | undefined,
  now: number,
): BaseState {
  const boot = boots.at(-1);
  const permitState = permit && stateAt(permit, now);
  if (permit && permitState !== undefined && permitState !== "cancelled") {
    return stateUnderPermit(permit, permitState, boot?.trace, events);
  }
  if (boot === undefined) return "idle";
  return boot.events.some(isFromDisk) ? "local" : "booting";
}

/** It was sent to its disk, or went there by itself: an installed system asks for its address. */
function isFromDisk({ what, facts }: JournalEvent): boolean {
  return what === "local-boot" || facts.asking === "system";
}

function stateUnderPermit(
  permit: Permit,
  state: PermitState,
  boot: BootTrace | undefined,
  events: readonly JournalEvent[],
): BaseState {
  const isInstalling = boot !== undefined && permit.handOuts > 0 && hasSince(boot, INSTALLING, permit.issued);
  switch (state) {
    case "used":
      return verdictOf(permit, events) ?? "installed";
    case "writing":
      return "installing";
    case "failed":
      return "failed";
    // An install that runs already goes on when its permit ends.
    case "expired":
      return isInstalling ? "installing" : "expired";
    case "started":
      return isInstalling ? "installing" : "booting";
    default:
      return boot !== undefined && hasSince(boot, STAGES, permit.issued) ? "booting" : "permitted";
  }
}

/** What the system that was installed with this permit reported of itself. */
function verdictOf(permit: Permit, events: readonly JournalEvent[]): "verified" | "differs" | undefined {
  const report = events.findLast(({ stage, what, permit: id }) => {
    return stage === "verified" && what === "report" && id === permit.id;
  });
  if (report === undefined) return undefined;
  return report.facts.verdict === "verified" ? "verified" : "differs";
}

const INSTALLING: readonly Stage[] = ["packages", "post"];

function hasSince(boot: BootTrace, stages: readonly Stage[], since: number): boolean {
  return boot.stages.some(({ stage, last }) => stages.includes(stage) && last >= since);
}
