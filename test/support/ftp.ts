/** An FTP server over a folder, and a client that says what a test wants said, line by line. */
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { type Clock, systemClock } from "../../src/base/clock.ts";
import { silentLog } from "../../src/base/log.ts";
import { folderResolver } from "../../src/content/folder.ts";
import type { FileResolver } from "../../src/content/served-file.ts";
import { diskFolder } from "../../src/server/ftp/disk-folder.ts";
import type { FolderResolver } from "../../src/server/ftp/folders.ts";
import { createFtpServer, type FtpLimits, type FtpServer } from "../../src/server/ftp/server.ts";
import { createRecorder, type Folder, type Recorder, testBytes } from "./http-folder.ts";

export interface FtpTestOptions {
  /** The folder that is served. */
  readonly root: string;
  readonly port?: number;
  /** In place of the folder's own. */
  readonly files?: FileResolver;
  readonly folders?: FolderResolver;
  readonly clock?: Clock;
  readonly limits?: Partial<FtpLimits>;
}

export interface FtpTestServer extends AsyncDisposable {
  readonly server: FtpServer;
  readonly port: number;
  readonly url: string;
  readonly recorder: Recorder;
}

/** A package whose name servers and clients must not take apart. */
export const PACKAGE = "a b+c~1.deb";

/** A small tree, below `www` of the folder. */
export async function servedTree(folder: Folder) {
  const [bytes, kernel] = [testBytes(3000), testBytes(1_500_000, "kernel")];
  await folder.put(`www/pool/main/${PACKAGE}`, bytes);
  await folder.put("www/dists/vmlinuz", kernel);
  await folder.put("www/dists/stable/Release", "Suite: stable\n");
  return { root: join(folder.path, "www"), bytes, kernel };
}

export function folderFiles(root: string): FileResolver {
  const lookup = folderResolver(root);
  return (path) => lookup(path.slice(1));
}

export function folderFolders(root: string): FolderResolver {
  return (path) => diskFolder(root, path.slice(1));
}

/** Listens on 127.0.0.1; stops at the end of its `using` block. */
export async function startFtp(options: FtpTestOptions): Promise<FtpTestServer> {
  const recorder = createRecorder();
  const server = createFtpServer({
    address: "127.0.0.1",
    port: options.port ?? 0,
    passivePorts: { first: 0, last: 0 },
    activePort: 0,
    files: options.files ?? folderFiles(options.root),
    folders: options.folders ?? folderFolders(options.root),
    observer: recorder,
    clock: options.clock ?? systemClock,
    log: silentLog,
    limits: options.limits ?? {},
  });
  await server.start();
  const { port } = server;
  return { server, port, url: `ftp://127.0.0.1:${port}`, recorder, [Symbol.asyncDispose]: () => server.stop() };
}

export interface FtpReply {
  /** Undefined when the server closed the connection before a whole reply. */
  readonly code: number | undefined;
  /** All its lines, without their ends. */
  readonly lines: readonly string[];
}

/** A control connection. */
export class FtpTalk implements AsyncDisposable {
  readonly socket: Socket;
  private readonly lines: string[] = [];
  private rest = "";
  private isClosed: boolean = false;
  private wake: () => void = () => undefined;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.setEncoding("utf8");
    socket.on("error", () => undefined);
    socket.on("data", (text: string) => this.hear(text));
    socket.once("close", () => {
      this.isClosed = true;
      this.wake();
    });
  }

  /** After the greeting. */
  static async open(port: number): Promise<FtpTalk> {
    const socket = connect(port, "127.0.0.1");
    await once(socket, "connect");
    const talk = new FtpTalk(socket);
    await talk.reply();
    return talk;
  }

  /** Logged in. */
  static async enter(port: number): Promise<FtpTalk> {
    const talk = await FtpTalk.open(port);
    await talk.ask("USER anonymous");
    await talk.ask("PASS test@");
    return talk;
  }

  say(line: string): void {
    this.socket.write(`${line}\r\n`);
  }

  async reply(): Promise<FtpReply> {
    const [first = "", ...more] = [await this.line()];
    const code = /^(\d{3})[ -]/.exec(first)?.[1];
    if (code === undefined) return { code: undefined, lines: [] };
    const lines = [first, ...more];
    while (!lines.at(-1)?.startsWith(`${code} `)) lines.push((await this.line()) ?? `${code} `);
    return { code: Number(code), lines };
  }

  ask(line: string): Promise<FtpReply> {
    this.say(line);
    return this.reply();
  }

  async code(line: string): Promise<number | undefined> {
    return (await this.ask(line)).code;
  }

  /** By EPSV; connected. */
  async passive(): Promise<Socket> {
    const { lines } = await this.ask("EPSV");
    const socket = connect(Number(/\|\|\|(\d+)\|/.exec(lines[0] ?? "")?.[1]), "127.0.0.1");
    socket.on("error", () => undefined);
    await once(socket, "connect");
    return socket;
  }

  /** All that a command sends on a passive data connection, and its replies' codes. */
  async fetch(command: string): Promise<{ readonly bytes: Buffer; readonly codes: (number | undefined)[] }> {
    const socket = await this.passive();
    const first = await this.code(command);
    if (first !== 150) {
      socket.destroy();
      return { bytes: Buffer.alloc(0), codes: [first] };
    }
    const bytes = await buffer(socket);
    return { bytes, codes: [first, (await this.reply()).code] };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.destroy();
    if (!this.isClosed) await once(this.socket, "close");
  }

  private hear(text: string): void {
    const lines = (this.rest + text).split("\r\n");
    this.rest = lines.pop() ?? "";
    this.lines.push(...lines);
    this.wake();
  }

  /** Undefined when there will be no more. */
  private async line(): Promise<string | undefined> {
    while (this.lines.length === 0 && !this.isClosed) {
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
    return this.lines.shift();
  }
}

/** Waits for the server's data connection at a port of its own. */
export async function awaitData(): Promise<
  AsyncDisposable & { readonly port: number; readonly socket: Promise<Socket> }
> {
  const server = createServer();
  const arrival = Promise.withResolvers<Socket>();
  server.once("connection", arrival.resolve);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const bound = server.address();
  const port = bound === null || typeof bound === "string" ? 0 : bound.port;
  return { port, socket: arrival.promise, [Symbol.asyncDispose]: async () => void server.close() };
}
