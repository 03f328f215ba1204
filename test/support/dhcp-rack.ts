/** A network of namespaces around one DHCP server, with real clients and a capture of everything they say. */
import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { existsSync } from "node:fs";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { kill } from "../../lab/cleanup.ts";
import { connect, Namespace, namespaceObstacle } from "../../lab/netns.ts";
import type { DhcpEvent } from "../../src/server/dhcp/verdict.ts";
import type { HarnessLine } from "./dhcp-harness.ts";

const HARNESS = join(import.meta.dirname, "dhcp-harness.ts");
const DEADLINE_MS = 30_000;

/** Why the DHCP rack cannot be set up here. */
export function rackObstacle(...programs: readonly string[]): string | false {
  const folders = ["/usr/sbin", "/usr/bin", "/sbin", "/bin"];
  const lacking = programs.find((program) => !folders.some((folder) => existsSync(join(folder, program))));
  return namespaceObstacle() ?? (lacking === undefined ? false : `needs ${lacking}`);
}

/** The lines of a running program, for waiting on. */
export class Lines {
  readonly child: ChildProcess;
  readonly all: string[] = [];
  private readonly waiting = new Set<() => void>();
  private ended = false;

  constructor(child: ChildProcess) {
    this.child = child;
    for (const stream of [child.stdout, child.stderr]) {
      if (stream) createInterface(stream).on("line", (line) => this.add(line));
    }
    child.once("close", () => {
      this.ended = true;
      this.wake();
    });
  }

  /** The first line that matches, said already or yet to come; rejects when the program ends without it. */
  async match(pattern: RegExp): Promise<string> {
    const found = () => this.all.find((line) => pattern.test(line));
    await this.until(() => found() !== undefined || this.ended, String(pattern));
    const line = found();
    assert.ok(line !== undefined, `ended without ${pattern}:\n${this.all.join("\n")}`);
    return line;
  }

  /** Tells the program to end and waits until it has. */
  async end(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    kill(this.child.pid, signal);
    await this.until(() => this.ended, signal);
  }

  private add(line: string): void {
    this.all.push(line);
    this.wake();
  }

  private wake(): void {
    for (const check of this.waiting) check();
  }

  private until(isDone: () => boolean, what: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const finish = (settle: () => void) => {
        clearTimeout(deadline);
        this.waiting.delete(check);
        settle();
      };
      const check = () => {
        if (isDone()) finish(resolve);
      };
      const late = () => reject(new Error(`waited ${DEADLINE_MS} ms for ${what}:\n${this.all.join("\n")}`));
      const deadline = setTimeout(() => finish(late), DEADLINE_MS);
      this.waiting.add(check);
      check();
    });
  }
}

/** The server's namespace; each client is a namespace with a cable to one of the server's devices. */
export class DhcpRack implements AsyncDisposable {
  readonly folder: string;
  readonly server: Namespace;
  private readonly spaces: Namespace[];
  private capture: Lines | undefined;
  private harness: Lines | undefined;

  private constructor(folder: string, server: Namespace) {
    this.folder = folder;
    this.server = server;
    this.spaces = [server];
  }

  static async create(): Promise<DhcpRack> {
    const folder = await mkdtemp(join(tmpdir(), "everboot-dhcp-"));
    return new DhcpRack(folder, await Namespace.create("dhcp"));
  }

  /** A namespace whose `e0` is cabled to `device` of the server, which gets `cidr`. */
  async client(name: string, device: string, cidr: string): Promise<Namespace> {
    const space = await this.space(name);
    await connect(this.server, device, space, "e0");
    await this.server.ip(`addr add ${cidr} dev ${device}`);
    return space;
  }

  async space(name: string): Promise<Namespace> {
    const space = await Namespace.create(name);
    this.spaces.push(space);
    return space;
  }

  /** Starts the capture of all the server's devices, then the server. */
  async serve(siteText: string): Promise<void> {
    const words = [
      "-i",
      "any",
      "--immediate-mode",
      "-U",
      "-n",
      "-Z",
      "root",
      "-w",
      this.captureFile,
      "udp and (port 67 or port 68 or port 4011)",
    ];
    this.capture = new Lines(this.server.spawn("tcpdump", words));
    await this.capture.match(/listening on/);
    this.harness = this.startServer(siteText);
    await this.harness.match(/"ready"/);
  }

  /** A DHCP server in the server's namespace; `serve` starts the one whose events are followed. */
  startServer(siteText: string): Lines {
    return new Lines(this.server.spawn(process.execPath, ["--disable-warning=ExperimentalWarning", HARNESS, siteText]));
  }

  /** Waits for an event whose JSON matches. */
  async event(pattern: RegExp): Promise<DhcpEvent> {
    assert.ok(this.harness);
    const line: HarnessLine = JSON.parse(await this.harness.match(pattern));
    assert.ok("event" in line);
    return line.event;
  }

  /** Ends server and capture; resolves with the server's counters. */
  async stop(): Promise<Readonly<Record<string, number>>> {
    assert.ok(this.harness && this.capture);
    await this.harness.end();
    await this.capture.end("SIGINT");
    const line: HarnessLine = JSON.parse(this.harness.all.at(-1) ?? "{}");
    assert.ok("counters" in line);
    return line.counters;
  }

  /** What tshark finds in the capture: the fields of each packet that the filter lets through. */
  async inCapture(filter: string, ...fields: readonly string[]): Promise<string[][]> {
    const columns = fields.flatMap((field) => ["-e", field]);
    const words = ["-r", this.captureFile, "-Y", filter, "-T", "fields", "-E", "separator=/t", ...columns];
    const text = (await this.server.exec("tshark", words)).split("\n");
    return text.filter((line) => line !== "" && !line.startsWith("Running as")).map((line) => line.split("\t"));
  }

  /** An executable script in the rack's folder. */
  async script(name: string, text: string): Promise<string> {
    const path = join(this.folder, name);
    await writeFile(path, text);
    await chmod(path, 0o755);
    return path;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const space of this.spaces.reverse()) await space.remove();
    await rm(this.folder, { recursive: true, force: true });
  }

  private get captureFile(): string {
    return join(this.folder, "all.pcap");
  }
}
