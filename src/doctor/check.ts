/** What a check is, and what it may look at. */
import type { BalancePolicy } from "../balance/policy.ts";
import type { Clock } from "../base/clock.ts";
import type { MachineLink } from "../bond/machine-network.ts";
import type { StatePaths } from "../cluster/state-folder.ts";
import type { LocalInterface } from "../net/interfaces.ts";
import type { Family } from "../os/family.ts";
import type { ClusterReport, SiteReport } from "../server/boot/operations.ts";
import type { Server, Site } from "../site/model.ts";
import type { Finding } from "./findings.ts";

/** The daemon of this machine, which runs. */
export interface DaemonView {
  readonly pid?: number;
  readonly site: Pick<SiteReport, "revision" | "servers">;
  /** Absent = it is alone. */
  readonly cluster?: ClusterReport;
}

export interface Scene {
  readonly site: Site;
  /** Which server of the site this machine is; absent = none. */
  readonly server?: Server;
  /** Addresses of this machine, those without a link too. */
  readonly interfaces: readonly LocalInterface[];
  /** Empty where they cannot be read, as iproute2 is not installed. */
  readonly links: readonly MachineLink[];
  readonly state: StatePaths;
  /** Absent = none runs. */
  readonly daemon?: DaemonView;
  readonly families: ReadonlyMap<string, Family>;
  readonly policies: ReadonlyMap<string, BalancePolicy>;
  /** Where programs are looked for: as PATH has it. */
  readonly searchPath: string;
  readonly clock: Clock;
  readonly random: (bytes: number) => Uint8Array;
}

export interface ServerScene extends Scene {
  readonly server: Server;
}

/**
 * `look` may reject: that is told as "could not look". It stops when `signal` is aborted, and changes nothing on this
 * machine or the network.
 */
export type Check =
  | {
      readonly name: string;
      readonly of: "machine";
      readonly look: (scene: Scene, signal: AbortSignal) => Promise<readonly Finding[]>;
    }
  | {
      readonly name: string;
      /** Needs to know which server this machine is. */
      readonly of: "server";
      readonly look: (scene: ServerScene, signal: AbortSignal) => Promise<readonly Finding[]>;
    };

/** The other servers of the site. */
export function peersOf({ site, server }: ServerScene): readonly Server[] {
  return [...site.servers.values()].filter(({ name }) => name !== server.name);
}

/** Does the site share its state among several servers? */
export function isShared({ etcd, servers }: Pick<Site, "etcd" | "servers">): boolean {
  return etcd !== undefined && servers.size > 1;
}
