/**
 * A read-only TFTP server on one address. All transfers share one socket and its port, so that a client goes on
 * talking to the same address and port when another server takes the address over.
 */
import type { Ipv4 } from "../../base/address.ts";
import { DecodeError } from "../../base/bytes.ts";
import { type Clock, steadyClock } from "../../base/clock.ts";
import type { Log } from "../../base/log.ts";
import type { FileResolver } from "../../content/served-file.ts";
import type { BurstSocket } from "../../net/burst.ts";
import type { Peer } from "../../net/datagram.ts";
import { type OpenBurstSocket, openBurstSocket } from "../../net/udp-batch.ts";
import type { TftpSession } from "../../wire/peer-message.ts";
import { decodeTftp, encodeTftp, type TftpPacket, type TftpRequest } from "../../wire/tftp-packet.ts";
import { Counters } from "../counters.ts";
import { Histogram, TRANSFER_BOUNDS } from "../histogram.ts";
import type { NamedDurations, Server, TransferObserver } from "../server.ts";
import { describeSession, type Handover, placeAck, requestOf, TELL_EVERY, termsOf } from "./handover.ts";
import { negotiate, type Terms } from "./negotiate.ts";
import { TransferReport } from "./report.ts";
import { judgeRequest, normalisePath, type Serve, type Verdict } from "./request.ts";
import { Session, type SessionPort } from "./session.ts";
import { type PiecedBody, SharedBodies } from "./shared-body.ts";
import { Slots } from "./slots.ts";

export interface TftpOptions {
  readonly address: Ipv4;
  /** 69 unless set; 0 = any free one. */
  readonly port?: number;
  readonly resolve: FileResolver;
  readonly observer: TransferObserver;
  readonly clock: Clock;
  /** Measures round trips, with fractions of milliseconds; `clock` gives the times that are told. */
  readonly steady?: Clock;
  readonly log: Log;
  readonly openSocket?: OpenBurstSocket;
  /** Absent = transfers end with their server. */
  readonly handover?: Handover;
  /** Transfers under way at once; requests past it get silence, and the client asks again. */
  readonly maxSessions?: number;
}

/**
 * Counters: `request`, `repeated-request`, `error.<reason>` (ERROR packets sent: `absent`, `refused`, `write`, `mode`),
 * `drop.<reason>` (silence: `malformed`, `no-session`, `unexpected`, `too-many-sessions`, `other-version`, `internal`, or
 * the code of an outage), `adopted`, `transfer.<outcome>` (`complete`, `silent`, `client-error`, `replaced`, `moved`,
 * `stopped`), `size-only`, `read-error`, `send-error`; `packet-bytes` of all that was sent in transfers, repetitions too;
 * `sessions` is how many are under way. Durations: `transfer`, of those that reached their end, as far as made here.
 */
export interface TftpServer extends Server {
  /** The port it listens on, once started. */
  readonly port: number;
  /** The transfers under way, as heirs need them. */
  sessions(): readonly TftpSession[];
  /** Ends them without a word: the address has moved to another server. */
  letGo(): void;
}

/** A request of one client port: looked up first, then transferred. */
interface Slot {
  /** As JSON; empty when another server got it. */
  readonly request: string;
  session?: Session;
  /** What heirs are told, its last position included. */
  told?: TftpSession;
}

/** What a transfer is made of; `acked` only when another server began it. */
interface Beginning {
  readonly verdict: Serve;
  readonly body: PiecedBody;
  readonly terms: Terms;
  readonly acked?: number;
}

/** A transfer of another server, of which the client has acknowledged the blocks up to `acked`. */
interface Adoption {
  readonly session: TftpSession;
  readonly acked: number;
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
  private readonly slots = new Slots<Slot>();
  private readonly steady: Clock;
  private readonly bodies = new SharedBodies();
  private readonly counts = new Counters();
  private readonly transferTimes = new Histogram(TRANSFER_BOUNDS);
  private socket: BurstSocket | undefined;

  constructor(options: TftpOptions) {
    this.options = options;
    this.name = `tftp ${options.address}`;
    this.port = options.port ?? 69;
    this.log = options.log.child({ server: this.name });
    this.maxSessions = options.maxSessions ?? 4096;
    this.steady = options.steady ?? steadyClock;
  }

  async start(): Promise<void> {
    const open = this.options.openSocket ?? openBurstSocket;
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
    this.endAll("stopped");
    await socket?.close();
  }

  counters(): Readonly<Record<string, number>> {
    return { ...this.counts.snapshot(), sessions: this.slots.size };
  }

  durations(): NamedDurations {
    return [["transfer", this.transferTimes.snapshot()]];
  }

  sessions(): readonly TftpSession[] {
    return this.slots
      .values()
      .flatMap(({ told, session }) => (told && session ? [{ ...told, acked: session.acked, pace: session.pace }] : []));
  }

  letGo(): void {
    this.endAll("moved");
  }

  private endAll(kind: "moved" | "stopped"): void {
    for (const slot of this.slots.values()) slot.session?.end({ kind });
    this.slots.clear();
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
        this.onAck(packet.block, from);
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

  private onAck(block: number, from: Peer): void {
    const slot = this.slots.get(from);
    const session = slot?.session;
    const isStrange = slot === undefined || (session !== undefined && !session.hasSent(block));
    if (isStrange && this.adopt(block, from, session)) return;
    this.sessionOf(from)?.onAck(block);
    if (slot) this.tellAgain(slot);
  }

  /**
   * Goes on with the transfer of another server; false if this is none that is known. `own`: as far as this server knows
   * it, while the other one, that had the address too for a moment, has brought the client further.
   */
  private adopt(block: number, from: Peer, own?: Session): boolean {
    const { address, handover } = this.options;
    const known = handover?.find({ address, port: this.port }, from);
    const acked = known && placeAck(known, block);
    if (known === undefined || acked === undefined || this.slots.size >= this.maxSessions) return false;
    if (own && acked <= own.acked) return false;
    own?.end({ kind: "moved" });
    const slot: Slot = { request: "" };
    this.slots.set(from, slot);
    void this.answer(requestOf(known.session), from, slot, { session: known.session, acked });
    return true;
  }

  /** Packets of unknown transfers get silence, never ERROR 5: they may be those of a server that died. */
  private sessionOf(from: Peer): Session | undefined {
    const session = this.slots.get(from)?.session;
    if (session === undefined) this.counts.add("drop.no-session");
    return session;
  }

  private onRequest(packet: TftpRequest, from: Peer): void {
    const request = JSON.stringify(packet);
    const earlier = this.slots.get(from);
    if (earlier?.request === request && this.isRepetition(earlier)) {
      this.counts.add("repeated-request");
      earlier.session?.onRequest();
      return;
    }
    earlier?.session?.end({ kind: "replaced" });
    if (this.slots.size >= this.maxSessions && !this.slots.has(from)) {
      this.counts.add("drop.too-many-sessions");
      return;
    }
    this.counts.add("request");
    const slot: Slot = { request };
    this.slots.set(from, slot);
    void this.answer(packet, from, slot);
  }

  private isRepetition({ session }: Slot): boolean {
    if (session === undefined || session.fresh) return true;
    return this.steady.now() - session.lastProgress < DUPLICATE_MS;
  }

  /** Never rejects. */
  private async answer(packet: TftpRequest, from: Peer, slot: Slot, adoption?: Adoption): Promise<void> {
    try {
      const verdict = await judgeRequest(packet, from.address, this.options.resolve);
      if (!this.isCurrent(from, slot)) return;
      if (adoption) await this.goOn(verdict, adoption, from, slot);
      else await this.carryOut(verdict, packet, from, slot);
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
        if (verdict.reason === "absent") this.tellAbsent(normalisePath(packet.path) ?? "", from);
        this.socket?.send([encodeTftp({ kind: "error", code: verdict.code, text: verdict.text })], from);
        break;
      case "drop":
        this.counts.add(`drop.${verdict.reason}`);
        break;
    }
  }

  private tellAbsent(path: string, { address: client }: Peer): void {
    const { clock, observer } = this.options;
    observer.request({ protocol: "tftp", client, path, at: clock.now(), outcome: "absent" });
  }

  /** Anything but the very same file is silence: the client tries anew in its own time. */
  private async goOn(verdict: Verdict, { session, acked }: Adoption, from: Peer, slot: Slot): Promise<void> {
    if (verdict.kind !== "serve" || verdict.file.etag !== session.etag) {
      this.counts.add("drop.other-version");
      return;
    }
    const body = await this.bodies.take(verdict.file, verdict.mode);
    if (!this.isCurrent(from, slot)) return body.close();
    this.counts.add("adopted");
    this.begin({ verdict, body, terms: termsOf(session), acked }, from, slot);
  }

  private async open(verdict: Serve, packet: TftpRequest, from: Peer, slot: Slot): Promise<void> {
    const body = await this.bodies.take(verdict.file, verdict.mode);
    if (!this.isCurrent(from, slot)) return body.close();
    this.begin({ verdict, body, terms: negotiate(packet.options, body.size) }, from, slot);
  }

  /** Heirs hear of it before the client does: what a client has begun, they can go on with. */
  private begin(beginning: Beginning, from: Peer, slot: Slot): void {
    const { verdict, body, terms, acked } = beginning;
    const server = { address: this.options.address, port: this.port };
    slot.told = describeSession(verdict, body.size, terms, { server, client: from, acked: acked ?? 0 });
    this.options.handover?.tell(slot.told);
    slot.session = new Session(body, terms, this.sessionPort(beginning, from, slot), acked);
  }

  private tellAgain(slot: Slot): void {
    const { session, told } = slot;
    if (!session || !told || session.acked - told.acked < TELL_EVERY) return;
    slot.told = { ...told, acked: session.acked, pace: session.pace };
    this.options.handover?.tell(slot.told);
  }

  private sessionPort({ verdict, body, acked }: Beginning, from: Peer, slot: Slot): SessionPort {
    const { clock, observer } = this.options;
    const { path } = verdict;
    const about = { protocol: "tftp", client: from.address, path, size: body.size, started: clock.now() } as const;
    const report = new TransferReport(about, observer, this.counts, this.transferTimes);
    if (acked !== undefined) report.started();
    return {
      clock: this.steady,
      send: (packet) => {
        report.sent(packet.length);
        this.socket?.send([packet], from);
      },
      sendBlocks: (burst) => {
        report.sent(burst.headers.length + burst.bytes.length);
        this.socket?.sendBurst(burst, from);
      },
      started: () => report.started(),
      unreadable: (error) => {
        this.counts.add("read-error");
        this.log.error({ cause: error, path }, "TFTP: file cannot be read");
      },
      ended: (outcome) => {
        report.ended(outcome, slot.session?.bytesSent ?? 0, clock.now());
        this.release(from, slot);
      },
    };
  }

  /** False when the server has stopped, or the client has asked for something else meanwhile. */
  private isCurrent(from: Peer, slot: Slot): boolean {
    return this.slots.get(from) === slot;
  }

  private release(from: Peer, slot: Slot): void {
    if (this.isCurrent(from, slot)) this.slots.delete(from);
  }
}
