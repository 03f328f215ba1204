/** A host's status in short, as lists and the dashboard show it. Pure. */
import type { JournalEvent } from "../../cluster/events.ts";
import type { HostStatus } from "../../cluster/status.ts";
import type { HostMoment } from "./operations.ts";

/** Milliseconds that a rate is taken over. */
const RATE_MS = 10_000;
const RATE_FALLS_MS = 1_000;
const CAUSE_KEPT_MS = 10_000;

/** `events` of the host, by time. */
export function hostMoment(
  status: HostStatus,
  profile: string,
  events: readonly JournalEvent[],
  now: number,
): HostMoment {
  const rate = rateOf(events, now);
  const until = changeAfter(status, rate, now);
  return {
    summary: { ...summaryOf(status, profile), ...(rate > 0 && { rate }) },
    ...(until !== undefined && { until }),
  };
}

function summaryOf({ host, state, boot, progress, lastNote, awaiting, deadline, cause }: HostStatus, profile: string) {
  const stage = boot?.stages.at(-1);
  const server = boot?.stages.findLast((each) => each.server !== undefined)?.server;
  return {
    ...{ host, profile, state },
    ...(stage && { stage: stage.stage, since: stage.first }),
    ...(boot && { started: boot.started }),
    ...(progress && { progress }),
    ...(awaiting && { awaiting: awaiting.what }),
    ...(deadline !== undefined && { deadline }),
    ...(cause && { cause }),
    ...(lastNote && { note: lastNote.text }),
    ...(server !== undefined && { server }),
  };
}

/** When time alone may make it another one. */
function changeAfter({ deadline, permit, cause }: HostStatus, rate: number, now: number): number | undefined {
  const times = [
    deadline,
    isWaiting(permit?.state) ? permit?.expires : undefined,
    rate > 0 ? now + RATE_FALLS_MS : undefined,
    // What happens to others is part of it.
    cause && now + CAUSE_KEPT_MS,
  ];
  const coming = times.filter((time) => time !== undefined).filter((time) => time > now);
  return coming.length > 0 ? Math.min(...coming) : undefined;
}

function isWaiting(state: string | undefined): boolean {
  return state === "issued" || state === "started";
}

/** Bytes a second that it was sent of late. */
function rateOf(events: readonly JournalEvent[], now: number): number {
  let bytes = 0;
  for (let place = events.length - 1; place >= 0; place--) {
    const event = events[place];
    if (event === undefined || event.at <= now - RATE_MS) break;
    if (event.what === "served" && typeof event.facts.bytes === "number") bytes += event.facts.bytes;
  }
  return Math.round((bytes * 1000) / RATE_MS);
}
