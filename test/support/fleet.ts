/** A fleet of simulated machines and the servers that install it. */
import { clusterObstacle, LabCluster } from "../../lab/cluster.ts";
import { packageObstacle } from "../../lab/prerequisites.ts";
import type { LabServer, ServersLab } from "../../lab/servers.ts";
import { type Fleet, type FleetMachine, type MachineLog, startFleet } from "../../lab/simulate/fleet.ts";
import { type Noise, noiseFiles, writeNoise } from "../../lab/simulate/tree.ts";
import { addVersion } from "./tree-peers.ts";

/** Where servers and machines have their addresses. */
export interface Place {
  readonly subnet: { readonly cidr: string; readonly router: string; readonly domain: string };
  /** Keys of a server's entry in the site file; `number` from 1. */
  server(number: number): { readonly address: string; readonly floating: string };
  /** `number` from 0. */
  host(number: number): string;
  prepare(net: ServersLab): Promise<void>;
}

/** The network of the papers: machines from 192.168.0.128, floating addresses .253 and .254. At most 64 machines. */
export const PAPERS: Place = {
  subnet: { cidr: "192.168.0.0/24", router: "192.168.0.1", domain: "lab.example" },
  server: (number) => ({ address: `192.168.0.${10 + number}`, floating: `192.168.0.${[253, 254, 252][number - 1]}` }),
  host: (number) => `192.168.0.${128 + number}`,
  prepare: async ({ servers, client, fabric }) => {
    await fabric.ip("addr add 192.168.0.1/24 dev lan");
    await client.ip("addr add 192.168.0.2/24 dev lan");
    for (const [index, { space }] of servers.entries()) await space.ip(`addr add 192.168.0.${11 + index}/24 dev lan`);
  },
};

/**
 * Room for 4000 machines. To the servers they are behind a router: a LAN's neighbour table has 1024 entries (gc_thresh3),
 * and the kernel shares it among all namespaces of a computer.
 */
export const WIDE: Place = {
  subnet: { cidr: "10.77.0.0/16", router: "10.77.0.254", domain: "lab.example" },
  server: (number) => ({ address: `10.77.0.1${number}`, floating: `10.77.0.${number}` }),
  host: (number) => `10.77.${16 + Math.floor(number / 250)}.${1 + (number % 250)}`,
  prepare: async ({ servers }) => {
    for (const { space } of servers) await space.ip("route add 10.77.16.0/20 via 10.77.0.100");
  },
};

export interface FleetLabOptions {
  /** At most 4 characters. */
  readonly name: string;
  readonly servers: number;
  readonly machines: number;
  readonly place: Place;
  readonly noise: Noise;
  /** As of `LabClusterOptions`. */
  readonly spares?: number;
  readonly witness?: boolean;
  readonly daemonsRunEtcd?: boolean;
  /** The servers' trees are their own, and have versions; spares come with empty disks. */
  readonly ownTrees?: boolean;
  /** Further keys of the site file, and of each server's entry. */
  readonly site?: object;
  readonly serverKeys?: (name: string) => object;
  readonly environment?: (name: string) => Readonly<Record<string, string>>;
}

/** Reason why it cannot be had here, or undefined. */
export function fleetObstacle(): string | undefined {
  return clusterObstacle() ?? packageObstacle("loaders");
}

/** Edits that are under way at a time. */
const EDITS = 16;

export class FleetLab {
  readonly cluster: LabCluster;
  private readonly options: FleetLabOptions;
  private fleet: Fleet | undefined;

  private constructor(cluster: LabCluster, options: FleetLabOptions) {
    this.cluster = cluster;
    this.options = options;
  }

  static async open(options: FleetLabOptions): Promise<FleetLab> {
    const { machines, place, site, serverKeys, ...lab } = options;
    const names = Array.from({ length: machines }, (_, number) => number);
    const hosts = names.map((number) => [hostName(number), { nics: [mac(number)], address: place.host(number) }]);
    const cluster = await LabCluster.open({
      ...{ ...lab, hosts: Object.fromEntries(hosts), prepare: place.prepare },
      fill: fillerOf(options),
      site: { subnets: [place.subnet], ...site },
      serverKeys: (server) => ({ ...place.server(Number(server.replace("server", ""))), ...serverKeys?.(server) }),
    });
    return new FleetLab(cluster, options);
  }

  get servers(): readonly LabServer[] {
    return this.cluster.servers;
  }

  /** The floating address that machines see of a server, in the order of the servers. */
  floating(): string[] {
    return this.servers.map((_, index) => this.options.place.server(index + 1).floating);
  }

  /** Issues a permit to each machine; resolves when all servers know all of them. */
  async permitAll(): Promise<void> {
    const waiting = Array.from({ length: this.options.machines }, (_, number) => hostName(number));
    const issue = async () => {
      for (let host = waiting.shift(); host !== undefined; host = waiting.shift()) await this.cluster.permit(host);
    };
    await Promise.all(Array.from({ length: EDITS }, issue));
    for (const server of this.servers)
      await this.cluster.until(
        `${server.name} knows all permits`,
        async () => (await this.counts(server)).permitted === this.options.machines,
      );
  }

  /** How many hosts are in which state, as a server has it. */
  async counts(server: LabServer): Promise<Readonly<Record<string, number>>> {
    const status = (await this.cluster.ask(server, "GET", "/api/v1/status")) as {
      readonly counts: Readonly<Record<string, number>>;
    };
    return status.counts;
  }

  /** Switches the machines on; `how`: when, and how fast each one is. */
  start(how: (number: number) => Pick<FleetMachine, "onMs" | "pauseMs" | "packages">): Fleet {
    const { machines, place } = this.options;
    const order = Array.from({ length: machines }, (_, number) => ({
      ...{ name: hostName(number), mac: mac(number), address: place.host(number) },
      ...how(number),
    }));
    this.fleet = startFleet(this.cluster.net.client, this.cluster.folder, { device: "lan", machines: order });
    return this.fleet;
  }

  /** As `start`, to the end. */
  run(how: Parameters<FleetLab["start"]>[0]): Promise<readonly MachineLog[]> {
    return this.start(how).ended;
  }

  async close(): Promise<void> {
    this.fleet?.stop();
    await this.cluster.close();
  }
}

/** Is called for the servers first, and for their spares. */
function fillerOf({ noise, servers, ownTrees }: FleetLabOptions): (folder: string) => void | Promise<void> {
  if (!ownTrees) return (folder) => writeNoise(folder, noise);
  const files = noiseFiles(noise);
  let filled = 0;
  return async (folder) => {
    if (filled < servers) await addVersion(folder, files);
    filled += 1;
  };
}

function hostName(number: number): string {
  return `m${String(number).padStart(4, "0")}`;
}

function mac(number: number): string {
  const hex = number.toString(16).padStart(6, "0");
  return `52:54:00:${hex.slice(0, 2)}:${hex.slice(2, 4)}:${hex.slice(4)}`;
}
