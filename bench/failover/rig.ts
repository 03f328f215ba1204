/** The servers of the matrix and the machines that ask them: whole, prepared for the faults, mended after each. */
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { addCleanup } from "../../lab/cleanup.ts";
import { LabCluster } from "../../lab/cluster.ts";
import { connect, Namespace } from "../../lab/netns.ts";
import type { LabServer, ServersLab } from "../../lab/servers.ts";
import { type Ipv4, type Mac, parseMac } from "../../src/base/address.ts";
import type { ClusterReport } from "../../src/server/boot/operations.ts";
import { LabClocks } from "./clocks.ts";
import { makeContent } from "./content.ts";
import { LabDisks } from "./disks.ts";
import type { Preparation, Size } from "./plan.ts";

/** At most 4 characters: begins the names of all namespaces. */
const NAME = "mx";
/** So fast is a machine's NIC: a file takes some two seconds, and what is sent is soon acknowledged. */
const CABLE = "rate 48mbit burst 192k limit 768k";

/** A host of the site, with its NIC on the LAN. */
export interface Machine {
  readonly host: string;
  readonly mac: Mac;
  readonly address: Ipv4;
  readonly space: Namespace;
}

/** Several, so that each server comes first for some. */
const HOSTS = ["vm1", "vm2", "vm3", "vm4"].map((host, index) => ({
  host,
  mac: macOf(`52:54:00:77:00:0${index + 1}`),
  address: `10.77.0.15${index}` as Ipv4,
}));

export class Rig {
  readonly lab: LabCluster;
  readonly machines: readonly Machine[];
  readonly disks: LabDisks;
  readonly clocks: LabClocks;
  /** For what clients download; not on the servers' disks. */
  readonly downloads: string;
  private readonly forget: () => void;

  private constructor(lab: LabCluster, machines: readonly Machine[], disks: LabDisks, clocks: LabClocks) {
    this.lab = lab;
    this.machines = machines;
    this.disks = disks;
    this.clocks = clocks;
    this.downloads = mkdtempSync(join(tmpdir(), "everboot-downloads-"));
    this.forget = addCleanup(() => rmSync(this.downloads, { recursive: true, force: true }));
  }

  /** Resolves when every server is well. Leaves nothing behind when it rejects. */
  static async open(servers: Size, preparation: Preparation): Promise<Rig> {
    const disks = new LabDisks();
    const clocks = new LabClocks();
    try {
      const lab = await LabCluster.open({
        ...{ name: NAME, servers },
        hosts: Object.fromEntries(HOSTS.map(({ host, mac, address }) => [host, { nics: [mac], address }])),
        fill: async (folder, siteFile) => {
          await makeContent(folder);
          if (preparation === "small-disks") disks.mount(dirname(siteFile), serverNames(servers));
        },
        ...(preparation === "own-clocks" && { environment: (name: string) => clocks.environment(name) }),
      });
      const rig = new Rig(lab, await openMachines(lab.net), disks, clocks);
      rig.noteDaemons();
      return rig;
    } catch (error) {
      disks.unmount();
      clocks.remove();
      throw error;
    }
  }

  /** Whose kernel has the address, when it is one server's alone. */
  async holderOf(address: string): Promise<LabServer | undefined> {
    const [first, ...others] = await this.lab.net.holders(address);
    return first === undefined || others.length > 0 ? undefined : this.lab.server(first);
  }

  /** Everything is repaired; resolves when all servers agree that all is well, wherever the addresses are. */
  async mend(): Promise<void> {
    this.disks.clear();
    this.clocks.reset();
    await this.lab.net.loseHeartbeats(false);
    await this.lab.mend();
    this.noteDaemons();
    await this.lab.until("all servers are well again", () => this.isWell());
  }

  /** Bytes of each server's log. */
  logSizes(): number[] {
    return this.lab.servers.map((server) => statSync(this.logOf(server)).size);
  }

  /** What the servers have logged since their logs had these sizes. */
  logsSince(sizes: readonly number[]): string {
    const parts = this.lab.servers.map((server, index) => {
      const log = readFileSync(this.logOf(server)).subarray(sizes[index]);
      return `== ${server.name}\n${log.toString()}`;
    });
    return parts.join("");
  }

  async close(): Promise<void> {
    for (const { space } of this.machines) await space.remove();
    for (const server of this.lab.servers) this.lab.net.signal(server, "SIGKILL");
    this.disks.unmount();
    await this.lab.close();
    this.clocks.remove();
    rmSync(this.downloads, { recursive: true, force: true });
    this.forget();
  }

  private noteDaemons(): void {
    for (const server of this.lab.servers) this.clocks.note(this.lab.daemon(server)?.pid);
  }

  private logOf({ name }: LabServer): string {
    return join(this.lab.folder, `${name}.log`);
  }

  private async isWell(): Promise<boolean> {
    const reports = await Promise.all(this.lab.servers.map((server) => this.lab.report(server)));
    if (!reports.every(isCurrent)) return false;
    const seen = new Set(reports.map(({ servers }) => servers.map(({ heldBy }) => heldBy).join()));
    if (seen.size > 1) return false;
    for (const { name, floating } of this.lab.servers) {
      const heldBy = reports[0]?.servers.find((server) => server.name === name)?.heldBy;
      if ((await this.holderOf(floating))?.name !== heldBy) return false;
    }
    return true;
  }
}

function isCurrent({ servers, state }: ClusterReport): boolean {
  const isServed = servers.every(({ alive, heldBy }) => alive && heldBy !== undefined);
  return isServed && state.state === "current" && state.outbox === 0;
}

/** As the lab calls them. */
function serverNames(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `server${index + 1}`);
}

/** Plugs in a machine for each host. They go with the lab, which must be closed after them. */
export async function openMachines(net: ServersLab): Promise<Machine[]> {
  const machines: Machine[] = [];
  for (const [index, host] of HOSTS.entries()) {
    const space = await Namespace.create(`${NAME}m${index}`);
    const port = `lan-${host.host}`;
    await connect(space, "lan", net.fabric, port);
    await space.ip(`link set lan address ${host.mac}`);
    await space.ip(`addr add ${host.address}/24 dev lan`);
    await net.fabric.ip(`link set ${port} master lan`);
    await net.fabric.exec("tc", ["qdisc", "add", "dev", port, "root", "tbf", ...CABLE.split(" ")]);
    machines.push({ ...host, space });
  }
  return machines;
}

function macOf(text: string): Mac {
  const mac = parseMac(text);
  if (!mac) throw new TypeError(`${text} is no MAC address`);
  return mac;
}
