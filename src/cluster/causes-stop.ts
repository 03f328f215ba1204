/** What the table of causes is told from. */
import type { BootFold } from "./boot-trace.ts";
import type { JournalEvent, Stage } from "./events.ts";
import type { Permit } from "./permit-rules.ts";
import type { Cause, HostState } from "./status.ts";

/** A machine that has stopped, with all that is known of it. */
export interface Stop {
  readonly state: Extract<HostState, "stalled" | "failed" | "differs" | "expired">;
  /** Where it stands; absent = it never asked. */
  readonly stage?: Stage;
  /** Its last sign. */
  readonly since: number;
  /** Its newest boot; absent = none. */
  readonly boot?: BootFold;
  /** Of that boot, by time; the permit's own too. */
  readonly events: readonly JournalEvent[];
  readonly permit?: Pick<Permit, "id" | "issued" | "expires">;
  readonly declared?: Declared;
  readonly around?: Around;
  /** It starts over and over and gets no further. */
  readonly loop?: BootLoop;
  /** It has started again since its install was done. */
  readonly isBack?: boolean;
  /** In words that go after "waiting for". */
  readonly awaiting?: string;
}

/** What the site file says of a host. */
export interface Declared {
  readonly profile: string;
  readonly tree?: string;
  /** Of the tree, in Debian's names. */
  readonly arch?: string;
  /** In the kernel's names: `802.3ad`. */
  readonly bondMode?: string;
  /** Packages that the tree's lists say will be installed. */
  readonly treePackages?: number;
}

/** What else happens at the servers. */
export interface Around {
  /** When another host was last sent a file. */
  readonly lastServed?: number;
  /** Why this server cannot keep its state, in words. */
  readonly trouble?: string;
}

export interface BootLoop {
  readonly boots: number;
  readonly since: number;
  readonly until: number;
  /** None of them got past it. */
  readonly stage: Stage;
}

export interface KnownCause extends Pick<Cause, "id" | "text" | "todo"> {
  /** The evidence; undefined = it is something else. */
  readonly tell: (stop: Stop) => string | undefined;
}

/** UTC, to the second. */
export function timeText(at: number): string {
  return new Date(at).toISOString().replace(/\.\d+Z$/, "Z");
}

export function minutesText(ms: number): string {
  return `${Math.max(1, Math.round(ms / 60_000))} min`;
}
