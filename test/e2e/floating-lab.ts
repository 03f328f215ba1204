/**
 * Servers in namespaces with floating addresses by real keepalived, each with a daemon's stand-in (floating-server.ts),
 * and a client that asks every 5 ms (floating-client.ts).
 */
import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";
import { namespaceObstacle } from "../../lab/netns.ts";
import { packageObstacle } from "../../lab/prerequisites.ts";
import { keepalivedProgram, type LabServer, SERVERS_ROUTER, ServersLab } from "../../lab/servers.ts";

const keepalived = keepalivedProgram();
const DEADLINE_MS = 30_000;

/** Why it does not run here, for `test({ skip })`. */
export const floatingObstacle = namespaceObstacle() ?? keepalived.obstacle ?? packageObstacle("clients");

const SERVER = join(import.meta.dirname, "floating-server.ts");
const CLIENT = join(import.meta.dirname, "floating-client.ts");

/** Milliseconds of the kernel's monotonic clock, which all processes share. */
export const now = () => Number(process.hrtime.bigint()) / 1e6;

/** Polls, because what is waited for is in the kernel. */
export async function until(what: string, isTrue: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = now() + DEADLINE_MS;
  while (!(await isTrue())) {
    if (now() > deadline) throw new Error(`waited ${DEADLINE_MS} ms for: ${what}`);
    await pause(10);
  }
}

/** A daemon's stand-in, started again as often as a test likes. */
export class Daemon {
  readonly server: LabServer;
  readonly folder: string;
  readonly states = new Map<string, string>();
  /** `HEARD WITNESS` by peer. */
  readonly seen = new Map<string, string>();
  /** Changes of state since it was started. */
  changes = 0;
  child: ChildProcess | undefined;
  private readonly siteFile: string;
  private readonly said = new Set<string>();

  constructor(server: LabServer, siteFile: string, folder: string) {
    this.server = server;
    this.siteFile = siteFile;
    this.folder = folder;
  }

  async start(): Promise<void> {
    this.said.clear();
    this.states.clear();
    const args = ["--disable-warning=ExperimentalWarning", SERVER, this.siteFile, this.server.name, this.folder];
    const env = { ...process.env, ...keepalived.env };
    const stdio = ["pipe", "pipe", "inherit"] as const;
    const child = this.server.space.spawn(process.execPath, [...args, keepalived.program], { env, stdio: [...stdio] });
    this.child = child;
    if (child.stdout) createInterface(child.stdout).on("line", (line) => this.read(line));
    await this.hears("ready");
  }

  command(line: string): void {
    this.child?.stdin?.write(`${line}\n`);
  }

  hears(line: string): Promise<void> {
    return until(`${this.server.name}: ${line}`, () => this.said.has(line));
  }

  private read(line: string): void {
    const [kind, subject = "", ...rest] = line.split(" ");
    if (kind === "seen") this.seen.set(subject, rest.join(" "));
    else if (kind === "state") {
      this.states.set(subject, rest.join(" "));
      this.changes += 1;
    } else this.said.add(line);
  }
}

/** What the client saw last, and when it began. */
export class Client {
  answers: Array<{ readonly server: string; readonly at: number }> = [];
  refused = 0;
  private readonly child: ChildProcess;

  constructor(lab: ServersLab, address: string) {
    this.child = lab.client.spawn(process.execPath, ["--disable-warning=ExperimentalWarning", CLIENT, address]);
    if (!this.child.stdout) return;
    createInterface(this.child.stdout).on("line", (line) => {
      const [server = "", at = ""] = line.split(" ");
      if (server === "refused") this.refused += 1;
      else this.answers.push({ server, at: Number(at) });
    });
  }

  get server(): string | undefined {
    return this.answers.at(-1)?.server;
  }

  servedBy({ name }: LabServer): Promise<void> {
    return until(`the client is served by ${name}`, () => this.server === name);
  }

  /** Milliseconds from `since` until another server than `old` answered. */
  async movedFrom(old: LabServer, since: number): Promise<number> {
    const found = () => this.answers.find(({ server, at }) => at > since && server !== old.name);
    await until(`the client leaves ${old.name}`, () => found() !== undefined);
    return (found()?.at ?? Number.NaN) - since;
  }

  async close(): Promise<void> {
    const closed = once(this.child, "close");
    this.child.kill("SIGKILL");
    await closed;
  }
}

/** Further keys of a server's entry in the site file: the heartbeat links beside the LAN. */
export type ServerKeys = (server: LabServer) => string;

const crossed: ServerKeys = ({ link }) => `links: [${link}]`;

export class FloatingSite {
  readonly lab: ServersLab;
  readonly folder: string;
  readonly daemons: readonly Daemon[];

  private constructor(lab: ServersLab, folder: string, serverKeys: ServerKeys) {
    this.lab = lab;
    this.folder = folder;
    const siteFile = join(folder, "site.yaml");
    writeFileSync(siteFile, siteText(lab.servers, serverKeys));
    this.daemons = lab.servers.map((server) => {
      mkdirSync(join(folder, server.name));
      return new Daemon(server, siteFile, join(folder, server.name, "floating"));
    });
  }

  static async open(name: string, count: number, serverKeys: ServerKeys = crossed): Promise<FloatingSite> {
    const lab = await ServersLab.open(name, count);
    const site = new FloatingSite(lab, mkdtempSync(join(tmpdir(), "everboot-floating-")), serverKeys);
    await Promise.all(site.daemons.map((daemon) => daemon.start()));
    await site.settled();
    return site;
  }

  /** Each address is at home, for the kernels, the daemons and the client. */
  async settled(): Promise<void> {
    for (const { server, states } of this.daemons) {
      await until(`${server.floating} is at home`, async () => {
        const holders = await this.lab.holders(server.floating);
        const heirs = this.daemons.filter((daemon) => daemon.server !== server);
        const isHeir = heirs.every((daemon) => daemon.states.get(server.floating) === "backup");
        return isHeir && holders.join() === server.name && states.get(server.floating) === "master";
      });
    }
  }

  daemon(index: number): Daemon {
    const daemon = this.daemons[index];
    assert.ok(daemon);
    return daemon;
  }

  async close(): Promise<void> {
    await this.lab.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

function siteText(servers: readonly LabServer[], keys: ServerKeys): string {
  const lines = servers.map((server) => {
    const { name, address, floating } = server;
    return `  ${name}: {address: ${address}, floating: ${floating}, interface: lan, ${keys(server)}}`;
  });
  return `
site: lab
subnets:
  - {cidr: 10.77.0.0/24, router: ${SERVERS_ROUTER}}
servers:
${lines.join("\n")}
state: {etcd: ["http://10.77.0.11:2379"]}
trees:
  debian-12: {family: debian, release: bookworm, path: /srv/debian-12}
profiles:
  plain: {tree: debian-12}
hosts: {}
`;
}
