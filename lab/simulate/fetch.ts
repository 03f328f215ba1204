/** Downloads as boot clients make them: they wait out a server that is away, and go on where they were. */
import { createSocket } from "node:dgram";
import { get, type IncomingMessage, request } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { decodeTftp, encodeTftp, type TftpPacket } from "../../src/wire/tftp-packet.ts";

const PAUSE_MS = 500;
const SILENCE_MS = 5000;
const BLOCK_BYTES = 1432;

/** The server has answered, and will not give it. */
export class Refused extends Error {
  readonly status: number;
  constructor(status: number, what: string) {
    super(`${what}: ${status}`);
    this.status = status;
  }
}

/** As GNU wget does it: resumes with Range after a break, tries again after a refusal, until the signal aborts. */
export async function fetchHttp(url: string, signal: AbortSignal): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for (;;) {
    signal.throwIfAborted();
    try {
      await readOn(url, chunks, signal);
      return Buffer.concat(chunks);
    } catch (error) {
      if (error instanceof Refused && error.status < 500) throw error;
      await delay(PAUSE_MS, undefined, { signal });
    }
  }
}

function readOn(url: string, chunks: Buffer[], signal: AbortSignal): Promise<void> {
  const have = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  return new Promise((resolve, reject) => {
    const headers = have > 0 ? { range: `bytes=${have}-` } : {};
    const call = get(url, { headers, signal, agent: false, timeout: SILENCE_MS }, (response) => {
      const status = response.statusCode ?? 0;
      if (status !== (have > 0 ? 206 : 200)) return reject(new Refused(status, url));
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () => (response.complete ? resolve() : reject(new Error("cut off"))));
      response.on("error", reject);
    });
    call.on("timeout", () => call.destroy(new Error("silence")));
    call.on("error", reject);
  });
}

/** Posts until the server has answered; resolves with the status. */
export async function postHttp(url: string, signal: AbortSignal): Promise<number> {
  for (;;) {
    signal.throwIfAborted();
    try {
      const status = await post(url, signal);
      if (status < 500) return status;
    } catch {
      signal.throwIfAborted();
    }
    await delay(PAUSE_MS, undefined, { signal });
  }
}

function post(url: string, signal: AbortSignal): Promise<number> {
  return new Promise((resolve, reject) => {
    const done = (response: IncomingMessage) => {
      response.resume();
      response.on("end", () => resolve(response.statusCode ?? 0));
      response.on("error", reject);
    };
    const call = request(url, { method: "POST", signal, agent: false, timeout: SILENCE_MS }, done);
    call.on("timeout", () => call.destroy(new Error("silence")));
    call.on("error", reject);
    call.end();
  });
}

/** As firmware does it: block by block; starts the file over when the server has forgotten the transfer. */
export async function fetchTftp(server: string, path: string, signal: AbortSignal): Promise<Buffer> {
  for (;;) {
    signal.throwIfAborted();
    const file = await oneTransfer(server, path, signal);
    if (file) return file;
  }
}

async function oneTransfer(server: string, path: string, signal: AbortSignal): Promise<Buffer | undefined> {
  const socket = createSocket("udp4");
  // A refused datagram is told on the next send: the silence counts, not the refusal.
  socket.on("error", () => {});
  const blocks: Buffer[] = [];
  let say: TftpPacket = {
    kind: "read",
    path,
    mode: "octet",
    options: [{ name: "blksize", value: String(BLOCK_BYTES) }],
  };
  try {
    for (let silences = 0; silences < 10; ) {
      const packet = await ask(socket, server, say, blocks.length, signal);
      if (!packet) {
        silences += 1;
        continue;
      }
      silences = 0;
      if (packet.kind === "error") throw new Refused(packet.code, path);
      if (packet.kind === "data") blocks.push(Buffer.from(packet.data));
      say = { kind: "ack", block: blocks.length & 0xffff };
      if (packet.kind === "data" && packet.data.length < BLOCK_BYTES) {
        // Closed before it is on its way, the socket would take the last word with it.
        await new Promise((resolve) =>
          socket.send(encodeTftp({ kind: "ack", block: blocks.length & 0xffff }), 69, server, resolve),
        );
        return Buffer.concat(blocks);
      }
    }
    return undefined;
  } finally {
    socket.close();
  }
}

/** The next packet that answers `say`, or undefined after a second of silence. */
function ask(
  socket: ReturnType<typeof createSocket>,
  server: string,
  say: TftpPacket,
  have: number,
  signal: AbortSignal,
): Promise<TftpPacket | undefined> {
  return new Promise((resolve, reject) => {
    const finish = (packet: TftpPacket | undefined) => {
      clearTimeout(timer);
      socket.off("message", hear);
      signal.removeEventListener("abort", stop);
      resolve(packet);
    };
    const hear = (bytes: Buffer) => {
      const packet = decodeTftp(bytes);
      const isNext = packet.kind === "data" && packet.block === ((have + 1) & 0xffff);
      if (isNext || packet.kind === "error" || (packet.kind === "oack" && have === 0)) finish(packet);
    };
    const stop = () => reject(signal.reason);
    const timer = setTimeout(() => finish(undefined), 1000);
    signal.addEventListener("abort", stop, { once: true });
    socket.on("message", hear);
    socket.send(encodeTftp(say), 69, server);
  });
}
