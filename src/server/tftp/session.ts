/** One transfer under way: carries out what the state machine says. */
import type { Clock } from "../../base/clock.ts";
import type { Burst } from "../../net/burst.ts";
import { encodeTftp } from "../../wire/tftp-packet.ts";
import { BlockReader } from "./blocks.ts";
import { Deadline } from "./deadline.ts";
import type { Terms } from "./negotiate.ts";
import type { PiecedBody } from "./shared-body.ts";
import { isFresh, isSent, resumeTransfer, type Step, startTransfer, step, type TransferState } from "./transfer.ts";

export type Outcome =
  /** The client has acknowledged the last block. */
  | { readonly kind: "complete" }
  /** The client went silent, or its next request took its place, or the address moved away, or the server stops. */
  | { readonly kind: "silent" | "replaced" | "moved" | "stopped" }
  | { readonly kind: "client-error"; readonly code: number };

/** What a session needs of the server around it. */
export interface SessionPort {
  /** Milliseconds with fractions, from any moment on: it measures round trips. */
  readonly clock: Clock;
  send(packet: Uint8Array): void;
  sendBlocks(burst: Burst): void;
  /** The first block is on its way: the client wants the file, not just its size. */
  started(): void;
  /** The file could not be read; it is tried again after the timeout. */
  unreadable(error: unknown): void;
  /** Called once, last. */
  ended(outcome: Outcome): void;
}

export class Session {
  /** When the client last got on, by the port's clock. */
  lastProgress: number;
  private readonly port: SessionPort;
  private readonly body: PiecedBody;
  private readonly terms: Terms;
  private readonly blocks: BlockReader;
  private readonly begun: { readonly at: number; readonly acked: number };
  private readonly deadline: Deadline;
  private state: TransferState;
  /** Blocks still to be sent; an action may move both ends while a read is under way. */
  private next = 0;
  private last = -1;
  private reading: boolean = false;
  private started: boolean = false;
  private closed: boolean = false;

  /** @param acked goes on after this block, which the client acknowledged; absent = begins the transfer. */
  constructor(body: PiecedBody, terms: Terms, port: SessionPort, acked?: number) {
    this.port = port;
    this.body = body;
    this.terms = terms;
    this.blocks = new BlockReader(body, terms.blockSize, terms.windowSize);
    this.deadline = new Deadline(port.clock, () => this.onTimeout());
    const now = port.clock.now();
    this.lastProgress = now;
    this.begun = { at: now, acked: acked ?? 0 };
    const first =
      acked === undefined ? startTransfer(terms, body.size, now) : resumeTransfer(terms, body.size, acked, now);
    this.state = first.state;
    this.perform(first, now);
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

  /** The client acknowledges this block, as on the wire. */
  onAck(block: number): void {
    if (this.closed) return;
    const at = this.port.clock.now();
    const result = step(this.state, { kind: "ack", block, at });
    if (result.state.acked > this.state.acked) this.lastProgress = at;
    this.perform(result, at);
  }

  /** The client has sent its request again. */
  onRequest(): void {
    if (this.closed) return;
    const at = this.port.clock.now();
    this.perform(step(this.state, { kind: "request", at }), at);
  }

  /** Ends the transfer without a word to the client. */
  end(outcome: Outcome): void {
    if (this.closed) return;
    this.closed = true;
    this.deadline.clear();
    this.body.close().catch((error: unknown) => this.port.unreadable(error));
    this.port.ended(outcome);
  }

  private onTimeout(): void {
    const at = this.port.clock.now();
    this.perform(step(this.state, { kind: "timeout", at }), at);
  }

  private perform({ state, action }: Step, at: number): void {
    this.state = state;
    switch (action.kind) {
      case "send":
        this.next = action.first;
        this.last = action.last;
        this.deadline.set(at + action.wait, at);
        this.pump();
        break;
      case "wait":
        this.deadline.set(at + action.wait, at);
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

  /** Sends what is due, as far as it is in memory; reads the rest, and goes on. */
  private pump(): void {
    if (this.reading) return;
    while (!this.closed && this.next <= this.last) {
      if (!this.sendLoaded()) {
        void this.load();
        return;
      }
    }
  }

  /** Never rejects. */
  private async load(): Promise<void> {
    this.reading = true;
    try {
      await this.blocks.load(this.next);
    } catch (error) {
      this.next = this.last + 1;
      this.port.unreadable(error);
    } finally {
      this.reading = false;
    }
    this.pump();
  }

  /** Sends the blocks that lie together in memory, in one burst; false if the next one does not. */
  private sendLoaded(): boolean {
    if (this.next === 0) {
      this.port.send(encodeTftp({ kind: "oack", options: this.terms.accepted }));
      this.next = 1;
      return true;
    }
    const run = this.blocks.loaded(this.next, this.last);
    if (run === undefined) return false;
    if (!this.started) {
      this.started = true;
      this.port.started();
    }
    this.next = run.last + 1;
    this.port.sendBlocks(run);
    return true;
  }
}
