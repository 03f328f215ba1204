/**
 * Whole install servers on this computer: in a namespace each, the daemon as it is, a real member of etcd and real
 * keepalived; and a witness (a member of etcd alone) where the client is. Each part can be killed, frozen, cut off and
 * started again by itself.
 */
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { stringify } from "yaml";
import { askDaemon } from "../src/cli/daemon-client.ts";
import { statePaths } from "../src/cluster/state-folder.ts";
import type { ClusterReport } from "../src/server/boot/operations.ts";
import { addCleanup, kill } from "./cleanup.ts";
import { EVERBOOT } from "./daemon-process.ts";
import { ETCD_PROGRAM, etcdArguments, etcdObstacle } from "./etcd.ts";
import { type Namespace, namespaceObstacle } from "./netns.ts";
import { keepalivedProgram, type LabServer, ServersLab, unpackedEnvironment } from "./servers.ts";

/** Of the client's namespace, and of the witness in it. */
export const CLIENT_ADDRESS = "10.77.0.100";
export const WITNESS = "witness";
/** The tree of every site that is made here. */
export const LAB_TREE = "debian";

const WAIT_MS = 60_000;
/** Relative to a server's own copy of the site file. */
const OWN_TREE = "tree";

export interface LabClusterOptions {
  /** At most 4 characters, for the namespaces' names. */
  readonly name: string;
  readonly servers: number;
  /** Further machines for servers that are not in the site file yet: see `changeServers`. */
  readonly spares?: number;
  /** A third voice where there are two servers; default: yes for two, no for more. */
  readonly witness?: boolean;
  /** Entries of the site file by host name; each has the profile `small`. */
  readonly hosts: Readonly<Record<string, { readonly nics: readonly string[]; readonly address: string }>>;
  /** Fills the tree, once: all servers serve the same folder, unless `ownTrees`. Must hold `linux` and `initrd.gz`. */
  readonly fill: (folder: string, siteFile: string) => void | Promise<void>;
  /** Each server has a tree of its own, beside its own copy of the site file in its state folder; each is filled. */
  readonly ownTrees?: boolean;
  /** Further addresses and routes of the servers, before anything is started there. */
  readonly prepare?: (net: ServersLab) => Promise<void>;
  /** Further keys of the tree's entry in the site file. */
  readonly tree?: object;
  /** Further keys of the site file, and of each server's entry in it. */
  readonly site?: object;
  readonly serverKeys?: (name: string) => object;
  /** Further environment of a server's daemon and its children. */
  readonly environment?: (name: string) => Readonly<Record<string, string>>;
  /** The servers' members of etcd are run by their daemons, set up as an operator does it: `everboot cluster join`. */
  readonly daemonsRunEtcd?: boolean;
  /** Run in place of the command line, with its arguments. */
  readonly program?: string;
}

/** Reason why whole servers cannot be run here, or undefined. For `test({ skip })`. */
export function clusterObstacle(): string | undefined {
  return namespaceObstacle() ?? etcdObstacle() ?? keepalivedProgram().obstacle;
}

export class LabCluster {
  readonly net: ServersLab;
  readonly folder: string;
  /** The site file of every server. */
  readonly siteFile: string;
  readonly tree: string;
  private readonly options: LabClusterOptions;
  private count: number;
  private readonly etcd = new Map<string, ChildProcess>();
  private readonly daemons = new Map<string, ChildProcess>();
  private readonly forget: () => void;

  private constructor(net: ServersLab, options: LabClusterOptions) {
    this.net = net;
    this.options = options;
    this.count = options.servers;
    this.folder = mkdtempSync(join(tmpdir(), `everboot-${options.name}-`));
    this.forget = addCleanup(() => rmSync(this.folder, { recursive: true, force: true }));
    this.siteFile = join(this.folder, "site.yaml");
    this.tree = join(this.folder, "tree");
  }

  /** Resolves when every server holds its own address and has caught up. Leaves nothing behind when it rejects. */
  static async open(options: LabClusterOptions): Promise<LabCluster> {
    const { name, servers, spares = 0 } = options;
    const cluster = new LabCluster(await ServersLab.open(name, servers + spares), options);
    try {
      cluster.makeStates();
      cluster.writeSite();
      for (const folder of new Set(cluster.net.servers.map((server) => cluster.treeOf(server)))) {
        mkdirSync(folder);
        await options.fill(folder, join(dirname(folder), "site.yaml"));
      }
      await options.prepare?.(cluster.net);
      if (options.daemonsRunEtcd) for (const server of cluster.servers) await cluster.join(server);
      for (const member of cluster.members()) cluster.startEtcd(member);
      await Promise.all(cluster.servers.map((server) => cluster.startDaemon(server)));
      await cluster.untilWell();
      return cluster;
    } catch (error) {
      await cluster.close();
      throw error;
    }
  }

  /** Those of the site file. */
  get servers(): readonly LabServer[] {
    return this.net.servers.slice(0, this.count);
  }

  /** Writes a site file with the first `count` machines as servers; it is for the caller to apply it. */
  changeServers(count: number): void {
    this.count = count;
    this.writeSite();
  }

  /** Names of the members of etcd: the servers', and the witness. */
  members(): string[] {
    const { witness = this.servers.length === 2 } = this.options;
    return [...this.servers.map(({ name }) => name), ...(witness ? [WITNESS] : [])];
  }

  server(name: string): LabServer {
    const found = this.net.servers.find((server) => server.name === name);
    if (!found) throw new Error(`no server ${name} in the lab`);
    return found;
  }

  /** State folder of a server. */
  state({ name }: LabServer): string {
    return join(this.folder, name);
  }

  /** Folder of the tree that a server serves. */
  treeOf(server: LabServer): string {
    return this.options.ownTrees ? join(this.state(server), OWN_TREE) : this.tree;
  }

  /** The site file that a server was started with. */
  siteFileOf(server: LabServer): string {
    return this.options.ownTrees ? join(this.state(server), "site.yaml") : this.siteFile;
  }

  /** A call of the control API; rejects with EverbootError `daemon-absent` while there is no daemon. */
  ask(server: LabServer, method: string, path: string, body?: unknown): Promise<unknown> {
    return askDaemon(statePaths(this.state(server)).socket, method, path, body);
  }

  /** Issues a permit, whatever the host had, by the first server that takes it. */
  async permit(host: string): Promise<void> {
    await this.until(`a permit for ${host}`, async () => {
      for (const server of this.servers)
        if (await this.ask(server, "POST", `/api/v1/hosts/${host}/permit`, { replace: true }).catch(() => false))
          return true;
      return false;
    });
  }

  /** The daemon that runs, or ran last. */
  daemon({ name }: LabServer): ChildProcess | undefined {
    return this.daemons.get(name);
  }

  member(name: string): ChildProcess | undefined {
    return this.etcd.get(name);
  }

  /** Where a member of etcd answers clients. */
  memberUrl(name: string): string {
    return `http://${this.place(name).address}:2379`;
  }

  /** A command of `everboot cluster` on a server; resolves with what it printed, rejects with what it complains of. */
  command(server: LabServer, action: string, ...args: readonly string[]): Promise<string> {
    return this.everboot(server, ["cluster", action], args);
  }

  /** Applies the site file; resolves when all its servers serve it. */
  async apply(server: LabServer): Promise<void> {
    await this.everboot(server, ["apply"], ["--yes"]);
  }

  /** A member of etcd with the data that it had; does nothing when it runs, or is its daemon's. */
  startEtcd(name: string): void {
    if (isRunning(this.etcd.get(name)) || (this.options.daemonsRunEtcd && name !== WITNESS)) return;
    const { space, address } = this.place(name);
    const members = new Map(this.members().map((member) => [member, this.place(member).address]));
    const log = openSync(join(this.folder, `etcd-${name}.log`), "a");
    this.etcd.set(
      name,
      space.spawn(ETCD_PROGRAM, etcdArguments({ name, address, folder: this.folder, members }), {
        stdio: ["ignore", log, log],
      }),
    );
    closeSync(log);
  }

  /** Resolves when its sockets listen; does nothing when it runs. Its log is `<server>.log`. */
  async startDaemon(server: LabServer): Promise<void> {
    if (isRunning(this.daemons.get(server.name))) return;
    const log = openSync(join(this.folder, `${server.name}.log`), "a");
    const { program = EVERBOOT } = this.options;
    const args = ["up", "-c", this.siteFileOf(server), "--server", server.name, "--state", this.state(server)];
    const child = server.space.spawn(process.execPath, ["--disable-warning=ExperimentalWarning", program, ...args], {
      stdio: ["ignore", "pipe", log],
      env: { ...process.env, ...unpackedEnvironment(), ...this.options.environment?.(server.name) },
    });
    closeSync(log);
    this.daemons.set(server.name, child);
    if (!(await firstLine(child))) throw new Error(`${server.name} did not come up\n${this.log(server.name)}`);
  }

  /** All that runs on a server, at once, as when its power fails. */
  async killServer(server: LabServer): Promise<void> {
    const running = [this.daemons.get(server.name), this.etcd.get(server.name)].filter((child) => isRunning(child));
    const ended = running.map((child) => child && once(child, "exit"));
    this.net.signal(server, "SIGKILL");
    await Promise.all(ended);
  }

  /** Frozen processes of a server go on. */
  wake(server: LabServer): void {
    this.net.signal(server, "SIGCONT");
    // One that is just being started is not in the server's namespace yet.
    kill(this.daemons.get(server.name)?.pid, "SIGCONT");
  }

  /** Everything as at the beginning: cables in, all processes there, none frozen. Resolves when all is well. */
  async repair(): Promise<void> {
    await this.mend();
    await this.untilWell();
  }

  /** As `repair`, but resolves when all daemons listen: some may lag yet, and addresses be with their heirs. */
  async mend(): Promise<void> {
    for (const server of this.servers) {
      this.wake(server);
      for (const cable of ["lan", "cross"] as const) await this.net.heal(server, cable);
    }
    await this.net.isolate(false);
    kill(this.etcd.get(WITNESS)?.pid, "SIGCONT");
    for (const member of this.members()) this.startEtcd(member);
    await Promise.all(this.servers.map((server) => this.startDaemon(server)));
  }

  /** Every server alive for every other one, with its own address, its copy current, and nothing waiting. */
  async untilWell(): Promise<void> {
    for (const server of this.servers)
      await this.until(`all is well for ${server.name}`, async () => isWell(await this.report(server)));
  }

  async report(server: LabServer): Promise<ClusterReport> {
    return (await this.ask(server, "GET", "/api/v1/cluster")) as ClusterReport;
  }

  /** Looks every 50 ms; rejects after a minute with the ends of all logs. `look` may reject: that is a no. */
  async until(what: string, look: () => Promise<boolean>): Promise<void> {
    const end = performance.now() + WAIT_MS;
    while (!(await look().catch(() => false))) {
      if (performance.now() > end) throw new Error(`${what}: not within ${WAIT_MS / 1000} s\n${this.logs()}`);
      await delay(50);
    }
  }

  /** The last lines of each daemon. */
  logs(): string {
    return this.servers.map(({ name }) => `${name}: ${this.log(name)}`).join("\n");
  }

  async close(): Promise<void> {
    await this.net.close();
    rmSync(this.folder, { recursive: true, force: true });
    this.forget();
  }

  /** A command of the command line on a server: as `command`, but any. */
  everboot(server: LabServer, action: readonly string[], args: readonly string[]): Promise<string> {
    const words = [...action, "-c", this.siteFileOf(server), "--state", this.state(server), ...args];
    const { PATH = "" } = unpackedEnvironment();
    return server.space.exec("env", [`PATH=${PATH}`, process.execPath, EVERBOOT, ...words], WAIT_MS);
  }

  private async join(server: LabServer): Promise<void> {
    await this.command(server, "join", "--server", server.name);
  }

  private log(server: string): string {
    return readFileSync(join(this.folder, `${server}.log`), "utf8").slice(-2000);
  }

  private place(member: string): { readonly space: Namespace; readonly address: string } {
    return member === WITNESS ? { space: this.net.client, address: CLIENT_ADDRESS } : this.server(member);
  }

  private writeSite(): void {
    const { hosts, site = {}, tree = {}, serverKeys = () => ({}), ownTrees = false } = this.options;
    const servers = this.servers.map(({ name, address, floating, link }) => {
      const keys = { address, floating, interface: "lan", links: [link], ...serverKeys(name) };
      return [name, keys] as const;
    });
    // A daemon's member is known by its server's address.
    const own = new Map(this.options.daemonsRunEtcd ? servers : []);
    const entry = {
      site: "lab",
      subnets: [{ cidr: "10.77.0.0/24", router: "10.77.0.254", domain: "lab.example" }],
      servers: Object.fromEntries(servers),
      state: { etcd: this.members().map((member) => `http://${(own.get(member) ?? this.place(member)).address}:2379`) },
      trees: { [LAB_TREE]: { family: "debian", release: "bookworm", path: ownTrees ? OWN_TREE : this.tree, ...tree } },
      profiles: { small: { tree: LAB_TREE, root: { password: "!", ssh_keys: ["ssh-ed25519 AAAA"] } } },
      hosts: Object.fromEntries(Object.entries(hosts).map(([name, host]) => [name, { ...host, profile: "small" }])),
      ...site,
    };
    for (const path of [this.siteFile, ...this.net.servers.map((each) => this.siteFileOf(each))])
      writeFileSync(path, stringify(entry));
  }

  private makeStates(): void {
    for (const server of this.net.servers) {
      mkdirSync(this.state(server));
      writeFileSync(join(this.state(server), "cluster.key"), `${"5a".repeat(32)}\n`, { mode: 0o600 });
    }
  }
}

/** As `everboot cluster status` has it. */
function isWell({ servers, state }: ClusterReport): boolean {
  const isHome = ({ name, alive, heldBy }: ClusterReport["servers"][number]) => alive && heldBy === name;
  return servers.every(isHome) && state.state === "current" && state.outbox === 0;
}

function isRunning(child: ChildProcess | undefined): boolean {
  return child !== undefined && child.exitCode === null && child.signalCode === null;
}

/** Whether it printed a line before it ended. */
function firstLine(child: ChildProcess): Promise<boolean> {
  return new Promise((done) => {
    child.once("exit", () => done(false));
    if (child.stdout) createInterface({ input: child.stdout }).once("line", () => done(true));
  });
}
