/** One transfer under way: carries out what the state machine says. */
import type { Clock, Timer } from "../../base/clock.ts";
import { encodeTftp } from "../../wire/tftp-packet.ts";
import { BlockReader, type Body } from "./body.ts";
import type { Terms } from "./negotiate.ts";
import {
  isFresh,
  isSent,
  resumeTransfer,
  type Step,
  startTransfer,
  step,
  type TransferEvent,
  type TransferState,
} from "./transfer.ts";

export type Outcome =
  /** The client has acknowledged the last block. */
  | { readonly kind: "complete" }
  /** The client went silent, or its next request took its place, or the address moved away, or the server stops. */
  | { readonly kind: "silent" | "replaced" | "moved" | "stopped" }
  | { readonly kind: "client-error"; readonly code: number };

/** What a session needs of the server around it. */
export interface SessionPort {
  readonly clock: Clock;
  send(packets: readonly Uint8Array[]): void;
  /** The first block is on its way: the client wants the file, not just its size. */
  started(): void;
  /** The file could not be read; it is tried again after the timeout. */
  unreadable(error: unknown): void;
  /** Called once, last. */
  ended(outcome: Outcome): void;
}

export class Session {
  /** When the client last got on, in the clock's milliseconds. */
  lastProgress: number;
  private readonly port: SessionPort;
  private readonly body: Body;
  private readonly terms: Terms;
  private readonly blocks: BlockReader;
  private readonly begun: { readonly at: number; readonly acked: number };
  private state: TransferState;
  private timer: Timer | undefined;
  /** Blocks still to be sent; an action may move both ends while a read is under way. */
  private next = 0;
  private last = -1;
  private reading: boolean = false;
  private started: boolean = false;
  private closed: boolean = false;

  /** @param acked goes on after this block, which the client acknowledged; absent = begins the transfer. */
  constructor(body: Body, terms: Terms, port: SessionPort, acked?: number) {
    this.port = port;
    this.body = body;
    this.terms = terms;
    this.blocks = new BlockReader(body, terms.blockSize);
    this.lastProgress = port.clock.now();
    this.begun = { at: this.lastProgress, acked: acked ?? 0 };
    const first =
      acked === undefined
        ? startTransfer(terms, body.size, this.lastProgress)
        : resumeTransfer(terms, body.size, acked, this.lastProgress);
    this.state = first.state;
    this.perform(first);
  }

  /** True until the client has acknowledged anything. */
  get fresh(): boolean {
    return isFresh(this.state);
  }

  /** Blocks that have arrived, counted from 1 without wrapping. */
  get acked(): number {
    return Math.max(this.state.acked, 0);
  }

  /** May an ACK of this block, as on the wire, be an answer to what was sent here? */
  hasSent(wireBlock: number): boolean {
    return isSent(this.state, wireBlock);
  }

  /** Blocks that arrive in a second, on an average. */
  get pace(): number {
    const elapsed = this.port.clock.now() - this.begun.at;
    return elapsed > 0 ? Math.round(((this.acked - this.begun.acked) * 1000) / elapsed) : 0;
  }

  /** Bytes of the file that have been sent, repetitions not counted. */
  get bytesSent(): number {
    return Math.min(Math.max(this.state.sent, 0) * this.terms.blockSize, this.body.size);
  }

  handle(event: TransferEvent): void {
    if (this.closed) return;
    const result = step(this.state, event);
    if (result.state.acked > this.state.acked) this.lastProgress = this.port.clock.now();
    this.perform(result);
  }

  /** Ends the transfer without a word to the client. */
  end(outcome: Outcome): void {
    if (this.closed) return;
    this.closed = true;
    this.timer?.cancel();
    if (!this.reading) this.closeBody();
    this.port.ended(outcome);
  }

  private closeBody(): void {
    this.body.close().catch((error: unknown) => this.port.unreadable(error));
  }

  private perform({ state, action }: Step): void {
    this.state = state;
    switch (action.kind) {
      case "send":
        this.next = action.first;
        this.last = action.last;
        this.awaitAck(action.wait);
        void this.pump();
        break;
      case "wait":
        this.awaitAck(action.wait);
        break;
      case "done":
        this.end({ kind: "complete" });
        break;
      case "fail":
        this.end({ kind: "silent" });
        break;
      case "ignore":
        break;
    }
  }

  private awaitAck(wait: number): void {
    this.timer?.cancel();
    this.timer = this.port.clock.after(wait, () => this.handle({ kind: "timeout" }));
  }

  /** Sends what is due; never rejects. */
  private async pump(): Promise<void> {
    if (this.reading) return;
    this.reading = true;
    try {
      while (!this.closed && this.next <= this.last) {
        if (!this.sendLoaded()) await this.blocks.load(this.next);
      }
    } catch (error) {
      this.next = this.last + 1;
      this.port.unreadable(error);
    } finally {
      this.reading = false;
      if (this.closed) this.closeBody();
    }
  }

  /** Sends the blocks that need no disk, in one burst; false if the next one does. */
  private sendLoaded(): boolean {
    const packets: Uint8Array[] = [];
    while (this.next <= this.last) {
      const packet = this.packet(this.next);
      if (packet === undefined) break;
      packets.push(packet);
      this.next++;
    }
    if (packets.length === 0) return false;
    this.port.send(packets);
    return true;
  }

  private packet(block: number): Uint8Array | undefined {
    if (block === 0) return encodeTftp({ kind: "oack", options: this.terms.accepted });
    const data = this.blocks.loaded(block);
    if (data === undefined) return undefined;
    if (!this.started) {
      this.started = true;
      this.port.started();
    }
    return encodeTftp({ kind: "data", block: block & 0xffff, data });
  }
}
