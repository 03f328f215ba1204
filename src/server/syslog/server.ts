/** Receives the installers' logs: UDP for busybox (Debian), TCP for rsyslog (Anaconda's `inst.syslog`). */
import { once } from "node:events";
import { createServer, type Server as NetServer, type Socket } from "node:net";
import { type Clock, systemClock } from "../../base/clock.ts";
import type { Log } from "../../base/log.ts";
import { type DatagramSocket, openDatagramSocket } from "../../net/datagram.ts";
import { listenError } from "../../net/listen-error.ts";
import { parseSyslog, type SyslogMessage } from "../../wire/syslog-message.ts";
import { Counters } from "../counters.ts";
import type { Server } from "../server.ts";
import { Allowance, type AllowanceOptions } from "./allowance.ts";
import { SyslogFrames } from "./frames.ts";

export interface ReceivedMessage extends SyslogMessage {
  /** IPv4 address. */
  readonly client: string;
  /** When it came, by this server's clock: an installer's own is often wrong. Milliseconds since 1970. */
  readonly at: number;
}

export interface SyslogOptions {
  readonly address: string;
  /** 514 unless set; 0 = any free one. */
  readonly port?: number;
  readonly log: Log;
  readonly clock?: Clock;
  readonly onMessage: (message: ReceivedMessage) => void;
  /** Is this address one whose lines are wanted? Absent: every one is. */
  readonly knows?: (client: string) => boolean;
  /** Connections of one client. */
  readonly maxPerClient?: number;
  /** Of all clients. */
  readonly maxConnections?: number;
  /** What each client may send. */
  readonly allowance?: AllowanceOptions;
}

/**
 * Counters: `message.udp`, `message.tcp`, `drop.stranger` (a datagram or connection of an address that is not known),
 * `drop.flood` (a line past what its client may send), `drop.too-many-connections`, `drop.too-long` (the connection is
 * closed), `socket-error`.
 */
export interface SyslogServer extends Server {
  /** The port it listens on, UDP and TCP, once started. */
  readonly port: number;
}

/** A client whose power was cut leaves its connection open; the kernel asks after it. */
const KEEP_ALIVE_MS = 60_000;
/** A machine that restarts opens one anew before the kernel has given up the old one. */
const MAX_PER_CLIENT = 16;
/** An installer's kernel log is some thousand lines; unpacking packages makes a hundred a second. */
const ALLOWANCE: AllowanceOptions = { burst: 20_000, rate: 500 };

export function createSyslogServer(options: SyslogOptions): SyslogServer {
  return new SyslogListener(options);
}

class SyslogListener implements SyslogServer {
  readonly name: string;
  port: number;
  private readonly options: SyslogOptions;
  private readonly clock: Clock;
  private readonly counts = new Counters();
  private readonly connections = new Map<Socket, string>();
  private readonly allowance: Allowance;
  private datagrams: DatagramSocket | undefined;
  private streams: NetServer | undefined;

  constructor(options: SyslogOptions) {
    this.options = options;
    this.name = `syslog ${options.address}`;
    this.port = options.port ?? 514;
    this.clock = options.clock ?? systemClock;
    this.allowance = new Allowance(options.allowance ?? ALLOWANCE);
  }

  async start(): Promise<void> {
    const { address, log } = this.options;
    this.datagrams = await openDatagramSocket("syslog", address, this.port, {
      message: (packet, from) => this.receiveDatagram(packet, from.address),
      error: (error) => {
        this.counts.add("socket-error");
        log.warn({ cause: error }, "syslog socket");
      },
    });
    this.port = this.datagrams.port;
    try {
      this.streams = await this.listen();
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  async stop(): Promise<void> {
    const { datagrams, streams } = this;
    this.datagrams = undefined;
    this.streams = undefined;
    for (const connection of this.connections.keys()) connection.destroy();
    await Promise.all([datagrams?.close(), streams && new Promise((resolve) => streams.close(resolve))]);
  }

  counters(): Readonly<Record<string, number>> {
    return this.counts.snapshot();
  }

  private async listen(): Promise<NetServer> {
    const { address, maxConnections = 4096 } = this.options;
    const server = createServer((connection) => this.accept(connection));
    server.maxConnections = maxConnections;
    server.on("drop", () => this.counts.add("drop.too-many-connections"));
    server.listen({ host: address, port: this.port, exclusive: true });
    try {
      await once(server, "listening");
    } catch (error) {
      throw listenError(error, "syslog", address, this.port);
    }
    return server;
  }

  private accept(connection: Socket): void {
    const client = connection.remoteAddress ?? "";
    const refusal = this.refusal(client);
    if (refusal !== undefined) {
      this.counts.add(refusal);
      connection.destroy();
      return;
    }
    const frames = new SyslogFrames();
    this.connections.set(connection, client);
    connection.setKeepAlive(true, KEEP_ALIVE_MS);
    connection.on("data", (chunk) => {
      const lines = frames.push(chunk);
      for (const line of lines ?? []) this.receive("tcp", line, client);
      if (lines !== undefined) return;
      this.counts.add("drop.too-long");
      connection.destroy();
    });
    connection.on("end", () => {
      for (const line of frames.end()) this.receive("tcp", line, client);
    });
    connection.on("error", () => this.counts.add("socket-error"));
    connection.on("close", () => this.connections.delete(connection));
  }

  private refusal(client: string): string | undefined {
    const { knows, maxPerClient = MAX_PER_CLIENT } = this.options;
    if (knows?.(client) === false) return "drop.stranger";
    const open = [...this.connections.values()].filter((other) => other === client).length;
    return open >= maxPerClient ? "drop.too-many-connections" : undefined;
  }

  private receiveDatagram(packet: Uint8Array, client: string): void {
    if (this.options.knows?.(client) === false) this.counts.add("drop.stranger");
    else this.receive("udp", Buffer.from(packet).toString("utf8"), client);
  }

  private receive(transport: "udp" | "tcp", line: string, client: string): void {
    const now = this.clock.now();
    if (!this.allowance.take(client, now)) {
      this.counts.add("drop.flood");
      return;
    }
    this.counts.add(`message.${transport}`);
    this.options.onMessage({ client, at: now, ...parseSyslog(line) });
  }
}
