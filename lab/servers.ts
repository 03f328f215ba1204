/**
 * Install servers on this computer: a namespace for each, a LAN with a router and a client, and a cross-over link
 * between the servers. Cables can be cut with and without loss of carrier.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { kill } from "./cleanup.ts";
import { connect, Namespace } from "./netns.ts";
import { UNPACKED_FOLDER } from "./unpacked.ts";

/** What a server is plugged into: the LAN, or the cross-over link. */
export type Cable = "lan" | "cross";

export interface LabServer {
  readonly name: string;
  readonly space: Namespace;
  readonly address: string;
  readonly floating: string;
  readonly link: string;
  /** Of its NIC `lan` on the LAN. */
  readonly mac: string;
}

export const SERVERS_ROUTER = "10.77.0.254";

export class ServersLab {
  readonly servers: readonly LabServer[];
  /** On the LAN alone, with the NIC `lan`. */
  readonly client: Namespace;
  /** The switch: its bridges are `lan` and `cross`. Machines that are plugged into `lan` are on the LAN. */
  readonly fabric: Namespace;

  private constructor(servers: readonly LabServer[], client: Namespace, fabric: Namespace) {
    this.servers = servers;
    this.client = client;
    this.fabric = fabric;
  }

  /** `name`: at most 4 characters, for the namespaces' names. `count`: 2 to 9 servers. */
  static async open(name: string, count: number): Promise<ServersLab> {
    const fabric = await Namespace.create(`${name}sw`);
    const client = await Namespace.create(`${name}cl`);
    const spaces: Namespace[] = [];
    try {
      await fabric.bridge("lan", `${SERVERS_ROUTER}/24`);
      await fabric.bridge("cross", "10.78.0.254/24");
      await plug(client, "10.77.0.100", fabric, "lan", "client");
      const servers: LabServer[] = [];
      for (let number = 1; number <= count; number++) {
        const space = await Namespace.create(`${name}s${number}`);
        spaces.push(space);
        servers.push(await openServer(space, fabric, number));
      }
      return new ServersLab(servers, client, fabric);
    } catch (error) {
      for (const space of [...spaces, client, fabric]) await space.remove();
      throw error;
    }
  }

  /** `carrier`: as a pulled cable. `silent`: frames get lost, and the NIC does not notice. */
  async cut({ name }: LabServer, cable: Cable, how: "carrier" | "silent"): Promise<void> {
    await this.fabric.ip(`link set ${cable}-${name} ${how === "carrier" ? "down" : "nomaster"}`);
  }

  async heal({ name }: LabServer, cable: Cable): Promise<void> {
    await this.fabric.ip(`link set ${cable}-${name} master ${cable} up`);
  }

  /** As when it is started anew: its kernel has no floating address any more. */
  async forgetFloating({ space, address }: LabServer): Promise<void> {
    await space.ip("addr flush dev lan");
    await space.ip(`addr add ${address}/24 dev lan`);
  }

  /** `isolated`: the servers on the LAN no longer hear each other; the router and the client still hear all of them. */
  async isolate(isolated: boolean): Promise<void> {
    for (const { name } of this.servers)
      await this.fabric.ip(`link set lan-${name} type bridge_slave isolated ${isolated ? "on" : "off"}`);
  }

  /** `lost`: no server hears a heartbeat of another one by any link; all else goes on as before. */
  async loseHeartbeats(lost: boolean): Promise<void> {
    const begin = "add table inet lost; delete table inet lost";
    // VRRP is IP protocol 112 (RFC 5798 section 5.1.1.4), the supervisors' heartbeats UDP port 694.
    const chain = "add table inet lost; add chain inet lost in { type filter hook input priority 0; }";
    const rules = ["udp dport 694", "meta l4proto 112"].map((match) => `add rule inet lost in ${match} drop`);
    const commands = lost ? [begin, chain, ...rules] : [begin];
    for (const { space } of this.servers) await space.exec("nft", [commands.join("; ")]);
  }

  /** The client's neighbour table: the MAC that it would send to. */
  async clientArp(address: string): Promise<string | undefined> {
    return / lladdr (\S+)/.exec(await this.client.ip(`neigh show ${address}`))?.[1];
  }

  /** The servers whose kernel has this address. */
  async holders(address: string): Promise<string[]> {
    const found: string[] = [];
    for (const { name, space } of this.servers)
      if ((await space.ip("-4 addr show")).includes(` ${address}/`)) found.push(name);
    return found;
  }

  /** To all processes of a server. */
  signal({ space }: Pick<LabServer, "space">, signal: NodeJS.Signals): void {
    for (const pid of this.processes({ space })) kill(pid, signal);
  }

  processes({ space }: Pick<LabServer, "space">): number[] {
    const { stdout } = spawnSync("ip", ["netns", "pids", space.name], { encoding: "utf8" });
    return stdout.split("\n").filter(Boolean).map(Number);
  }

  async close(): Promise<void> {
    for (const { space } of this.servers) {
      this.signal({ space }, "SIGKILL");
      await space.remove();
    }
    await this.client.remove();
    await this.fabric.remove();
  }
}

async function openServer(space: Namespace, fabric: Namespace, number: number): Promise<LabServer> {
  const name = `server${number}`;
  const [address, link] = [`10.77.0.1${number}`, `10.78.0.1${number}`];
  await plug(space, address, fabric, "lan", name);
  await plug(space, link, fabric, "cross", name);
  const mac = /link\/ether (\S+)/.exec(await space.ip("link show lan"))?.[1] ?? "";
  return { name, space, address, link, floating: `10.77.0.${number}`, mac };
}

/** A NIC that has the cable's name. */
async function plug(space: Namespace, address: string, fabric: Namespace, cable: Cable, who: string): Promise<void> {
  await connect(space, cable, fabric, `${cable}-${who}`);
  await fabric.ip(`link set ${cable}-${who} master ${cable}`);
  await space.ip(`addr add ${address}/24 dev ${cable}`);
}

/** keepalived as it is installed, else as it is unpacked, with the libraries that it may need then. */
export interface KeepalivedProgram {
  readonly program: string;
  readonly env: Readonly<Record<string, string>>;
  /** Why it does not run here. */
  readonly obstacle: string | undefined;
}

const LIBRARIES = ["libsnmp40", "libpci3", "libsensors5", "libwrap0"];
/** What whole servers run, unpacked where it is not installed. */
export const SERVER_PACKAGES: readonly string[] = ["etcd-server", "keepalived", ...LIBRARIES];
const PROGRAM_FOLDERS = ["keepalived/usr/sbin", "etcd-server/usr/bin"];

export function keepalivedProgram(): KeepalivedProgram {
  const installed = "/usr/sbin/keepalived";
  const program = existsSync(installed) ? installed : join(UNPACKED_FOLDER, "keepalived", installed);
  const env = program === installed ? {} : { LD_LIBRARY_PATH: libraries() };
  const { status } = spawnSync(program, ["--version"], { env: { ...process.env, ...env } });
  return { program, env, obstacle: status === 0 ? undefined : "package keepalived is neither installed nor unpacked" };
}

/** With it a daemon finds what is unpacked as if it were installed; what is installed comes first. */
export function unpackedEnvironment(): Readonly<Record<string, string>> {
  const folders = PROGRAM_FOLDERS.map((name) => join(UNPACKED_FOLDER, name));
  return { PATH: [process.env.PATH, ...folders].join(":"), ...keepalivedProgram().env };
}

function libraries(): string {
  const folders = LIBRARIES.map((name) => join(UNPACKED_FOLDER, name, "usr/lib")).filter((path) => existsSync(path));
  return folders.flatMap((path) => readdirSync(path).map((arch) => join(path, arch))).join(":");
}
