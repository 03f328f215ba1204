/** DNS over TCP (RFC 7766): several questions a connection, each answered when its answer is there. */
import { once } from "node:events";
import { createServer, type Server as NetServer, type Socket } from "node:net";
import { type Ipv4, parseIpv4 } from "../../base/address.ts";
import { listenError } from "../../net/listen-error.ts";
import { DnsFrames, frameDns } from "./frames.ts";

export interface StreamOptions {
  readonly address: string;
  readonly port: number;
  /** Milliseconds without a byte either way, after which a connection is closed. */
  readonly idleMs: number;
  /** Connections at a time: of all clients, and of one. */
  readonly maxConnections: number;
  readonly maxPerClient: number;
}

export interface StreamEvents {
  /** Resolves with the reply, or with `undefined` when there is to be none; never rejects. */
  answer(message: Uint8Array, client: Ipv4): Promise<Uint8Array | undefined>;
  /** A connection was closed at once: there are too many. */
  refused(): void;
  error(error: Error): void;
}

/** Questions of one connection that wait for their answers; its client's next ones are not read meanwhile. */
const MOST_WAITING = 32;

export class DnsStreams {
  private readonly options: StreamOptions;
  private readonly events: StreamEvents;
  private readonly connections = new Map<Socket, Ipv4>();
  private readonly server: NetServer;

  constructor(options: StreamOptions, events: StreamEvents) {
    this.options = options;
    this.events = events;
    // A client may close its side when it has asked all.
    this.server = createServer({ allowHalfOpen: true }, (socket) => this.accept(socket));
    this.server.maxConnections = options.maxConnections;
    this.server.on("drop", () => events.refused());
  }

  /** Rejects with EverbootError `port-in-use` or `port-denied`. */
  async listen(): Promise<void> {
    const { address, port } = this.options;
    this.server.listen({ host: address, port, exclusive: true });
    try {
      await once(this.server, "listening");
    } catch (error) {
      throw listenError(error, "DNS", address, port);
    }
  }

  /** Connections with it. Also when it never listened. */
  close(): Promise<void> {
    for (const socket of this.connections.keys()) socket.destroy();
    return new Promise((resolve) => this.server.close(() => resolve()));
  }

  private accept(socket: Socket): void {
    const client = parseIpv4(socket.remoteAddress ?? "");
    const open = [...this.connections.values()].filter((other) => other === client).length;
    // Without an address it has gone already.
    if (client === undefined || open >= this.options.maxPerClient) {
      this.events.refused();
      socket.destroy();
      return;
    }
    this.connections.set(socket, client);
    socket.setTimeout(this.options.idleMs, () => socket.destroy());
    socket.on("error", (error) => this.events.error(error));
    socket.on("close", () => this.connections.delete(socket));
    new Conversation(socket, (message) => this.events.answer(message, client)).begin();
  }
}

class Conversation {
  private readonly socket: Socket;
  private readonly answer: (message: Uint8Array) => Promise<Uint8Array | undefined>;
  private readonly frames = new DnsFrames();
  private waiting = 0;
  private hasAskedAll: boolean = false;

  constructor(socket: Socket, answer: (message: Uint8Array) => Promise<Uint8Array | undefined>) {
    this.socket = socket;
    this.answer = answer;
  }

  begin(): void {
    this.socket.on("data", (chunk) => {
      for (const message of this.frames.push(chunk)) void this.converse(message);
    });
    this.socket.on("drain", () => this.readOn());
    this.socket.on("end", () => {
      this.hasAskedAll = true;
      this.endIfDone();
    });
  }

  private async converse(message: Uint8Array): Promise<void> {
    this.waiting += 1;
    if (this.waiting >= MOST_WAITING) this.socket.pause();
    const reply = await this.answer(message);
    this.waiting -= 1;
    if (this.socket.destroyed) return;
    if (reply && !this.socket.write(frameDns(reply))) this.socket.pause();
    this.readOn();
    this.endIfDone();
  }

  /** A client that does not take its answers gets no more of them. */
  private readOn(): void {
    if (this.waiting < MOST_WAITING && !this.socket.writableNeedDrain) this.socket.resume();
  }

  private endIfDone(): void {
    if (this.hasAskedAll && this.waiting === 0) this.socket.end();
  }
}
