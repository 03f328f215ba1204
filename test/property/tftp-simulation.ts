/** A TFTP server and clients on a simulated network with its own time: deterministic from a seed. */
import type { Ipv4 } from "../../src/base/address.ts";
import type { Clock } from "../../src/base/clock.ts";
import { silentLog } from "../../src/base/log.ts";
import type { FileResolver } from "../../src/content/served-file.ts";
import { type Burst, datagramsOf } from "../../src/net/burst.ts";
import type { Peer } from "../../src/net/datagram.ts";
import type { Transfer } from "../../src/server/server.ts";
import type { Handover } from "../../src/server/tftp/handover.ts";
import { createTftpServer, type TftpServer } from "../../src/server/tftp/server.ts";
import { decodeTftp, encodeTftp, type TftpOption, type TftpPacket } from "../../src/wire/tftp-packet.ts";
import { random } from "../support/lossy-udp.ts";

/** Shares of packets, 0 to 1, each way. */
export interface Faults {
  readonly loss: number;
  readonly duplicate: number;
  readonly reorder: number;
}

export const NO_FAULTS: Faults = { loss: 0, duplicate: 0, reorder: 0 };
const LATENCY = 1;
const LATE_BY = 6;

interface Due {
  readonly at: number;
  readonly task: () => void;
}

export class Simulation implements Clock {
  /** Requests that came to no transfer: outcome and path. */
  readonly requests: string[] = [];
  readonly transfers: Transfer[] = [];
  readonly startedPaths: string[] = [];
  /** Every packet that the server sent, before the network had its way with it. */
  readonly sent: TftpPacket[] = [];
  /** The one that has the address. */
  server: TftpServer;
  faults: Faults;
  private time = 0;
  private readonly due: Due[] = [];
  private readonly chance: () => number;
  private readonly clients = new Map<number, (packet: TftpPacket) => void>();
  private deliver: (packet: Uint8Array, from: Peer) => void = () => {};
  private readonly ears = new Map<TftpServer, (packet: Uint8Array, from: Peer) => void>();

  constructor(resolve: FileResolver, faults: Faults = NO_FAULTS, seed = 1, maxSessions = 4096) {
    this.faults = faults;
    this.chance = random(seed);
    this.server = this.createServer(resolve, { maxSessions });
  }

  /** The server is gone without a word, and another one has its address from now on. */
  async takeOver(resolve: FileResolver, handover?: Handover): Promise<void> {
    this.server = this.createServer(resolve, { handover });
    await this.server.start();
  }

  /** The address comes to a server that had it before, and has not ended. */
  comeBack(server: TftpServer): void {
    this.server = server;
    this.deliver = this.ears.get(server) ?? this.deliver;
  }

  createServer(resolve: FileResolver, more: { maxSessions?: number; handover?: Handover | undefined }): TftpServer {
    const { handover, ...limits } = more;
    const server: TftpServer = createTftpServer({
      address: "192.168.77.1" as Ipv4,
      resolve,
      clock: this,
      steady: this,
      log: silentLog,
      ...limits,
      ...(handover && { handover }),
      observer: {
        started: ({ path }) => this.startedPaths.push(path),
        ended: (transfer) => this.transfers.push(transfer),
        request: ({ outcome, path }) => this.requests.push(`${outcome} ${path}`),
      },
      openSocket: async (_protocol, _address, port, events) => {
        this.deliver = events.message;
        this.ears.set(server, events.message);
        const send = (packets: readonly Uint8Array[], to: Peer) => {
          if (this.server === server) this.fromServer(packets, to);
        };
        const sendBurst = (burst: Burst, to: Peer) => send(datagramsOf(burst), to);
        return { port, send, sendBurst, close: async () => {} };
      },
    });
    return server;
  }

  now(): number {
    return this.time;
  }

  after(ms: number, task: () => void): { cancel(): void } {
    const entry = { at: this.time + ms, task };
    const place = this.due.findLastIndex(({ at }) => at <= entry.at) + 1;
    this.due.splice(place, 0, entry);
    return {
      cancel: () => {
        const index = this.due.indexOf(entry);
        if (index >= 0) this.due.splice(index, 1);
      },
    };
  }

  listen(port: number, receive: (packet: TftpPacket) => void): void {
    this.clients.set(port, receive);
  }

  toServer(port: number, packet: TftpPacket | Uint8Array): void {
    const bytes = packet instanceof Uint8Array ? packet : encodeTftp(packet);
    this.carry(() => this.deliver(bytes, { address: "192.168.77.101", port }));
  }

  /** Lets time pass until nothing is due any more, or `until` holds, or the deadline is over. */
  async run(until: () => boolean = () => false, deadline = Number.POSITIVE_INFINITY): Promise<void> {
    for (;;) {
      await new Promise(setImmediate); // reads of the server come to their end
      const next = this.due[0];
      if (next === undefined || until() || next.at > deadline) return;
      this.due.shift();
      this.time = next.at;
      next.task();
    }
  }

  private fromServer(packets: readonly Uint8Array[], to: Peer): void {
    for (const bytes of packets) {
      this.sent.push(decodeTftp(bytes));
      this.carry(() => this.clients.get(to.port)?.(decodeTftp(bytes)));
    }
  }

  private carry(arrive: () => void): void {
    const copies = this.chance() < this.faults.duplicate ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) {
      if (this.chance() < this.faults.loss) continue;
      this.after(LATENCY + (this.chance() < this.faults.reorder ? this.chance() * LATE_BY : 0), arrive);
    }
  }
}

export interface ClientOptions {
  readonly port: number;
  readonly path: string;
  readonly mode?: string;
  readonly options: readonly TftpOption[];
  /** Acknowledges every block that it does not expect, as EDK II; else one for each gap. */
  readonly eager?: boolean;
}

/** A client after RFC 1350 and 7440; it sends its last packet again after a second of silence. */
export class SimulatedClient {
  done: boolean = false;
  error: number | undefined;
  private readonly simulation: Simulation;
  private readonly options: ClientOptions;
  private readonly received: Uint8Array[] = [];
  private blockSize = 512;
  private windowSize = 1;
  private expected = 1;
  private sinceAck = 0;
  private gapReported = false;
  private lastSent: TftpPacket;
  private timer: { cancel(): void };

  constructor(simulation: Simulation, options: ClientOptions) {
    this.simulation = simulation;
    this.options = options;
    simulation.listen(options.port, (packet) => this.receive(packet));
    const { path, mode = "octet" } = options;
    this.lastSent = { kind: "read", path, mode, options: options.options };
    this.timer = simulation.after(0, () => this.send(this.lastSent));
  }

  get bytes(): Uint8Array {
    return Buffer.concat(this.received);
  }

  private receive(packet: TftpPacket): void {
    if (packet.kind === "error") {
      this.error = packet.code;
      this.finish();
    } else if (packet.kind === "oack") this.onOack(packet.options);
    else if (packet.kind === "data") this.onData(packet.block, packet.data);
  }

  private onOack(options: readonly TftpOption[]): void {
    if (this.expected > 1 || this.sinceAck > 0) return;
    const value = (name: string) => Number(options.find((option) => option.name === name)?.value);
    this.blockSize = value("blksize") || 512;
    this.windowSize = value("windowsize") || 1;
    this.acknowledge();
  }

  private onData(block: number, data: Uint8Array): void {
    if (block !== (this.expected & 0xffff)) {
      if (this.options.eager || this.windowSize === 1 || !this.gapReported) this.acknowledge();
      this.gapReported = true;
      return;
    }
    this.gapReported = false;
    this.received.push(data.slice());
    this.expected++;
    this.sinceAck++;
    const short = data.length < this.blockSize;
    if (short || this.sinceAck === this.windowSize) this.acknowledge();
    if (short) this.finish();
  }

  private acknowledge(): void {
    this.sinceAck = 0;
    this.send({ kind: "ack", block: (this.expected - 1) & 0xffff });
  }

  private send(packet: TftpPacket): void {
    this.lastSent = packet;
    this.timer.cancel();
    this.simulation.toServer(this.options.port, packet);
    if (!this.done) this.timer = this.simulation.after(1000, () => this.send(packet));
  }

  private finish(): void {
    this.done = true;
    this.timer.cancel();
  }
}
