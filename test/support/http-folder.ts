/** An HTTP server over a temporary folder, for tests: its files, what it told, and requests byte by byte. */
import { createCipheriv, createHash } from "node:crypto";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type Clock, systemClock } from "../../src/base/clock.ts";
import { silentLog } from "../../src/base/log.ts";
import { joinSegments } from "../../src/content/segments.ts";
import type { FileResolver } from "../../src/content/served-file.ts";
import type { Route } from "../../src/server/http/route.ts";
import { createHttpServer, type HttpLimits, type HttpServer } from "../../src/server/http/server.ts";
import type { Transfer, TransferObserver } from "../../src/server/server.ts";

/** Bytes that both socket buffers of a loopback connection together cannot hold. */
export const LARGE = 64 << 20;

export interface Folder {
  readonly path: string;
  /** Writes a file below the folder; returns where it is on the disk. */
  put(name: string, bytes: Uint8Array | string): Promise<string>;
}

/** `AsyncDisposable`: `await using folder = await temporaryFolder()`. */
export async function temporaryFolder(): Promise<Folder & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), "everboot-http-"));
  return {
    path,
    async put(name, bytes) {
      const where = join(path, name);
      await mkdir(dirname(where), { recursive: true });
      await writeFile(where, bytes);
      return where;
    },
    [Symbol.asyncDispose]: () => rm(path, { recursive: true }),
  };
}

/** Every regular file of the folder. It joins paths without a look: what the server lets through, it follows. */
export function folderResolver(root: string): FileResolver {
  return async (path) => {
    const where = root + path;
    const found = await stat(where).catch(() => undefined);
    if (!found?.isFile()) return { kind: "absent" };
    const about = { modified: found.mtimeMs, contentType: "application/octet-stream" };
    const identity = `${path} ${found.mtimeMs}`;
    const segments = [{ kind: "disk", path: where, offset: 0, length: found.size } as const];
    return { kind: "file", file: joinSegments(segments, { ...about, identity }) };
  };
}

export interface Recorder extends TransferObserver {
  readonly transfers: Transfer[];
  /** Starts that have no end yet. */
  open(): number;
  /** Resolves with the first end that fits. */
  next(fits: (transfer: Transfer) => boolean): Promise<Transfer>;
}

export function createRecorder(): Recorder {
  const transfers: Transfer[] = [];
  const waiting = new Set<(transfer: Transfer) => void>();
  let open = 0;
  return {
    transfers,
    open: () => open,
    started: () => {
      open += 1;
    },
    request: () => {},
    ended(transfer) {
      open -= 1;
      transfers.push(transfer);
      for (const tell of waiting) tell(transfer);
    },
    next(fits) {
      const known = transfers.find(fits);
      if (known) return Promise.resolve(known);
      return new Promise((resolve) => {
        const tell = (transfer: Transfer) => {
          if (!fits(transfer)) return;
          waiting.delete(tell);
          resolve(transfer);
        };
        waiting.add(tell);
      });
    },
  };
}

export interface TestServer extends AsyncDisposable {
  readonly server: HttpServer;
  readonly port: number;
  readonly url: string;
  readonly recorder: Recorder;
}

export interface TestServerOptions {
  /** Any free one unless set. */
  readonly port?: number;
  readonly resolve?: FileResolver;
  readonly routes?: readonly Route[];
  readonly clock?: Clock;
  readonly limits?: Partial<HttpLimits>;
}

/** Listens on 127.0.0.1; stops at the end of its `using` block. */
export async function startHttp(options: TestServerOptions): Promise<TestServer> {
  const recorder = createRecorder();
  const server = createHttpServer({
    address: "127.0.0.1",
    port: options.port ?? 0,
    resolve: options.resolve ?? (async () => ({ kind: "absent" })),
    routes: options.routes ?? [],
    observer: recorder,
    clock: options.clock ?? systemClock,
    log: silentLog,
    limits: options.limits ?? {},
  });
  await server.start();
  const { port } = server;
  return { server, port, url: `http://127.0.0.1:${port}`, recorder, [Symbol.asyncDispose]: () => server.stop() };
}

/** Sends the text as it is, and resolves with all that came until the server closed the connection. */
export function rawExchange(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => socket.write(text));
    const chunks: Buffer[] = [];
    socket.on("data", (chunk) => chunks.push(chunk));
    socket.once("close", () => resolve(Buffer.concat(chunks).toString("latin1")));
    socket.once("error", reject);
  });
}

/** A client that has sent a request and read the first bytes of the answer, no more. */
export async function stalledClient(port: number, target: string): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  socket.write(`GET ${target} HTTP/1.1\r\nHost: test\r\n\r\n`);
  await once(socket, "readable");
  return socket;
}

/** A request that closes its connection; `extra` are whole header lines. */
export function rawRequest(target: string, extra: readonly string[] = [], method = "GET"): string {
  return [`${method} ${target} HTTP/1.1`, "Host: test", "Connection: close", ...extra, "", ""].join("\r\n");
}

/** `length` bytes that look random and are the same each time. */
export function testBytes(length: number, seed = "everboot"): Buffer {
  const key = createHash("sha256").update(seed).digest().subarray(0, 16);
  return createCipheriv("aes-128-ctr", key, Buffer.alloc(16)).update(Buffer.alloc(length));
}
