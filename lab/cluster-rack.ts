/** A rack with several whole servers: a machine is installed while one of them dies and another takes its place. */
import { readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { siteOrders } from "../src/balance/site-orders.ts";
import type { Ipv4 } from "../src/base/address.ts";
import { POLICIES } from "../src/registry.ts";
import { loadSite } from "../src/site/load.ts";
import { LAB_TREE, LabCluster } from "./cluster.ts";
import { type InstallRack, importFolder, type TreeSource } from "./rack.ts";
import { CLUSTER_RACK_HOSTS, type RackHost, rackKeys } from "./rack-site.ts";
import type { LabServer } from "./servers.ts";

export interface ClusterRackOptions {
  /** At most 4 characters, for the namespaces' names. */
  readonly name: string;
  readonly servers: number;
  /** Default: `CLUSTER_RACK_HOSTS`. */
  readonly hosts?: readonly RackHost[];
  readonly tree: TreeSource;
}

/** A floating address that has gone to an heir. */
export interface Takeover {
  readonly address: string;
  readonly heir: LabServer;
  /** From the moment at which its server's cables were cut, until the heir's kernel had it. */
  readonly ms: number;
}

/** An heir has an address in a third of a second; the rest is for a busy computer. */
const TAKEOVER_WITHIN_MS = 30_000;

export class ClusterRack implements InstallRack {
  readonly cluster: LabCluster;
  readonly hosts: readonly RackHost[];
  readonly bridge = "lan";
  private readonly dead = new Set<LabServer>();

  private constructor(cluster: LabCluster, hosts: readonly RackHost[]) {
    this.cluster = cluster;
    this.hosts = hosts;
  }

  /** Resolves when every server holds its own address. Leaves nothing behind when it rejects. */
  static async open({ name, servers, hosts = CLUSTER_RACK_HOSTS, tree }: ClusterRackOptions): Promise<ClusterRack> {
    const { release, keyring } = tree;
    const cluster = await LabCluster.open({
      name,
      servers,
      hosts: {},
      tree: { release, ...(keyring !== undefined && { keyring }) },
      site: rackKeys(LAB_TREE, hosts),
      fill: (folder, siteFile) => tree.fill(folder, (from) => importFolder(from, LAB_TREE, siteFile)),
    });
    return new ClusterRack(cluster, hosts);
  }

  get space() {
    return this.cluster.net.fabric;
  }

  get folder(): string {
    return this.cluster.folder;
  }

  get alive(): readonly LabServer[] {
    return this.cluster.servers.filter((server) => !this.dead.has(server));
  }

  /** As the first server has it that answers. */
  async status(host: string): ReturnType<InstallRack["status"]> {
    const asked = this.alive.map((server) => this.cluster.ask(server, "GET", `/api/v1/hosts/${host}`));
    return (await Promise.any(asked)) as Awaited<ReturnType<InstallRack["status"]>>;
  }

  install(host: string): Promise<void> {
    return this.cluster.permit(host);
  }

  /** The floating address that a host is sent to: that of the first server in its order. */
  addressOf(name: string): Ipv4 {
    const loaded = loadSite(readFileSync(this.cluster.siteFile, "utf8"), this.cluster.siteFile);
    const host = "site" in loaded ? loaded.site.hosts.get(name) : undefined;
    if (!("site" in loaded) || !host) throw new Error(`no host ${name} in the rack`);
    const [first] = siteOrders(loaded.site, POLICIES)(host);
    if (first?.floating === undefined) throw new Error(`no floating address for ${name}`);
    return first.floating;
  }

  /** The server that has this floating address; the dead do not count. */
  async holder(address: string): Promise<LabServer> {
    const end = performance.now() + TAKEOVER_WITHIN_MS;
    while (performance.now() < end) {
      const names = await this.cluster.net.holders(address);
      const found = this.alive.find(({ name }) => names.includes(name));
      if (found) return found;
      await delay(10);
    }
    throw new Error(`nobody has ${address}\n${this.cluster.logs()}`);
  }

  /**
   * As when its power fails: its cables are dead and all that runs on it ends. Resolves when every floating address that
   * it had is at an heir.
   */
  async kill(server: LabServer): Promise<Takeover[]> {
    const addresses = await this.floatingOf(server);
    this.dead.add(server);
    const from = performance.now();
    for (const cable of ["lan", "cross"] as const) await this.cluster.net.cut(server, cable, "silent");
    const ended = this.cluster.killServer(server);
    const takeovers = addresses.map(async (address) => {
      const heir = await this.holder(address);
      return { address, heir, ms: performance.now() - from };
    });
    await ended;
    return Promise.all(takeovers);
  }

  /** As when its power comes back. Resolves when all servers hear each other and have the same state. */
  async revive(server: LabServer): Promise<void> {
    await this.cluster.net.forgetFloating(server);
    for (const cable of ["lan", "cross"] as const) await this.cluster.net.heal(server, cable);
    this.cluster.startEtcd(server.name);
    await this.cluster.startDaemon(server);
    this.dead.delete(server);
    for (const each of this.alive)
      await this.cluster.until(`${each.name} has caught up`, async () => {
        const { servers, state } = await this.cluster.report(each);
        return servers.every(({ alive }) => alive) && state.state === "current" && state.outbox === 0;
      });
  }

  close(): Promise<void> {
    return this.cluster.close();
  }

  private async floatingOf(server: LabServer): Promise<string[]> {
    const found = await server.space.ip("-4 addr show dev lan");
    return this.cluster.servers.map(({ floating }) => floating).filter((address) => found.includes(` ${address}/`));
  }
}
