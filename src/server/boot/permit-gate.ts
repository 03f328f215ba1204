/** The permits as booting machines and installers meet them. */

import type { Clock } from "../../base/clock.ts";
import { EverbootError } from "../../base/errors.ts";
import type { PermitAnswer, PermitFacts } from "../../boot/plan.ts";
import { carriedBoot } from "../../cluster/boot-id.ts";
import { isActive, type Permit, permitEventOf } from "../../cluster/permit-rules.ts";
import type { Permits, Refusal } from "../../cluster/permits.ts";
import type { BootPermits } from "./boot-files.ts";
import type { ReportPermits } from "./reports.ts";

export type PermitGate = BootPermits & ReportPermits;

const WHY: Readonly<Record<Refusal, string>> = {
  absent: "it has no permit to be installed",
  issued: "its permit cannot be handed out",
  started: "its permit cannot be handed out",
  writing: "its installer has begun to write, and the permit is not handed out twice",
  used: "its permit is used up: it is installed",
  failed: "its installation failed: issue another permit",
  expired: "its permit has expired",
  cancelled: "its permit was taken back",
  "store-unavailable": "the state of its permit cannot be told now",
  untold: "a server that is away may know of an install by its permit",
};

export function createPermitGate(permits: Permits, clock: Clock): PermitGate {
  return {
    peek: (host) => {
      const permit = permits.activeFor(host);
      return permit
        ? { kind: "permit", permit: factsOf(permit) }
        : none(permits.refusalFor(host) ?? "absent", permits.newestOf(host));
    },
    handOut: async (host, of) => {
      const given = await permits.handOut(host, of);
      return given.kind === "permit"
        ? { kind: "permit", permit: factsOf(given.permit) }
        : none(given.reason, permits.newestOf(host));
    },
    bootable: (carried) => {
      const permit = permits.byToken(carriedBoot(carried).token);
      if (!permit || !isActive(permit, clock.now())) return undefined;
      return { host: permit.host, permit: { ...factsOf(permit), token: carried } };
    },
    reporting: (carried) => {
      const { token, trace } = carriedBoot(carried);
      const permit = permits.byToken(token);
      return permit && { host: permit.host, id: permit.id, ...(trace !== undefined && { trace }) };
    },
    report: (carried, event) => report(permits, carriedBoot(carried).token, event),
  };
}

/**
 * An installer may begin to write only when that very state was written down: a permit that was used up, failed or
 * taken back meanwhile must not cost a machine its installed system.
 */
async function report(permits: Permits, token: string, event: Parameters<ReportPermits["report"]>[1]) {
  const state = permits.byToken(token)?.state;
  // The installed system runs, so the installer was done, although its last report was lost.
  const change = event === "first-boot" && state === "writing" ? "done" : permitEventOf(event);
  if (!change) return state === "cancelled" ? "refused" : "accepted";
  try {
    const permit = await permits.advance(token, change);
    return event === "partition" && permit.state !== "writing" ? "refused" : "accepted";
  } catch (error) {
    if (error instanceof EverbootError && error.code === "permit-unknown") return "refused";
    throw error;
  }
}

/** A machine whose permit was never handed out may well wait for the answer; any other one may be installed already. */
function none(refusal: Refusal, permit: Permit | undefined): PermitAnswer {
  const isOutage = refusal === "store-unavailable" && permit?.state === "issued";
  return { kind: "none", why: WHY[refusal], ...(isOutage && { isOutage }) };
}

function factsOf({ id, token, expires, server, version }: Permit): PermitFacts {
  return { id, token, expires, ...(server !== undefined && { server }), ...(version !== undefined && { version }) };
}
