/** Which servers have what a machine installs: all others are not told to it. */
import { type Files, holdingOrders, holdingServers } from "../../balance/holding-orders.ts";
import type { OrderServers } from "../../balance/site-orders.ts";
import type { Ipv4 } from "../../base/address.ts";
import { versionRead } from "../../cluster/permit-files.ts";
import type { Permit } from "../../cluster/permit-rules.ts";
import type { TreeVersions } from "../../cluster/tree-versions.ts";
import type { Host, Server, Site } from "../../site/model.ts";

export interface InstallServersOptions {
  readonly site: Pick<Site, "hosts" | "hostByAddress" | "servers" | "trees">;
  /** Of all servers, as all know it alike. */
  readonly order: OrderServers;
  readonly versions: Pick<TreeVersions, "lastCurrent" | "holds">;
  /** The newest of a host. */
  readonly permitOf: (host: string) => Permit | undefined;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** How servers stand at this moment. */
export interface ServerStanding {
  readonly isAlive: (server: string) => boolean;
  readonly isDraining: (server: string) => boolean;
}

export class InstallServers {
  private readonly options: InstallServersOptions;
  /** The order of a host without the servers that lack what it installs, or would install now. */
  readonly order: OrderServers;

  constructor(options: InstallServersOptions) {
    this.options = options;
    const filesOf = ({ name }: { readonly name: string }) => {
      const host = options.site.hosts.get(name);
      return host && this.filesOf(host);
    };
    this.order = holdingOrders(options.order, filesOf, options.versions.holds);
  }

  /** For this version of its tree; for the one that the host would be given when none is named. */
  readonly fit = (host: Host, version?: string): readonly Server[] =>
    this.holding(host, this.options.order(host), version);

  holding(host: Host, servers: readonly Server[], version?: string): readonly Server[] {
    return holdingServers(servers, this.filesOf(host, version), this.options.versions.holds);
  }

  isFit(server: string, client: string, version?: string): boolean {
    const host = this.hostAt(client);
    return host === undefined || this.fit(host, version).some(({ name }) => name === server);
  }

  /** All servers, in the order of the host with this address, if it is one's. */
  ordered(client: string): readonly Server[] {
    const { site, order } = this.options;
    const host = this.hostAt(client);
    return host ? order(host) : [...site.servers.values()];
  }

  /**
   * Where the machine with this address is to install from; a machine that is no host may want any tree. At servers that
   * live; if none of them has it all, at those that take new machines.
   */
  addresses(client: Ipv4, { isAlive, isDraining }: ServerStanding): readonly Ipv4[] {
    const { site } = this.options;
    const living = [...site.servers.values()].filter(({ name }) => isAlive(name));
    const serving = living.filter(({ name }) => !isDraining(name));
    const wanted = this.wantedAt(client);
    const whole = (servers: readonly Server[]) => servers.filter(({ name }) => this.holdsAll(name, wanted));
    const chosen = [whole(serving), whole(living), serving].find((servers) => servers.length > 0) ?? living;
    return chosen.map(({ floating, address }) => floating ?? address);
  }

  /** That a running install was handed, else the one that a boot would be handed now. */
  private filesOf(host: Host, version = this.versionOf(host)): Files {
    return { tree: host.profile.tree.name, ...(version !== undefined && { version }) };
  }

  private versionOf({ name, profile: { tree } }: Host): string | undefined {
    const { permitOf, now, versions } = this.options;
    return versionRead(permitOf(name), tree.name, now()) ?? versions.lastCurrent(tree.name);
  }

  private wantedAt(client: string): readonly Files[] {
    const host = this.hostAt(client);
    if (host) return [this.filesOf(host)];
    return [...this.options.site.trees.keys()].map((tree) => {
      const version = this.options.versions.lastCurrent(tree);
      return { tree, ...(version !== undefined && { version }) };
    });
  }

  private holdsAll(server: string, wanted: readonly Files[]): boolean {
    return wanted.every(({ tree, version }) => this.options.versions.holds(server, tree, version));
  }

  private hostAt(client: string): Host | undefined {
    return this.options.site.hostByAddress.get(client as Ipv4);
  }
}
