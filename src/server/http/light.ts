/**
 * Connections whose requests are plain ones for files: read and answered on the bare socket, in a fifth of the time that
 * node:http takes. At the first request that is anything else the connection goes to node:http, and stays there.
 */
import type { Socket } from "node:net";
import type { Clock } from "../../base/clock.ts";
import type { SendCalls } from "../../net/sendfile.ts";
import { clientOf, type Incoming } from "./decide.ts";
import type { Exchanges } from "./exchange.ts";
import { LightReply } from "./light-reply.ts";
import { type PlainHead, parseHead } from "./parse-head.ts";

export interface LightLimits {
  /** Milliseconds, as those of HttpLimits. */
  readonly head: number;
  readonly idle: number;
  readonly stall: number;
}

export interface LightOptions {
  readonly exchanges: Exchanges;
  readonly limits: LightLimits;
  readonly clock: Clock;
  /** Takes over a connection with what was read of it and not answered. */
  readonly handOver: (socket: Socket, unread: Buffer | undefined) => void;
}

/** What a client may send ahead, in bytes: some 32 requests. The rest stays in its send queue. */
const MOST_AHEAD = 16 << 10;
const LONGEST_CHECK_INTERVAL = 5000;

/** What a connection does, and since when, so that a look now and then tells which ones to close. */
type State = "fresh" | "idle" | "busy";

export class LightConnections {
  /** Undefined: everything is written by Node. */
  calls: SendCalls | undefined;
  private readonly options: LightOptions;
  private readonly open = new Set<LightConnection>();
  private closing: boolean = false;
  private isWatching: boolean = false;

  constructor(options: LightOptions) {
    this.options = options;
  }

  add(socket: Socket): void {
    const connection: LightConnection = new LightConnection(socket, {
      ...this.options,
      calls: this.calls,
      isClosing: () => this.closing,
      left: () => this.open.delete(connection),
    });
    this.open.add(connection);
    this.watch();
  }

  /** From now on a connection closes as soon as everything asked on it is answered. */
  closeWhenIdle(): void {
    this.closing = true;
    for (const connection of this.open) connection.closeIfIdle();
  }

  closeAll(): void {
    for (const connection of this.open) connection.destroy();
  }

  private watch(): void {
    if (this.isWatching) return;
    this.isWatching = true;
    const { limits, clock } = this.options;
    clock.after(Math.min(limits.head, limits.idle, limits.stall, LONGEST_CHECK_INTERVAL), () => {
      this.isWatching = false;
      const now = clock.now();
      for (const connection of this.open) connection.check(now);
      if (this.open.size > 0) this.watch();
    });
  }
}

interface Surroundings extends LightOptions {
  readonly calls: SendCalls | undefined;
  readonly isClosing: () => boolean;
  readonly left: () => void;
}

class LightConnection {
  private readonly socket: Socket;
  private readonly about: Surroundings;
  private readonly client: string;
  private unread: Buffer | undefined;
  private state: State = "fresh";
  private hasEnded: boolean = false;
  /** When it came into its state, or moved on in it. */
  private since: number;
  private readonly onData = (chunk: Buffer) => this.take(chunk);
  private readonly onEnd = () => this.ended();
  private readonly onClose = () => this.about.left();
  private readonly onError = () => {};

  constructor(socket: Socket, about: Surroundings) {
    this.socket = socket;
    this.about = about;
    this.client = clientOf(socket);
    this.since = about.clock.now();
    socket.on("data", this.onData).on("end", this.onEnd).on("close", this.onClose).on("error", this.onError);
  }

  /** Called now and then. */
  check(now: number): void {
    const { limits } = this.about;
    const waited = now - this.since;
    if (this.state === "fresh" && waited >= limits.head) this.handOver();
    else if (this.state === "idle" && waited >= limits.idle) this.socket.destroySoon();
    else if (this.state === "busy" && waited >= limits.stall) this.socket.destroy();
  }

  closeIfIdle(): void {
    if (this.state !== "busy") this.socket.destroySoon();
  }

  destroy(): void {
    this.socket.destroy();
  }

  private take(chunk: Buffer): void {
    this.unread = this.unread ? Buffer.concat([this.unread, chunk]) : chunk;
    if (this.state !== "busy") this.next();
    else if (this.unread.length > MOST_AHEAD) this.socket.pause();
  }

  private ended(): void {
    this.hasEnded = true;
    if (this.state !== "busy") this.socket.end();
  }

  /** The next request, if there is one. */
  private next(): void {
    const { unread } = this;
    if (!unread) return;
    const head = parseHead(unread);
    if (head.kind !== "plain") {
      this.handOver();
      return;
    }
    this.unread = head.length < unread.length ? unread.subarray(head.length) : undefined;
    this.enter("busy");
    void this.answer(head);
  }

  private async answer(head: PlainHead): Promise<void> {
    const { socket, about, client } = this;
    const { exchanges, calls, clock, limits } = about;
    const isLast = !head.keepAlive || (about.isClosing() && !this.unread);
    const reply = new LightReply(socket, { calls, clock, idle: limits.idle, touch: () => this.touch() });
    await exchanges.answer(incomingOf(head, client), reply, isLast);
    if (socket.destroyed) return;
    if (reply.closes || (about.isClosing() && !this.unread) || (this.hasEnded && !this.unread)) {
      socket.destroySoon();
      return;
    }
    this.enter("idle");
    if (socket.isPaused()) socket.resume();
    this.next();
  }

  private handOver(): void {
    const { socket, about, unread } = this;
    socket.off("data", this.onData).off("end", this.onEnd).off("close", this.onClose).off("error", this.onError);
    this.unread = undefined;
    about.left();
    about.handOver(socket, unread);
  }

  private enter(state: State): void {
    this.state = state;
    this.touch();
  }

  private touch(): void {
    this.since = this.about.clock.now();
  }
}

function incomingOf({ method, target, headers }: PlainHead, client: string): Incoming {
  return { method, url: target, httpVersion: "1.1", headers, client, isComplete: yes, readBody: noBody };
}

function yes(): boolean {
  return true;
}

const NO_BYTES = new Uint8Array(0);

async function noBody(): Promise<Uint8Array> {
  return NO_BYTES;
}
