/** A replication-server.ts in a process of its own, on this machine's loopback interface or in a namespace. */
import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Namespace } from "../../lab/netns.ts";
import type { ServerArguments, Told } from "./replication-server.ts";

const PROGRAM = fileURLToPath(new URL("replication-server.ts", import.meta.url));
const LONGEST_MS = 90_000;

export type About = Omit<ServerArguments, "port" | "peers">;

export class ServerProcess implements AsyncDisposable {
  readonly told: Told[] = [];
  private readonly about: About;
  private readonly space: Namespace | undefined;
  private peers: ServerArguments["peers"] = {};
  private child: ChildProcess | undefined;
  private port = 0;
  private news = Promise.withResolvers<void>();

  /** @param space where it runs; absent = here */
  constructor(about: About, space?: Namespace) {
    this.about = about;
    this.space = space;
  }

  get name(): string {
    return this.about.name;
  }

  get url(): string {
    return `http://${this.about.address}:${this.port}`;
  }

  /** Resolves when it listens, at the port that it had before. */
  async start(peers = this.peers): Promise<void> {
    this.peers = peers;
    const given: ServerArguments = { ...this.about, port: this.port, peers };
    const args = [PROGRAM, JSON.stringify(given)];
    const options = { stdio: ["ignore", "pipe", "inherit"] } satisfies SpawnOptions;
    this.child = this.space?.spawn(process.execPath, args, options) ?? spawn(process.execPath, args, options);
    const before = this.told.length;
    if (this.child.stdout) {
      createInterface(this.child.stdout).on("line", (line) => {
        this.told.push(JSON.parse(line));
        this.news.resolve();
        this.news = Promise.withResolvers();
      });
    }
    await this.until(() => this.told.length > before);
    this.port = this.told.at(-1)?.port ?? 0;
  }

  async kill(): Promise<void> {
    const { child } = this;
    if (child?.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGKILL");
    await once(child, "close");
  }

  /** Looks whenever the process has told something. */
  async until(is: () => boolean): Promise<void> {
    const late = AbortSignal.timeout(LONGEST_MS);
    const end = Promise.withResolvers<never>();
    late.addEventListener("abort", () =>
      end.reject(new Error(`${this.about.name}: ${JSON.stringify(this.told.at(-1))}`)),
    );
    while (!is()) await Promise.race([this.news.promise, end.promise]);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.kill();
  }
}
