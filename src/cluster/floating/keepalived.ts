/** keepalived as a child: started on a clean machine, started again when it dies, ended in order. */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import type { Ipv4 } from "../../base/address.ts";
import { type Clock, sleep, type Timer } from "../../base/clock.ts";

const run = promisify(execFile);

export interface KeepalivedProcess {
  readonly program: string;
  /** Absolute paths. */
  readonly config: string;
  readonly pidFile: string;
  readonly vrrpPidFile: string;
  /** Every floating address that it may set. */
  readonly addresses: readonly Ipv4[];
  readonly clock: Clock;
  /** A line of its log. */
  readonly tell: (line: string) => void;
  /** It has ended by itself; its addresses are gone, and it will be started again. */
  readonly died: () => void;
}

const FIRST_BACKOFF_MS = 100;
const LONGEST_BACKOFF_MS = 5000;
/** One that ran for so long starts again at once. */
const STEADY_MS = 10_000;
/** It says goodbye to its peers and takes its addresses away; it needs some tens of milliseconds. */
const END_WITHIN_MS = 3000;

export class Keepalived {
  private readonly options: KeepalivedProcess;
  private child: ChildProcess | undefined;
  private backoffMs = FIRST_BACKOFF_MS;
  private retry: Timer | undefined;
  private stopping: boolean = false;

  constructor(options: KeepalivedProcess) {
    this.options = options;
  }

  /** Resolves when it is started on a machine without its own remains. Its configuration must be there. */
  async start(): Promise<void> {
    await this.clearRemains();
    if (this.stopping) return;
    const { program, config, pidFile, vrrpPidFile, clock } = this.options;
    const own = ["--dont-fork", "--log-console", "--vrrp", "-f", config, "-p", pidFile, "-r", vrrpPidFile];
    // It ends with this process, however that ends: a keepalived that nobody watches would keep its addresses for ever.
    const child = spawn("setpriv", ["--pdeathsig", "TERM", program, ...own], { stdio: ["ignore", "pipe", "pipe"] });
    this.child = child;
    const startedAt = clock.now();
    for (const stream of [child.stdout, child.stderr]) createInterface(stream).on("line", this.options.tell);
    child.once("error", (error) => this.options.tell(error.message));
    child.once("close", () => this.ended(clock.now() - startedAt));
  }

  /** Ends it: it tells its peers, which take over at once. Resolves when no floating address is left here. */
  async stop(): Promise<void> {
    this.stopping = true;
    this.retry?.cancel();
    const child = this.child;
    if (child) {
      const timer = this.options.clock.after(END_WITHIN_MS, () => child.kill("SIGKILL"));
      const closed = once(child, "close");
      child.kill("SIGTERM");
      await closed;
      timer.cancel();
    }
    await this.clearRemains();
  }

  private ended(ranMs: number): void {
    this.child = undefined;
    if (this.stopping) return;
    if (ranMs > STEADY_MS) this.backoffMs = FIRST_BACKOFF_MS;
    this.options.died();
    // At once, while it waits: nobody here defends these addresses now, and an heir takes them.
    this.clearRemains().catch((error: unknown) => this.options.tell(String(error)));
    this.retry = this.options.clock.after(this.backoffMs, () => {
      this.start().catch((error: unknown) => {
        this.options.tell(String(error));
        this.ended(0);
      });
    });
    this.backoffMs = Math.min(this.backoffMs * 2, LONGEST_BACKOFF_MS);
  }

  /**
   * What a killed run leaves: processes, pid files by which the next one believes that it runs already, and addresses
   * that the kernel keeps and answers for beside their new holder.
   */
  private async clearRemains(): Promise<void> {
    const { pidFile, vrrpPidFile, config, addresses } = this.options;
    for (const file of [pidFile, vrrpPidFile]) {
      await this.endOther(readPid(file), config);
      rmSync(file, { force: true });
    }
    await removeAddresses(addresses);
  }

  /** Ends a process that runs with this configuration; the id may be another program's by now. */
  private async endOther(pid: number | undefined, config: string): Promise<void> {
    if (pid === undefined) return;
    for (let waited = 0; isRunning(pid, config); waited += 20) {
      signal(pid, waited < END_WITHIN_MS ? "SIGTERM" : "SIGKILL");
      await sleep(this.options.clock, 20);
    }
  }
}

/** Takes those of the addresses that this machine has away from its interfaces, those that are down among them. */
export async function removeAddresses(addresses: readonly Ipv4[]): Promise<void> {
  const { stdout } = await run("ip", ["-json", "-4", "address", "show"]);
  const devices: readonly IpDevice[] = JSON.parse(stdout || "[]");
  for (const { ifname, addr_info: own = [] } of devices) {
    for (const { local, prefixlen } of own) {
      if (!addresses.some((address) => address === local)) continue;
      // keepalived may take it away in the same moment.
      await run("ip", ["address", "del", `${local}/${prefixlen}`, "dev", ifname]).catch(() => undefined);
    }
  }
}

/** Of iproute2 6.1's JSON, what is needed. */
interface IpDevice {
  readonly ifname: string;
  readonly addr_info?: ReadonlyArray<{ readonly local?: string; readonly prefixlen: number }>;
}

function readPid(file: string): number | undefined {
  const pid = existsSync(file) ? Number.parseInt(readFileSync(file, "utf8"), 10) : 0;
  return pid > 1 ? pid : undefined;
}

/** A zombie has no command line, and does not count. */
function isRunning(pid: number, config: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").includes(config);
  } catch {
    return false;
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // it has ended in between, which is what was wanted
  }
}
