/** Network namespaces for tests, benches and the demo: made here, removed here, nothing else touched. */
import { type ChildProcess, execFile, type SpawnOptions, spawn, spawnSync } from "node:child_process";
import { promisify } from "node:util";
import { addCleanup, kill, runQuietly } from "./cleanup.ts";

const run = promisify(execFile);

let known: string | false | undefined;

/** Reason why namespaces cannot be made here, or undefined. For `test({ skip })`. It is tried, once a process. */
export function namespaceObstacle(): string | undefined {
  known ??= process.getuid?.() === 0 ? tryNamespace() : "needs root to make network namespaces";
  return known || undefined;
}

/** Root in a container is not always allowed to. */
function tryNamespace(): string | false {
  const name = `try-${process.pid}`;
  const made = spawnSync("ip", ["netns", "add", name], { encoding: "utf8" });
  const used = spawnSync("ip", ["netns", "exec", name, "true"], { encoding: "utf8" });
  runQuietly("ip", ["netns", "del", name]);
  if (made.status === 0 && used.status === 0) return false;
  const why = `${made.stderr ?? ""}${used.stderr ?? ""}`.trim().split("\n")[0] || "no program ip (package iproute2)";
  return `network namespaces cannot be made here: ${why}`;
}

export class Namespace {
  readonly name: string;
  private readonly children = new Set<ChildProcess>();
  private readonly forget: () => void;

  private constructor(name: string) {
    this.name = name;
    this.forget = addCleanup(() => {
      this.killChildren();
      runQuietly("ip", ["netns", "del", name]);
    });
  }

  /** Linux limits interface names to 15 characters, so keep `name` short; the process id makes it unique. */
  static async create(name: string): Promise<Namespace> {
    const fullName = `${name}-${process.pid}`;
    await run("ip", ["netns", "add", fullName]);
    const space = new Namespace(fullName);
    await space.ip("link set lo up");
    return space;
  }

  /** `ip -n NAME <words>` */
  async ip(words: string): Promise<string> {
    return (await run("ip", ["-n", this.name, ...words.split(" ")])).stdout;
  }

  /** Runs a program inside and resolves with what it printed; rejects with its stderr when it fails. */
  async exec(program: string, args: readonly string[], timeoutMs = 60_000): Promise<string> {
    const result = await run("ip", ["netns", "exec", this.name, program, ...args], {
      timeout: timeoutMs,
      maxBuffer: 64 << 20,
    });
    return result.stdout + result.stderr;
  }

  /**
   * Starts a program inside; `ip netns exec` replaces itself, so the child's pid is the program's. It ends with the
   * namespace, and with this process even when that is killed.
   */
  spawn(program: string, args: readonly string[], options: SpawnOptions = {}): ChildProcess {
    const command = ["--pdeathsig", "KILL", "ip", "netns", "exec", this.name, program, ...args];
    const child = spawn("setpriv", command, { stdio: "pipe", ...options });
    this.children.add(child);
    child.once("close", () => this.children.delete(child));
    return child;
  }

  async bridge(device: string, cidr: string): Promise<void> {
    await this.ip(`link add ${device} type bridge forward_delay 0`);
    await this.ip(`addr add ${cidr} dev ${device}`);
    await this.ip(`link set ${device} up`);
  }

  /** Kills what was spawned inside, then takes the namespace away with its devices. */
  async remove(): Promise<void> {
    this.killChildren();
    await run("ip", ["netns", "del", this.name]).catch(() => undefined);
    this.forget();
  }

  private killChildren(): void {
    for (const child of this.children) if (child.exitCode === null) kill(child.pid);
  }
}

/** A cable between two namespaces; both ends come up. */
export async function connect(a: Namespace, aDevice: string, b: Namespace, bDevice: string): Promise<void> {
  await run("ip", ["link", "add", aDevice, "netns", a.name, "type", "veth", "peer", "name", bDevice, "netns", b.name]);
  await a.ip(`link set ${aDevice} up`);
  await b.ip(`link set ${bDevice} up`);
}
