/** What a daemon can be asked, as the API sees it; server/boot/operations.ts answers. */
import { z } from "zod";
import type { JournalEvent } from "../../cluster/events.ts";
import type { BootTrace } from "../../cluster/status.ts";
import type { BondReport, HostSummary, PERMIT, ServerSummary, TreeReport, UnknownMachine } from "./shapes.ts";

export interface InstallOptions {
  /** Until the permit expires. */
  readonly minutes?: number;
  /** Takes back a permit that is open. */
  readonly replace?: boolean;
  /** An open permit of the same lifetime is the answer, and no conflict. */
  readonly again?: boolean;
}

export const MACHINE_QUERY = z.strictObject({
  arch: z.enum(["amd64", "arm64", "i386"]).default("amd64"),
  firmware: z.enum(["bios", "uefi"]).default("bios"),
});
export type MachineQuery = z.infer<typeof MACHINE_QUERY>;

export interface ApplyRequest {
  readonly text: string;
  /** Number of the applied site file that the new one follows; 0 = none. */
  readonly expected: number;
}

export const DRAIN_REQUEST = z.strictObject({ server: z.string(), draining: z.boolean() });
export type DrainRequest = z.infer<typeof DRAIN_REQUEST>;

export const ACCEPT_REQUEST = z.strictObject({
  name: z.string(),
  profile: z.string().exactOptional(),
  address: z.string().exactOptional(),
});
export type AcceptRequest = z.infer<typeof ACCEPT_REQUEST>;

/** What a site and its hosts are called: all that is listed is listed by these. */
export interface SiteNames {
  readonly site: string;
  /** `Site.revision` */
  readonly revision: string;
  /** This server. */
  readonly server: string;
  /** In the order of the site file. */
  readonly hosts: readonly string[];
}

/** A host at one moment. */
export interface HostMoment {
  readonly summary: HostSummary;
  /** When it may be another one though nothing happens (ms since 1970): a deadline, or a rate that falls. */
  readonly until?: number;
}

/** Without its token. */
export type PermitAnswer = z.infer<typeof PERMIT>;

/** With whatever else is known of it. */
export interface SiteAnswer {
  /** How manyth site file was applied; 0 = none. */
  readonly number: number;
  readonly revision: string;
  readonly text: string;
}

export interface LogQuery {
  readonly lines: number;
  /** Id of a boot; absent = the newest lines, of whichever boot. */
  readonly boot?: string;
}

/** Those that name a host reject with, or throw, EverbootError `host-unknown`. */
export interface Operations {
  names(): SiteNames;
  /** Is this server the one that tells others of what becomes of the host? `false` for what is no host. */
  isFirst(name: string): boolean;
  status(): Promise<unknown>;
  host(name: string): Promise<unknown>;
  moment(name: string): HostMoment;
  /** All boots that are kept, oldest first. */
  boots(name: string): readonly BootTrace[];
  /** All that are kept of this host, by time. */
  events(name: string): readonly JournalEvent[];
  /** The last lines of its installer's log. */
  log(name: string, query: LogQuery): Promise<readonly string[]>;
  bond(name: string): BondReport;
  servers(): readonly ServerSummary[];
  /** Machines that asked and are no hosts; absent = they are not kept. */
  readonly unknown?: UnknownMachines;
  /** Versions of the trees; absent = they are not looked after. */
  readonly trees?: TreesDesk;
  /** The servers of the site and the common state, as this server sees them. */
  cluster(): Promise<unknown>;
  /** Takes a server out of service, or back into it. */
  drain(request: DrainRequest): Promise<unknown>;
  /** The site file that is applied, and who serves it. */
  site(): Promise<SiteAnswer>;
  /** Applies another site file to all servers. */
  apply(request: ApplyRequest): Promise<{ readonly revision: string; readonly number?: number }>;
  /** Issues a permit. */
  install(name: string, options: InstallOptions): Promise<PermitAnswer>;
  cancel(name: string): Promise<PermitAnswer>;
  plan(name: string, machine: MachineQuery): Promise<unknown>;
  render(name: string, format: string): Promise<unknown>;
  /** What the host meets at each stage; none for a host that this site file has not. */
  stages(name: string): Promise<unknown>;
}

export interface TreesAnswer {
  /** In the order of the site file. */
  readonly items: readonly TreeReport[];
  /** For the operator: plain trees that are not the same everywhere. */
  readonly notes: readonly string[];
}

export interface TreesDesk {
  list(): Promise<TreesAnswer>;
  /**
   * Ids of the versions of a tree that running installs read. Throws EverbootError `tree-unknown`, or `cluster-away` while
   * this server may not know of all installs.
   */
  used(tree: string): readonly string[];
  /** Something was changed on this server's disk: looks now. */
  look(): void;
}

export interface UnknownMachines {
  list(): readonly UnknownMachine[];
  /** Makes a host of the machine with this MAC address, in the site file that is applied. */
  accept(mac: string, request: AcceptRequest): Promise<unknown>;
}
