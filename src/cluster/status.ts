/** How a host is told about, everywhere. Times in milliseconds since 1970. */
import { HOST_STATES, type HostState } from "../site/host-states.ts";
import type { Stage } from "./events.ts";
import type { Permit } from "./permit-rules.ts";

export { HOST_STATES, type HostState };

export interface HostStatus {
  readonly host: string;
  readonly state: HostState;
  /** The newest; without its token, as status is shown around. */
  readonly permit?: Pick<Permit, "id" | "state" | "issued" | "expires">;
  /** Id of the newest boot (boot-id.ts): 8 hex digits. */
  readonly trace?: string;
  /** The newest. */
  readonly boot?: BootTrace;
  /** How far `packages` of the newest boot is or was; absent = not begun, or nothing to tell it by. */
  readonly progress?: Progress;
  /** The newest thing that an operator should read. */
  readonly lastNote?: { readonly at: number; readonly text: string };
  readonly awaiting?: Awaiting;
  /** When it is `stalled` if nothing is heard until then, or since when it is; absent = nothing is awaited. */
  readonly deadline?: number;
  /** Why it is `stalled`, `failed`, `differs` or `expired`. */
  readonly cause?: Cause;
}

export interface Awaiting {
  /** In words that go after "waiting for". */
  readonly what: string;
  readonly since: number;
}

export interface BootTrace {
  readonly number: number;
  /** 8 hex digits; empty in a journal that was written before boots had ids. */
  readonly id: string;
  readonly started: number;
  /** Those that were reached, in the order of an install. */
  readonly stages: readonly StageTrace[];
}

export interface StageTrace {
  readonly stage: Stage;
  readonly first: number;
  readonly last: number;
  /** When a later stage began. */
  readonly ended?: number;
  readonly events: number;
  readonly files: number;
  readonly bytes: number;
  /** Facts of its newest transfer. */
  readonly server?: string;
  readonly path?: string;
}

/**
 * What a progress is told from: `counted` by the installer itself ("412 of 903"); `earlier` what installs of the same
 * profile fetched before; `tree` the tree's package list.
 */
export type ProgressBasis = "counted" | "earlier" | "tree";

export interface Progress {
  /** 0..1; never falls within one boot. */
  readonly fraction: number;
  readonly basis: ProgressBasis;
  /** True for all but `counted`. */
  readonly isEstimate: boolean;
  readonly done: number;
  readonly of?: number;
  readonly unit: "packages" | "bytes";
}

/** Why a machine does not go on (causes.ts). Each text is one line. */
export interface Cause {
  /** kebab-case. */
  readonly id: string;
  /** What is wrong. */
  readonly text: string;
  /** What to do. */
  readonly todo: string;
  /** The fact that it was told from. */
  readonly evidence: string;
}

export interface FleetStatus {
  readonly hosts: readonly HostStatus[];
  readonly counts: Readonly<Record<HostState, number>>;
}
