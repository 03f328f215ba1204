/** The servers of the demo: several whole ones where this computer can have them, else one. */
import { setTimeout as delay } from "node:timers/promises";
import { EverbootError } from "../src/base/errors.ts";
import { bytesText } from "../src/cli/status-text.ts";
import { clusterObstacle } from "./cluster.ts";
import { ClusterRack, type Takeover } from "./cluster-rack.ts";
import { killDaemon } from "./install-run.ts";
import { type InstallRack, openRack, type TreeSource } from "./rack.ts";
import { RACK_SERVER } from "./rack-site.ts";
import { SERVER_PACKAGES } from "./servers.ts";
import { unpackPackages } from "./unpacked.ts";

export interface DemoRack {
  readonly rack: InstallRack;
  /** Who they are, a line each. */
  readonly servers: readonly string[];
  /**
   * Takes away the server that serves the machine, and brings it back. `received`: what the machine's NICs have been
   * sent since its start, where that is known.
   */
  kill(received?: () => Promise<number>): Promise<void>;
  /** Name of the server that the machine is served by. */
  serving(): string;
}

export interface DemoRackOptions {
  readonly servers: number;
  /** The machine that is installed. */
  readonly host: string;
  readonly tree: TreeSource;
  readonly out: (line: string) => void;
  readonly signal: AbortSignal;
}

/** Until the dead server is switched on again, and a single one is started again. */
const AWAY_MS = 5000;
/** More than the LAN's own chatter. */
const GOES_ON_BYTES = 100_000;
const GOES_ON_WITHIN_MS = 60_000;

export async function openDemoRack(options: DemoRackOptions): Promise<DemoRack> {
  const { servers, tree, out } = options;
  unpackPackages(SERVER_PACKAGES, (line) => out(`  ${line}`));
  const obstacle = clusterObstacle();
  if (obstacle === undefined) {
    const rack = await inOneLine(ClusterRack.open({ name: "demo", servers, tree }));
    return new SeveralServers(rack, options);
  }
  out(`One server, as there cannot be more: ${obstacle}.`);
  return oneServer(await openRack({ name: "demo", tree, tell: (line) => out(`  ${line}`) }), options);
}

/** What a test tells with all its logs is one line here. */
async function inOneLine<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof Error) || error instanceof EverbootError) throw error;
    throw new EverbootError("lab-broken", { reason: error.message.split("\n")[0] ?? "" }, error);
  }
}

function oneServer(rack: Awaited<ReturnType<typeof openRack>>, { out }: DemoRackOptions): DemoRack {
  return {
    rack,
    servers: [`one  at ${RACK_SERVER}`],
    serving: () => "one",
    kill: async () => {
      out(`         KILL: the daemon ends (kill -9), and is started again after ${AWAY_MS / 1000} s`);
      await killDaemon(rack, AWAY_MS);
      out("         the daemon is back");
    },
  };
}

class SeveralServers implements DemoRack {
  readonly rack: ClusterRack;
  private readonly options: DemoRackOptions;
  private readonly address: string;
  private current: string;

  constructor(rack: ClusterRack, options: DemoRackOptions) {
    this.rack = rack;
    this.options = options;
    this.address = rack.addressOf(options.host);
    this.current = rack.cluster.servers.find(({ floating }) => floating === this.address)?.name ?? "";
  }

  get servers(): readonly string[] {
    return this.rack.cluster.servers.map(({ name, address, floating }) => {
      const serves = floating === this.address ? `, to which ${this.options.host} is sent` : "";
      return `${name}  at ${address}, holds ${floating}${serves}`;
    });
  }

  serving(): string {
    return this.current;
  }

  async kill(received?: () => Promise<number>): Promise<void> {
    const { host, signal } = this.options;
    const before = await received?.();
    const dying = await this.rack.holder(this.address);
    const sent = before === undefined ? "" : ` ${host} has been sent ${bytesText(before)}.`;
    this.tell(`KILL ${dying.name}: daemon, etcd, keepalived, by SIGKILL; its cables are dead.${sent}`);
    const from = performance.now();
    for (const takeover of await inOneLine(this.rack.kill(dying))) this.tellTakeover(takeover);
    if (received) await this.tellGoesOn(received, from);
    await delay(AWAY_MS, undefined, { signal });
    await inOneLine(this.rack.revive(dying));
    this.tell(`${dying.name} is switched on again, and knows what has happened meanwhile`);
  }

  private tellTakeover({ address, heir, ms }: Takeover): void {
    if (address === this.address) this.current = heir.name;
    this.tell(`${address} is at ${heir.name} after ${Math.round(ms)} ms`);
  }

  private async tellGoesOn(received: () => Promise<number>, from: number): Promise<void> {
    const { host, signal } = this.options;
    const before = await received();
    while (performance.now() - from < GOES_ON_WITHIN_MS) {
      if ((await received()) - before > GOES_ON_BYTES)
        return this.tell(
          `${host} goes on: bytes from ${this.current} ${((performance.now() - from) / 1000).toFixed(1)} s after the kill`,
        );
      await delay(50, undefined, { signal });
    }
  }

  private tell(line: string): void {
    this.options.out(`         ${line}`);
  }
}
