/** A tiny signed archive and the servers around it, for tests of the pull-through mirror. */
import assert from "node:assert/strict";
import { execFile, execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import type { TreeResolver } from "../../src/content/folder.ts";
import { SegmentReader } from "../../src/content/segments.ts";

const run = promisify(execFile);
const SIGNING_TOOLS = ["gpg", "gpgv", "gpgconf"];
const APT_TOOLS = ["dpkg-deb", "apt-ftparchive", "apt-get", "xz"];

/** Why a signed archive cannot be made here, for `test({ skip })`. */
export function archiveObstacle(): string | undefined {
  return toolObstacle(...APT_TOOLS, ...SIGNING_TOOLS);
}

/** Why signed repositories of rpm packages cannot be made here. */
export function rpmObstacle(): string | undefined {
  return toolObstacle("createrepo_c", "rpmbuild", ...SIGNING_TOOLS);
}

/** Which of the programs are not here. */
export function toolObstacle(...tools: readonly string[]): string | undefined {
  const missing = tools.filter((tool) => !isOnPath(tool));
  return missing.length === 0 ? undefined : `needs ${missing.join(", ")}`;
}

function isOnPath(tool: string): boolean {
  try {
    execFileSync("sh", ["-c", `command -v ${tool}`]);
    return true;
  } catch {
    return false;
  }
}

export async function tempFolder(): Promise<string> {
  return mkdtemp(join(tmpdir(), "everboot-test-"));
}

/** A throw-away OpenPGP key in a key folder of its own. */
export class SigningKey {
  readonly keyring: string;
  private readonly home: string;

  private constructor(home: string) {
    this.home = home;
    this.keyring = join(home, "public.gpg");
  }

  static async create(): Promise<SigningKey> {
    const key = new SigningKey(await tempFolder());
    await key.gpg("--passphrase", "", "--quick-generate-key", "test archive", "ed25519", "sign", "never");
    await key.gpg("--output", key.keyring, "--export");
    return key;
  }

  async sign(folder: string): Promise<void> {
    const path = (name: string) => join(folder, name);
    await this.gpg("--output", path("InRelease"), "--clearsign", path("Release"));
    await this.gpg("--output", path("Release.gpg"), "--armor", "--detach-sign", path("Release"));
  }

  /** Writes `path`.asc, and `path`.key with the public key, as createrepo's users do. */
  async signBeside(path: string): Promise<void> {
    await this.gpg("--output", `${path}.asc`, "--armor", "--detach-sign", path);
    await this.gpg("--output", `${path}.key`, "--armor", "--export");
  }

  async remove(): Promise<void> {
    await run("gpgconf", ["--homedir", this.home, "--kill", "all"]);
    await rm(this.home, { recursive: true });
  }

  private async gpg(...args: string[]): Promise<void> {
    await run("gpg", ["--homedir", this.home, "--batch", "--yes", "--quiet", ...args]);
  }
}

export interface ArchiveOptions {
  readonly byHash?: boolean;
  readonly endings?: readonly (".gz" | ".xz" | "")[];
}

/** `bookworm` with component main: udebs below pool/udeb, as small archives have it, packages below pool/main. */
export class Archive {
  readonly root: string;
  readonly suite = "bookworm";

  private constructor(root: string) {
    this.root = root;
  }

  static async create(): Promise<Archive> {
    const archive = new Archive(await tempFolder());
    await mkdir(archive.path("pool/udeb"), { recursive: true });
    await mkdir(archive.path("pool/main"), { recursive: true });
    return archive;
  }

  path(path: string): string {
    return join(this.root, path);
  }

  read(path: string): Promise<Buffer> {
    return readFile(this.path(path));
  }

  /** Adds a package whose payload is `payload`; resolves with its path in the archive. */
  async addPackage(name: string, version: string, options: { udeb?: boolean; payload?: Uint8Array } = {}) {
    const root = await tempFolder();
    await mkdir(join(root, "DEBIAN"));
    await writeFile(join(root, "payload"), options.payload ?? `${name} ${version}`);
    const control = `Package: ${name}\nVersion: ${version}\nArchitecture: amd64\nMaintainer: t <t@t>\nDescription: t\n`;
    await writeFile(join(root, "DEBIAN/control"), control);
    const path = options.udeb ? `pool/udeb/${name}_${version}_amd64.udeb` : `pool/main/${name}_${version}_amd64.deb`;
    await run("dpkg-deb", ["-Znone", "--root-owner-group", "-b", root, this.path(path)]);
    await rm(root, { recursive: true });
    return path;
  }

  /** Writes and signs the index files of what is in the pool now. `date` is in seconds since 1970. */
  async publish(key: SigningKey, date: number, options: ArchiveOptions = {}): Promise<void> {
    const suite = this.path(`dists/${this.suite}`);
    await this.writePackages(`${suite}/main/binary-amd64`, ["packages", "pool/main"], options);
    const udebs = ["-o", "APT::FTPArchive::Packages::Extensions::=.udeb", "packages", "pool/udeb"];
    await this.writePackages(`${suite}/main/debian-installer/binary-amd64`, udebs, options);
    for (const name of ["Release", "InRelease", "Release.gpg"]) await rm(join(suite, name), { force: true });
    const { stdout } = await run("apt-ftparchive", [
      ...["Origin=Debian", "Suite=oldstable", "Codename=bookworm", "Architectures=amd64", "Components=main"].flatMap(
        (field) => ["-o", `APT::FTPArchive::Release::${field}`],
      ),
      "release",
      suite,
    ]);
    const byHash = options.byHash ? "Acquire-By-Hash: yes\n" : "";
    const text = stdout.replace(/^Date: .*$/m, `Date: ${new Date(date * 1000).toUTCString()}`);
    await writeFile(join(suite, "Release"), byHash + text);
    await key.sign(suite);
  }

  async remove(): Promise<void> {
    await rm(this.root, { recursive: true });
  }

  private async writePackages(folder: string, args: string[], options: ArchiveOptions): Promise<void> {
    await mkdir(folder, { recursive: true });
    const { stdout } = await run("apt-ftparchive", args, { cwd: this.root });
    const plain = join(folder, "Packages");
    await writeFile(plain, stdout);
    await run("gzip", ["-9nkf", plain]);
    await run("xz", ["-kf", plain]);
    const endings = options.endings ?? [".gz", ".xz", ""];
    for (const ending of [".gz", ".xz", ""] as const) {
      if (!endings.includes(ending)) await rm(plain + ending);
      else if (options.byHash) await copyByHash(plain + ending);
    }
  }
}

async function copyByHash(path: string): Promise<void> {
  const hash = createHash("sha256")
    .update(await readFile(path))
    .digest("hex");
  const target = join(dirname(path), "by-hash/SHA256", hash);
  await mkdir(dirname(target), { recursive: true });
  await cp(path, target);
}

/** An HTTP server on the loopback interface whose connections can be cut. */
class LoopbackServer {
  readonly server: Server;
  private readonly sockets = new Set<Socket>();
  private port = 0;

  constructor(handle: (request: IncomingMessage, response: ServerResponse) => Promise<void>) {
    this.server = createServer((request, response) => {
      handle(request, response).catch(() => response.destroy());
    });
    this.server.on("connection", (socket) => {
      this.sockets.add(socket);
      socket.on("close", () => this.sockets.delete(socket));
    });
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** On the port it had before, if it was started before. */
  async start(): Promise<void> {
    this.server.listen(this.port, "127.0.0.1");
    await once(this.server, "listening");
    this.port = (this.server.address() as AddressInfo).port;
  }

  /** As a killed process: connections end, new ones are refused. */
  async stop(): Promise<void> {
    if (!this.server.listening) return;
    const closed = once(this.server, "close");
    this.server.close();
    for (const socket of this.sockets) socket.destroy();
    await closed;
  }
}

/** The upstream: serves a folder, and does what upstreams do on bad days. */
export class UpstreamServer extends LoopbackServer {
  /** Paths asked for, in order. */
  readonly requests: string[] = [];
  /** The Range headers of the requests, in order. */
  readonly ranges: string[] = [];
  /** Paths whose bytes come out wrong, same in number. */
  readonly corrupted = new Set<string>();
  /** Paths that stop after half their bytes and go on with this promise. */
  readonly stalled = new Map<string, Promise<void>>();
  /** Paths whose next answers break off after so many bytes. */
  readonly cuts = new Map<string, number[]>();
  /** Does it answer Range with a part? */
  knowsRanges: boolean = true;
  /** Told each time that half of a stalled file has been sent. */
  onStall: () => void = () => {};

  constructor(folder: { readonly root: string }) {
    super(async (request, response) => {
      const path = decodeURIComponent(request.url ?? "").slice(1);
      this.requests.push(path);
      if (request.headers.range !== undefined) this.ranges.push(request.headers.range);
      const bytes = await readFile(join(folder.root, path)).catch(() => undefined);
      if (bytes === undefined) response.writeHead(404).end();
      else await this.send(path, bytes, request, response);
    });
  }

  count(path: string): number {
    return this.requests.filter((request) => request === path).length;
  }

  private async send(path: string, bytes: Buffer, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const etag = `"${createHash("sha256").update(bytes).digest("hex")}"`;
    if (request.headers["if-none-match"] === etag) {
      response.writeHead(304).end();
      return;
    }
    if (this.corrupted.has(path)) bytes[bytes.length >> 1] = ~(bytes[bytes.length >> 1] ?? 0);
    const body = this.head(bytes, request, response, etag);
    const cut = this.cuts.get(path)?.shift();
    if (cut !== undefined) {
      await new Promise((sent) => response.write(body.subarray(0, cut), sent));
      response.destroy();
      return;
    }
    await this.sendBody(path, body, response);
  }

  /** Sends the headers; returns what the body shall be. */
  private head(bytes: Buffer, request: IncomingMessage, response: ServerResponse, etag: string): Buffer {
    const start = this.knowsRanges ? Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0) : 0;
    const range = start > 0 ? { "content-range": `bytes ${start}-${bytes.length - 1}/${bytes.length}` } : {};
    response.writeHead(start > 0 ? 206 : 200, { "content-length": bytes.length - start, etag, ...range });
    return bytes.subarray(start);
  }

  private async sendBody(path: string, body: Buffer, response: ServerResponse): Promise<void> {
    const stall = this.stalled.get(path);
    if (stall !== undefined) {
      response.write(body.subarray(0, body.length >> 1));
      this.onStall();
      await stall;
      response.end(body.subarray(body.length >> 1));
    } else response.end(body);
  }
}

/** The bytes that `resolve` finds at `path`. */
export async function bytesOf(resolve: TreeResolver, path: string): Promise<Buffer> {
  const found = await resolve(path);
  assert.ok(found.kind === "file", `${path}: ${JSON.stringify(found)}`);
  const reader = new SegmentReader(found.file);
  try {
    return Buffer.from(await reader.read(0, found.file.size));
  } finally {
    await reader.close();
  }
}

const STATUS = { absent: 404, refused: 403, broken: 503 } as const;

/** The least of a server over a tree's resolver, for apt and curl. */
export function treeServer(lookup: TreeResolver): LoopbackServer {
  return new LoopbackServer(async (request, response) => {
    const found = await lookup(decodeURIComponent(request.url ?? "").slice(1));
    if (found.kind !== "file") {
      response.writeHead(STATUS[found.kind], { "content-length": 0 }).end();
      return;
    }
    const reader = new SegmentReader(found.file);
    try {
      response.writeHead(200, { "content-length": found.file.size, etag: found.file.etag });
      response.end(await reader.read(0, found.file.size));
    } finally {
      await reader.close();
    }
  });
}

/** An apt of its own below `folder`, that knows nothing but `entry`. */
export async function privateApt(folder: string, entry: string) {
  for (const path of ["lists/partial", "cache/archives/partial", "got"]) {
    await mkdir(join(folder, path), { recursive: true });
  }
  await writeFile(join(folder, "sources.list"), `${entry}\n`);
  const options = {
    "Dir::Etc::sourcelist": join(folder, "sources.list"),
    "Dir::Etc::sourceparts": "-",
    "Dir::State::lists": join(folder, "lists"),
    "Dir::State::status": "/dev/null",
    "Dir::Cache": join(folder, "cache"),
    "APT::Architecture": "amd64",
    "APT::Architectures": "amd64",
    "APT::Sandbox::User": "root",
    "Acquire::Languages": "none",
    "Acquire::http::Proxy": "DIRECT",
    "Acquire::Retries": "0",
  };
  const config = join(folder, "apt.conf");
  await writeFile(
    config,
    Object.entries(options)
      .map(([name, value]) => `${name} "${value}";\n`)
      .join(""),
  );
  const cwd = join(folder, "got");
  return {
    /** Where `download` puts files. */
    folder: cwd,
    get: (...args: string[]) =>
      run("apt-get", ["-q", ...args], { cwd, env: { ...process.env, APT_CONFIG: config, LC_ALL: "C" } }),
  };
}
