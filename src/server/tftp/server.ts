/**
 * A read-only TFTP server on one address. All transfers share one socket and its port, so that a client goes on
 * talking to the same address and port when another server takes the address over.
 */
import type { Ipv4 } from "../../base/address.ts";
import { DecodeError } from "../../base/bytes.ts";
import type { Clock } from "../../base/clock.ts";
import type { Log } from "../../base/log.ts";
import type { FileResolver } from "../../content/served-file.ts";
import { type DatagramSocket, type OpenDatagramSocket, openDatagramSocket, type Peer } from "../../net/datagram.ts";
import { decodeTftp, encodeTftp, TFTP_ERROR, type TftpPacket, type TftpRequest } from "../../wire/tftp-packet.ts";
import { Counters } from "../counters.ts";
import type { Server, Transfer, TransferObserver } from "../server.ts";
import { type Body, openBody } from "./body.ts";
import { negotiate } from "./negotiate.ts";
import { judgeRequest, type Serve, type Verdict } from "./request.ts";
import { type Outcome, Session, type SessionPort } from "./session.ts";

export interface TftpOptions {
  readonly address: Ipv4;
  /** 69 unless set; 0 = any free one. */
  readonly port?: number;
  readonly resolve: FileResolver;
  readonly observer: TransferObserver;
  readonly clock: Clock;
  readonly log: Log;
  readonly openSocket?: OpenDatagramSocket;
  /** Transfers under way at once; requests past it get silence, and the client asks again. */
  readonly maxSessions?: number;
}

/**
 * Counters: `request`, `repeated-request`, `error.<reason>` (ERROR packets sent: `absent`, `refused`, `write`, `mode`),
 * `drop.<reason>` (silence: `malformed`, `no-session`, `unexpected`, `too-many-sessions`, `internal`, or the code of an
 * outage), `transfer.<outcome>` (`complete`, `silent`, `client-error`, `replaced`, `stopped`), `size-only`, `read-error`,
 * `send-error`; `sessions` is how many are under way.
 */
export interface TftpServer extends Server {
  /** The port it listens on, once started. */
  readonly port: number;
}

/** A request of one client port: looked up first, then transferred. */
interface Slot {
  readonly request: string;
  session?: Session;
}

/** A request that comes again this soon after the transfer got on is a late duplicate, not a client that restarted. */
const DUPLICATE_MS = 1000;

export function createTftpServer(options: TftpOptions): TftpServer {
  return new TftpListener(options);
}

class TftpListener implements TftpServer {
  readonly name: string;
  port: number;
  private readonly options: TftpOptions;
  private readonly log: Log;
  private readonly maxSessions: number;
  /** By `address:port` of the client. */
  private readonly slots = new Map<string, Slot>();
  private readonly counts = new Counters();
  private socket: DatagramSocket | undefined;

  constructor(options: TftpOptions) {
    this.options = options;
    this.name = `tftp ${options.address}`;
    this.port = options.port ?? 69;
    this.log = options.log.child({ server: this.name });
    this.maxSessions = options.maxSessions ?? 4096;
  }

  async start(): Promise<void> {
    const open = this.options.openSocket ?? openDatagramSocket;
    this.socket = await open("TFTP", this.options.address, this.port, {
      message: (packet, from) => this.receive(packet, from),
      error: (error) => {
        this.counts.add("send-error");
        this.log.warn({ cause: error }, "TFTP socket");
      },
    });
    this.port = this.socket.port;
  }

  async stop(): Promise<void> {
    const socket = this.socket;
    this.socket = undefined;
    for (const slot of [...this.slots.values()]) slot.session?.end({ kind: "stopped" });
    this.slots.clear();
    await socket?.close();
  }

  counters(): Readonly<Record<string, number>> {
    return { ...this.counts.snapshot(), sessions: this.slots.size };
  }

  private receive(bytes: Uint8Array, from: Peer): void {
    // A datagram without a source port (RFC 768 allows it) wants no answer.
    const packet = from.port === 0 ? undefined : this.decode(bytes);
    switch (packet?.kind) {
      case undefined:
        this.counts.add("drop.malformed");
        break;
      case "read":
      case "write":
        this.onRequest(packet, from);
        break;
      case "ack":
        this.sessionOf(from)?.handle({ kind: "ack", block: packet.block, at: this.options.clock.now() });
        break;
      case "error":
        this.sessionOf(from)?.end({ kind: "client-error", code: packet.code });
        break;
      case "data":
      case "oack":
        this.counts.add("drop.unexpected");
        break;
    }
  }

  private decode(bytes: Uint8Array): TftpPacket | undefined {
    try {
      return decodeTftp(bytes);
    } catch (error) {
      if (error instanceof DecodeError) return undefined;
      throw error;
    }
  }

  /** Packets of unknown transfers get silence, never ERROR 5: they may be those of a server that died. */
  private sessionOf(from: Peer): Session | undefined {
    const session = this.slots.get(keyOf(from))?.session;
    if (session === undefined) this.counts.add("drop.no-session");
    return session;
  }

  private onRequest(packet: TftpRequest, from: Peer): void {
    const key = keyOf(from);
    const request = JSON.stringify(packet);
    const earlier = this.slots.get(key);
    if (earlier?.request === request && this.isRepetition(earlier)) {
      this.counts.add("repeated-request");
      earlier.session?.handle({ kind: "request" });
      return;
    }
    earlier?.session?.end({ kind: "replaced" });
    if (this.slots.size >= this.maxSessions && !this.slots.has(key)) {
      this.counts.add("drop.too-many-sessions");
      return;
    }
    this.counts.add("request");
    const slot: Slot = { request };
    this.slots.set(key, slot);
    void this.answer(packet, from, slot);
  }

  private isRepetition({ session }: Slot): boolean {
    if (session === undefined || session.fresh) return true;
    return this.options.clock.now() - session.lastProgress < DUPLICATE_MS;
  }

  /** Never rejects. */
  private async answer(packet: TftpRequest, from: Peer, slot: Slot): Promise<void> {
    try {
      const verdict = await judgeRequest(packet, from.address, this.options.resolve);
      if (this.isCurrent(from, slot)) await this.carryOut(verdict, packet, from, slot);
    } catch (error) {
      this.counts.add("drop.internal");
      this.log.error({ cause: error, client: from.address, path: packet.path }, "TFTP request");
    } finally {
      if (slot.session === undefined) this.release(from, slot);
    }
  }

  private async carryOut(verdict: Verdict, packet: TftpRequest, from: Peer, slot: Slot): Promise<void> {
    switch (verdict.kind) {
      case "serve":
        await this.open(verdict, packet, from, slot);
        break;
      case "error":
        this.counts.add(`error.${verdict.reason}`);
        this.socket?.send([encodeTftp({ kind: "error", code: verdict.code, text: verdict.text })], from);
        break;
      case "drop":
        this.counts.add(`drop.${verdict.reason}`);
        break;
    }
  }

  private async open({ file, mode, path }: Serve, packet: TftpRequest, from: Peer, slot: Slot): Promise<void> {
    const body = await openBody(file, mode);
    if (!this.isCurrent(from, slot)) return body.close();
    slot.session = new Session(body, negotiate(packet.options, body.size), this.sessionPort(body, path, from, slot));
  }

  private sessionPort(body: Body, path: string, from: Peer, slot: Slot): SessionPort {
    const { clock, observer } = this.options;
    const about = { protocol: "tftp", client: from.address, path, size: body.size, started: clock.now() } as const;
    let transferring = false;
    return {
      clock,
      send: (packets) => this.socket?.send(packets, from),
      started: () => {
        transferring = true;
        observer.started(about);
      },
      unreadable: (error) => {
        this.counts.add("read-error");
        this.log.error({ cause: error, path }, "TFTP: file cannot be read");
      },
      ended: (outcome) => {
        this.counts.add(transferring || !asksSizeOnly(outcome) ? `transfer.${outcome.kind}` : "size-only");
        const bytes = slot.session?.bytesSent ?? 0;
        if (transferring) observer.ended(transferOf(about, bytes, clock.now(), outcome));
        this.release(from, slot);
      },
    };
  }

  /** False when the server has stopped, or the client has asked for something else meanwhile. */
  private isCurrent(from: Peer, slot: Slot): boolean {
    return this.slots.get(keyOf(from)) === slot;
  }

  private release(from: Peer, slot: Slot): void {
    if (this.isCurrent(from, slot)) this.slots.delete(keyOf(from));
  }
}

/** How BIOS ROMs and EDK II end a transfer of which they only want the size: with an ERROR in place of the first ACK. */
function asksSizeOnly(outcome: Outcome): boolean {
  return outcome.kind === "client-error" && outcome.code !== TFTP_ERROR.options;
}

function transferOf(
  about: Pick<Transfer, "protocol" | "client" | "path" | "size" | "started">,
  bytes: number,
  ended: number,
  outcome: Outcome,
): Transfer {
  const status = outcome.kind === "client-error" ? outcome.code : 0;
  return { ...about, bytes, ended, complete: outcome.kind === "complete", status };
}

function keyOf({ address, port }: Peer): string {
  return `${address}:${port}`;
}
