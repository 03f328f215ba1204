/** Two servers with NFS and one floating address, and a client of libnfs: for nfs.test.ts. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { addCleanup, kill, runQuietly } from "../../lab/cleanup.ts";
import { ganeshaPlugins, nfsEnvironment, nfsObstacle, WITH_OWN_RUN } from "../../lab/nfs.ts";
import { type LabServer, ServersLab } from "../../lab/servers.ts";
import { type Cidr, type Ipv4, parseCidr } from "../../src/base/address.ts";
import type { NfsTree } from "../../src/server/nfs/exports.ts";
import { NFS_PORT, type NfsVersion } from "../../src/server/nfs/ganesha-config.ts";
import { Lines, rackObstacle } from "../support/dhcp-rack.ts";
import type { NfsOrder, NfsServerOptions } from "./nfs-server.ts";
import type { Nfs3Answer } from "./nfs3-client.ts";

const SERVER_PROGRAM = join(import.meta.dirname, "nfs-server.ts");
const CLIENT_PROGRAM = join(import.meta.dirname, "nfs3-client.ts");
const DEADLINE_MS = 30_000;
export const FLOATING = "10.77.0.1" as Ipv4;

export const LAN: readonly Cidr[] = [parseCidr("10.77.0.0/24")].flatMap((cidr) => cidr ?? []);
export const ELSEWHERE: readonly Cidr[] = [parseCidr("10.79.0.0/24")].flatMap((cidr) => cidr ?? []);

/** Where the kernel holds a process whose output nobody takes: a pipe, or a Unix socket (which Node makes). */
const WRITES = /pipe_w|sock_alloc_send/;

/** Reason why the rack cannot be set up here, or false. */
export function nfsRackObstacle(): string | false {
  if (!existsSync("/dev/loop-control")) return "needs loop devices";
  return nfsObstacle() ?? rackObstacle("ip", "busybox", "mke2fs", "ss", "unshare");
}

/** The trees that a server may have: on an image whose bytes are the same everywhere, or as files on its own disk. */
export type Disk = "image" | "own";

export class NfsRack {
  readonly folder: string;
  readonly lab: ServersLab;
  /** Of the file `big`. */
  readonly content: Buffer;
  private readonly env: NodeJS.ProcessEnv = { ...process.env, ...nfsEnvironment() };
  private readonly undo: Array<() => void> = [];

  private constructor(lab: ServersLab) {
    this.lab = lab;
    this.content = randomBytes(8_000_000);
    this.folder = mkdtempSync(join(tmpdir(), "everboot-nfs-"));
    this.undo.push(addCleanup(() => this.unmount()));
    this.fill();
  }

  static async open(name: string): Promise<NfsRack> {
    return new NfsRack(await ServersLab.open(name, 2));
  }

  async close(): Promise<void> {
    await this.lab.close();
    this.unmount();
    for (const forget of this.undo) forget();
    rmSync(this.folder, { recursive: true });
  }

  server(index: 0 | 1): LabServer {
    const server = this.lab.servers[index];
    assert.ok(server);
    return server;
  }

  /** Where server `index` has the trees of this kind. */
  tree(index: 0 | 1, disk: Disk): NfsTree {
    return { name: "debian-12", folder: join(this.folder, `${disk}-${index}`) };
  }

  /** Resolves when it answers. The client is in the network 10.77.0.0/24. */
  async started(index: 0 | 1, trees: readonly NfsTree[], clients: readonly Cidr[] = LAN): Promise<Lines> {
    const { space, name } = this.server(index);
    const options: NfsServerOptions = {
      ...{ site: "lab", server: name, folder: join(this.folder, `state-${index}`), trees, clients },
      ...{ versions: [3, 4], searchPath: this.env.PATH ?? "", plugins: ganeshaPlugins() },
    };
    const [program = "", ...words] = WITH_OWN_RUN;
    const args = [...words, process.execPath, SERVER_PROGRAM, JSON.stringify(options)];
    const server = new Lines(space.spawn(program, args, { env: this.env }));
    await server.match(/"ready"/);
    return server;
  }

  order(server: Lines, order: NfsOrder): void {
    server.child.stdin?.write(`${JSON.stringify(order)}\n`);
  }

  /** The address is here now, and all that have talked to it are told. */
  async take(index: 0 | 1): Promise<void> {
    const { space } = this.server(index);
    await space.ip(`addr add ${FLOATING}/24 dev lan`);
    await space.exec("busybox", ["arping", "-q", "-U", "-c", "1", "-I", "lan", "-s", FLOATING, FLOATING]);
  }

  /** As if its power were lost. */
  async die(index: 0 | 1): Promise<void> {
    await this.lab.cut(this.server(index), "lan", "silent");
    this.lab.signal(this.server(index), "SIGKILL");
  }

  /** Ends all that runs, and gives the address and the cables back. */
  async clear(): Promise<void> {
    for (const server of this.lab.servers) {
      this.lab.signal(server, "SIGKILL");
      await server.space.ip(`addr del ${FLOATING}/24 dev lan`).catch(() => undefined);
      await this.lab.heal(server, "lan");
    }
    for (const pid of this.lab.processes({ space: this.lab.client })) kill(pid);
  }

  /** ganesha's process id on that server. */
  ganesha(index: 0 | 1): number | undefined {
    return this.lab.processes(this.server(index)).find((pid) => readProc(pid, "comm").startsWith("ganesha"));
  }

  /** Of clients to the floating address at server 0, as its kernel lists them. */
  async connections(): Promise<Extract<NfsOrder, { wake: unknown }>["wake"]> {
    const listed = await this.server(0).space.exec("ss", ["-tnH", "sport", "=", `:${NFS_PORT}`]);
    const ends = listed.matchAll(/\[::ffff:([\d.]+)\]:2049\s+\[::ffff:([\d.]+)\]:(\d+)/g);
    return [...ends].flatMap(([, server, client = "", port]) =>
      server === FLOATING
        ? [{ server: { address: FLOATING, port: NFS_PORT }, client: { address: client as Ipv4, port: Number(port) } }]
        : [],
    );
  }

  /** A program of libnfs: what it printed, and its exit code. */
  async libnfs(program: string, ...args: readonly string[]): Promise<{ code: number | null; output: Buffer }> {
    const child = this.lab.client.spawn(program, args, { env: this.env });
    const chunks: Buffer[] = [];
    for (const stream of [child.stdout, child.stderr]) stream?.on("data", (chunk: Buffer) => chunks.push(chunk));
    const [code] = await once(child, "close");
    return { code, output: Buffer.concat(chunks) };
  }

  /** Asks with handles of NFS 3. */
  async nfs3(server: string, ...words: readonly string[]): Promise<Nfs3Answer> {
    return JSON.parse(await this.lab.client.exec(process.execPath, [CLIENT_PROGRAM, server, ...words]));
  }

  /** Resolves when the client waits for us to take what it has read: it has no question open. */
  async halfRead(version: NfsVersion): Promise<HalfRead> {
    const child = this.lab.client.spawn("nfs-cat", [url("big", version)], { env: this.env });
    const chunks: Buffer[] = [];
    const first = once(child.stdout ?? child, "readable");
    const closed = once(child, "close");
    await first;
    await until(() => WRITES.test(readProc(child.pid, "wchan")), "nfs-cat to wait for its reader");
    return {
      async rest() {
        child.stdout?.on("data", (chunk: Buffer) => chunks.push(chunk));
        const [code] = await closed;
        return { code, bytes: Buffer.concat(chunks), endedAt: Date.now() };
      },
    };
  }

  private fill(): void {
    const source = join(this.folder, "source");
    mkdirSync(join(source, ".everboot-versions/0123456789ab"), { recursive: true });
    writeFileSync(join(source, "big"), this.content);
    writeFileSync(join(source, "hello"), "hello\n");
    writeFileSync(join(source, "secret"), "secret\n", { mode: 0o600 });
    writeFileSync(join(source, ".everboot-versions/0123456789ab/hello"), "hello of a version\n");
    for (const index of [0, 1] as const) {
      const image = join(this.folder, `image-${index}.ext4`);
      if (index === 0) makeFilesystem(source, image, "5f0c9a3e-0000-4000-8000-000000000001");
      else cpSync(join(this.folder, "image-0.ext4"), image);
      mount(image, this.tree(index, "image").folder);
      const own = join(this.folder, `own-${index}.ext4`);
      makeFilesystem(source, own, `5f0c9a3e-0000-4000-8000-00000000001${index}`);
      mount(own, this.tree(index, "own").folder);
    }
  }

  private unmount(): void {
    for (const index of [0, 1] as const)
      for (const disk of ["image", "own"] as const) runQuietly("umount", [this.tree(index, disk).folder]);
  }
}

export interface HalfRead {
  /** Takes all the rest: exit code, all bytes, and when it ended in milliseconds since 1970. */
  rest(): Promise<{ readonly code: number | null; readonly bytes: Buffer; readonly endedAt: number }>;
}

export function url(path: string, version: NfsVersion): string {
  return `nfs://${FLOATING}/trees/debian-12/${path}?version=${version}`;
}

/** Polls what has no event: other programs. */
export async function until(isTrue: () => boolean | Promise<boolean>, what: string): Promise<void> {
  for (let waited = 0; waited < DEADLINE_MS; waited += 20) {
    if (await isTrue()) return;
    await wait(20);
  }
  assert.fail(`waited ${DEADLINE_MS} ms for ${what}`);
}

function readProc(pid: number | undefined, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8");
  } catch {
    return "";
  }
}

function makeFilesystem(source: string, image: string, uuid: string): void {
  const about = ["-q", "-t", "ext4", "-O", "^has_journal", "-m", "0", "-U", uuid, "-E", `hash_seed=${uuid}`];
  run("mke2fs", [...about, "-d", source, image, "20M"]);
}

function mount(image: string, folder: string): void {
  mkdirSync(folder);
  run("mount", ["-o", "loop,ro", image, folder]);
}

function run(program: string, args: readonly string[]): void {
  const { status, stderr } = spawnSync(program, args, { encoding: "utf8" });
  assert.equal(status, 0, `${program}: ${stderr}`);
}
