/**
 * Real boot loaders are told to wait, ask again, put up with a server that is away, and go on when they are let in:
 * EVERBOOT_LAB=quick, some minutes emulated.
 */
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { type MachineOptions, startMachine } from "../../lab/machine.ts";
import { Namespace, namespaceObstacle } from "../../lab/netns.ts";
import { packageObstacle } from "../../lab/prerequisites.ts";
import type { AdmissionLine } from "./admission-server.ts";

const skip =
  process.env.EVERBOOT_LAB === "quick"
    ? (namespaceObstacle() ?? packageObstacle("machines", "loaders"))
    : "long: set EVERBOOT_LAB=quick";

const SERVER = join(import.meta.dirname, "admission-server.ts");
const MAC = "52:54:00:00:00:01";
const PATIENCE_MS = 5 * 60_000;

const siteWith = (loader: string) => `
site: admission
subnets:
  - {cidr: 192.168.77.0/24}
servers:
  one: {address: 192.168.77.1, installs: 1}
trees:
  debian-12: {family: debian, release: bookworm, path: /srv/debian-12}
profiles:
  plain: {tree: debian-12}
hosts:
  other: {nics: ["52:54:00:00:00:0a"], address: 192.168.77.102, profile: plain}
  vm1: {nics: ["${MAC}"], address: 192.168.77.101, profile: plain, loader: ${loader}}
`;

/** The server in its namespace, and what it says. */
class Server {
  readonly paths: string[] = [];
  private readonly child: ReturnType<Namespace["spawn"]>;
  private readonly lines: AdmissionLine[] = [];
  private heard = () => {};

  constructor(space: Namespace, loader: string, tree: string) {
    const flags = ["--disable-warning=ExperimentalWarning"];
    this.child = space.spawn(process.execPath, [...flags, SERVER, siteWith(loader), tree], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    createInterface(this.child.stdout ?? assert.fail()).on("line", (text) => {
      const line: AdmissionLine = JSON.parse(text);
      if ("path" in line) this.paths.push(line.path);
      this.lines.push(line);
      this.heard();
    });
  }

  say(word: "away" | "back" | "free"): void {
    this.child.stdin?.write(`${word}\n`);
  }

  async until(what: string, isThere: (lines: readonly AdmissionLine[]) => boolean): Promise<void> {
    const late = AbortSignal.timeout(PATIENCE_MS);
    while (!isThere(this.lines)) {
      if (late.aborted) assert.fail(`${what} did not come; asked for:\n${this.paths.join("\n")}`);
      await Promise.race([new Promise<void>((resolve) => Object.assign(this, { heard: resolve })), delay(1000)]);
    }
  }
}

const asksFor = (pattern: RegExp) => (lines: readonly AdmissionLine[]) =>
  lines.filter((line) => "path" in line && pattern.test(line.path)).length;

const LOADERS: ReadonlyArray<readonly [string, string, RegExp, Partial<MachineOptions>]> = [
  ["iPXE", "auto", /^\/?boot\/ipxe\/[^/]+(?:\/\d+)?$/, {}],
  ["PXELINUX", "pxelinux", /^\/?pxelinux\.cfg\/01-/, { plainPxe: true }],
  ["GRUB", "grub", /^\/?grub\/(?:\d+\/)?grub\.cfg-01-/, { firmware: "uefi", rom: false }],
];

for (const [name, loader, script, machineOptions] of LOADERS) {
  test(`${name} waits until it is let in, while its server is away too`, { skip }, async () => {
    const folder = await mkdtemp(join(tmpdir(), "everboot-admission-"));
    const space = await Namespace.create("adwait");
    try {
      await space.bridge("br0", "192.168.77.1/24");
      for (const file of ["linux", "initrd.gz"]) await writeFile(join(folder, file), "no kernel");
      const server = new Server(space, loader, folder);
      await server.until("the server", (lines) => lines.some((line) => "ready" in line));
      const options = { bridge: "br0", name: "ad", disk: join(folder, "disk"), memoryMb: 256, diskSize: "1G" };
      await startMachine({
        ...{ ...options, space, macs: [MAC], firmware: "bios" as const, logDirectory: folder, ...machineOptions },
      });
      await server.until("a wait", (lines) => lines.some((line) => "waits" in line && line.waits === "vm1"));
      await server.until("a second question", (lines) => asksFor(script)(lines) >= 3);
      server.say("away");
      // Longer than the longest pause of a first waiter.
      await delay(name === "PXELINUX" ? 40_000 : 10_000);
      const before = asksFor(script)(server.paths.map((path) => ({ path })));
      server.say("back");
      await server.until("a question after the outage", (lines) => asksFor(script)(lines) > before);
      assert.equal(asksFor(/linux$/)(server.paths.map((path) => ({ path }))), 0);
      server.say("free");
      await server.until("the kernel", (lines) => asksFor(/^\/?boot\/[0-9a-f]{32}\/.*\/linux$/)(lines) > 0);
    } finally {
      await space.remove();
      await rm(folder, { recursive: true, force: true });
    }
  });
}
