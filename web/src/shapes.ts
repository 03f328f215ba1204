/** What the API answers with (docs/api.md), as far as the dashboard reads it. Times in milliseconds since 1970. */
import type { ProcBonding, RefusedBonding } from "../../src/bond/proc-bonding.ts";
import type { Role } from "../../src/cluster/tokens.ts";
import type { HostSummary } from "../../src/server/api/shapes.ts";
import type { HostBond } from "../../src/site/model.ts";

export type { Role } from "../../src/cluster/tokens.ts";
export type { HostSummary, ServerSummary, UnknownMachine } from "../../src/server/api/shapes.ts";

/** Who is logged in. */
export interface Session {
  readonly name: string;
  readonly role: Role;
}

/** First message of the stream. */
export interface FleetMessage {
  readonly now: number;
  readonly server: string;
  readonly site: string;
  readonly hosts: readonly HostSummary[];
}

/** What changed since the message before. */
export interface HostsMessage {
  readonly now: number;
  readonly hosts: readonly HostSummary[];
  readonly gone: readonly string[];
}

/** A host's bond as declared, and as its installed system reported it. */
export interface BondAnswer {
  readonly declared: { readonly bond?: HostBond };
  /** Absent = it has reported nothing. */
  readonly found?: {
    readonly at: number;
    /** What came up, or all that differs, in words. */
    readonly text: string;
    /** Absent = its report did not have it. */
    readonly bond?: ProcBonding | RefusedBonding;
  };
  readonly verdict?: "verified" | "differs";
}

export interface PlanReport {
  readonly host: string;
  readonly address: string;
  readonly action: string;
  readonly reasons: readonly string[];
  readonly steps: ReadonlyArray<{ readonly asks: string; readonly gets: string; readonly why: string }>;
}

export interface RenderedHost {
  readonly files: ReadonlyArray<{ readonly path: string; readonly text: string }>;
}
