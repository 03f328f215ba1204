/** Downloads by TFTP as firmware makes them: block by block, over one port to one port. */
import { createSocket, type Socket } from "node:dgram";
import { DecodeError } from "../../src/base/bytes.ts";
import { decodeTftp, encodeTftp, type TftpPacket } from "../../src/wire/tftp-packet.ts";
import { type Caller, Refused } from "./http.ts";
import { OutOfPatience, TFTP } from "./patience.ts";

const PORT = 69;
/** iPXE's, and that of most ROMs: an Ethernet frame without its headers. */
const BLOCK_BYTES = 1432;

/** Rejects with Refused at the server's ERROR, with OutOfPatience when it stays silent. */
export function fetchTftp(server: string, path: string, caller: Caller): Promise<Buffer> {
  return new Download(server, path, caller).result.promise;
}

/**
 * Thousands of these share the processors with the servers that they are to measure: a block costs a timer that is set
 * back and a datagram on a connected socket, no promise and no name to be resolved.
 */
class Download {
  readonly result: PromiseWithResolvers<Buffer> = Promise.withResolvers();
  private readonly server: string;
  private readonly path: string;
  private readonly signal: AbortSignal;
  private readonly socket: Socket;
  private timer: NodeJS.Timeout | undefined;
  private readonly blocks: Uint8Array[] = [];
  /** What is repeated until it is answered, and how often it was said. */
  private said: Uint8Array;
  private tries = 0;

  constructor(server: string, path: string, { from, signal }: Caller) {
    this.server = server;
    this.path = path;
    this.signal = signal;
    const options = [{ name: "blksize", value: String(BLOCK_BYTES) }];
    this.said = encodeTftp({ kind: "read", path, mode: "octet", options });
    this.socket = createSocket({ type: "udp4", lookup: (host, _options, done) => done(null, host, 4) });
    // A refused datagram is told on the next send: the silence counts, not the refusal. But without an address of its
    // own nothing is sent at all.
    this.socket.on("error", (error) => this.timer ?? this.fail(error));
    this.socket.on("message", (bytes) => this.hear(bytes));
    this.socket.bind(0, from ?? "0.0.0.0", () => this.socket.connect(PORT, server, () => this.say()));
    signal.addEventListener("abort", this.abort, { once: true });
    if (signal.aborted) this.abort();
  }

  private readonly abort = () => this.fail(this.signal.reason);

  /** Says it, once more if it was not answered. */
  private say(): void {
    if (this.tries === TFTP.tries) {
      this.fail(new OutOfPatience(`no TFTP answer of ${this.server}`));
      return;
    }
    this.tries += 1;
    if (this.timer) this.timer.refresh();
    else this.timer = setTimeout(() => this.say(), TFTP.waitMs);
    this.socket.send(this.said);
  }

  private hear(bytes: Uint8Array): void {
    const packet = decoded(bytes);
    if (packet?.kind === "data") this.take(packet.block, packet.data);
    else if (packet?.kind === "error") this.fail(new Refused(packet.code, this.path));
    else if (packet?.kind === "oack" && this.blocks.length === 0) this.acknowledge(0);
  }

  /** Any block but the next one is an old one come late. */
  private take(block: number, data: Uint8Array): void {
    if (block !== ((this.blocks.length + 1) & 0xffff)) return;
    this.blocks.push(data);
    if (data.length === BLOCK_BYTES) this.acknowledge(block);
    // Closed before it is on its way, the socket would take the last word with it.
    else this.socket.send(encodeTftp({ kind: "ack", block }), () => this.end());
  }

  private acknowledge(block: number): void {
    this.said = encodeTftp({ kind: "ack", block });
    this.tries = 0;
    this.say();
  }

  private fail(why: unknown): void {
    this.result.reject(why);
    this.close();
  }

  private end(): void {
    this.result.resolve(Buffer.concat(this.blocks));
    this.close();
  }

  private close(): void {
    clearTimeout(this.timer);
    this.signal.removeEventListener("abort", this.abort);
    this.socket.removeAllListeners("message");
    this.socket.close();
  }
}

function decoded(bytes: Uint8Array): TftpPacket | undefined {
  try {
    return decodeTftp(bytes);
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}
