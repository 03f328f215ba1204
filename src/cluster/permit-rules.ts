/**
 * The life of a permit. Pure.
 *
 * ```
 *          hand-out            writing            done
 * issued ----------> started ----------> writing ------> used
 *    |                |   ^ hand-out        |
 *    +-- expire ------+-> expired           +-- failed --> failed
 *    +-- cancel ------+-------------------> cancelled
 * ```
 * Handed out in `issued` and `started` alone: a machine may start over until its installer has begun to write. What an
 * installer reports late or twice is taken: a machine that was installed is installed, whatever the permit's clock says.
 */
import { EverbootError } from "../base/errors.ts";
import type { ReportEvent } from "../os/family.ts";
import type { EventKind, Stage } from "./events.ts";

export type PermitState = "issued" | "started" | "writing" | "used" | "failed" | "expired" | "cancelled";
export type PermitEvent = "hand-out" | "writing" | "done" | "failed" | "expire" | "cancel";
/** What an installer can do to its permit. */
export type ReportedEvent = Extract<PermitEvent, "writing" | "done" | "failed">;

export interface Permit {
  /** Names the permit in status and journal. */
  readonly id: string;
  /** 128 random bits as hex; who knows it may fetch this host's answer file and report for it. */
  readonly token: string;
  readonly host: string;
  /** Times in milliseconds since 1970. */
  readonly issued: number;
  readonly expires: number;
  readonly state: PermitState;
  /** When it came to be in this state. */
  readonly changed: number;
  /** Times it was handed to a booting machine. */
  readonly handOuts: number;
  /** Name of the server that the newest hand-out sent this install to; absent = by the site file's order alone. */
  readonly server?: string;
  /** The version of its host's tree that the newest hand-out gave, and the tree; no version = served as it lies. */
  readonly version?: string;
  readonly tree?: string;
}

/** What a hand-out gives beside the permit: the server to install from, and which files. */
export type HandOutOf = Pick<Permit, "server" | "tree" | "version">;

const UNTIL_WRITING = {
  "hand-out": "started",
  writing: "writing",
  done: "used",
  failed: "failed",
  expire: "expired",
  cancel: "cancelled",
} as const;

const NEXT: Readonly<Record<PermitState, Readonly<Partial<Record<PermitEvent, PermitState>>>>> = {
  issued: UNTIL_WRITING,
  started: UNTIL_WRITING,
  writing: { writing: "writing", done: "used", failed: "failed", cancel: "cancelled" },
  used: { writing: "used", done: "used", failed: "used" },
  failed: { writing: "failed", done: "used", failed: "failed" },
  // Ended by time alone: an install that runs already goes on.
  expired: { writing: "writing", done: "used", failed: "failed" },
  cancelled: {},
};

/** `undefined` = not allowed. */
export function nextState(state: PermitState, event: PermitEvent): PermitState | undefined {
  return NEXT[state][event];
}

/**
 * The permit after `event`; the same one when nothing changes. `given`: by a hand-out.
 * @throws EverbootError `permit-unknown`: there is none, or its state does not allow it
 */
export function movePermit(permit: Permit | undefined, event: PermitEvent, now: number, given: HandOutOf = {}): Permit {
  const state = permit && nextState(permit.state, event);
  if (permit === undefined || state === undefined) throw new EverbootError("permit-unknown");
  if (event === "hand-out") return handedOut({ ...permit, state, changed: now }, given);
  return state === permit.state ? permit : { ...permit, state, changed: now };
}

/** Without a version the files are those that are served, whatever an earlier hand-out gave. */
function handedOut(
  { version: _version, tree: _tree, ...permit }: Permit,
  { server, tree, version }: HandOutOf,
): Permit {
  return {
    ...{ ...permit, handOuts: permit.handOuts + 1 },
    ...(server !== undefined && { server }),
    ...(tree !== undefined && { tree }),
    ...(version !== undefined && { version }),
  };
}

/** Of two reports the one that says more. */
export function strongerReport(a: ReportedEvent | undefined, b: ReportedEvent): ReportedEvent {
  if (a === "done" || b === "done") return "done";
  return a === "failed" ? a : b;
}

/** The state with time taken into account; only what still may be handed out can expire. */
export function stateAt(permit: Permit, now: number): PermitState {
  return now >= permit.expires && mayExpire(permit.state) ? "expired" : permit.state;
}

/** Would a machine that asks now be installed? */
export function isActive(permit: Permit, now: number): boolean {
  return nextState(stateAt(permit, now), "hand-out") !== undefined;
}

/** Stands in the way of another permit: active, or an install within its time is writing. */
export function isOpen(permit: Permit, now: number): boolean {
  return isActive(permit, now) || (permit.state === "writing" && now < permit.expires);
}

/** What a report of an installer means for its permit; `undefined` = nothing. */
export function permitEventOf(report: ReportEvent): ReportedEvent | undefined {
  return REPORTS[report];
}

const REPORTS: Readonly<Record<ReportEvent, ReportedEvent | undefined>> = {
  answer: undefined,
  partition: "writing",
  packages: "writing",
  post: "writing",
  done: "done",
  failed: "failed",
  // The installed system speaks: what this means for a permit depends on its state (permit-gate.ts).
  "first-boot": undefined,
};

/** How the journal tells of a permit that has come to be in `state`. */
export function journalWords(state: PermitState): { readonly what: EventKind; readonly stage: Stage } {
  return { what: `permit-${state}`, stage: JOURNAL_STAGES[state] };
}

const JOURNAL_STAGES: Readonly<Record<PermitState, Stage>> = {
  issued: "dhcp",
  started: "script",
  writing: "packages",
  used: "post",
  failed: "post",
  expired: "script",
  cancelled: "script",
};

function mayExpire(state: PermitState): boolean {
  return nextState(state, "expire") !== undefined;
}
