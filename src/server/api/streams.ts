/**
 * Server-sent events (WHATWG HTML, section 9.2). A stream is filled when its reader has taken what was sent before: a
 * slow one costs no memory, and misses nothing as long as what it has not read is still kept.
 */
import type { ServerResponse } from "node:http";
import type { Clock, Timer } from "../../base/clock.ts";
import { EverbootError } from "../../base/errors.ts";

export interface StreamEvent {
  readonly event: string;
  /** JSON, on one line. */
  readonly data: string;
  readonly id?: string;
}

/** What is to be sent next; none = nothing for now; undefined = the reader is too far behind. */
export type NextEvents = () => readonly StreamEvent[] | undefined;

export const MOST_STREAMS = 200;
const HEARTBEAT_MS = 15_000;
/** Milliseconds that a reader may take for what was sent to it. */
const PATIENCE_MS = 60_000;

interface Stream {
  readonly response: ServerResponse;
  readonly next: NextEvents;
  /** Since when it has not taken all. */
  behind: number | undefined;
}

export class Streams {
  private readonly clock: Clock;
  private readonly open = new Set<Stream>();
  private timer: Timer | undefined;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  get count(): number {
    return this.open.size;
  }

  /**
   * Sends what `next` gives, now and at each `wake`. `ended` is called once the reader is gone.
   * @throws EverbootError `streams-exceeded`
   */
  start(response: ServerResponse, next: NextEvents, ended: () => void = () => {}): void {
    if (this.open.size >= MOST_STREAMS) throw new EverbootError("streams-exceeded", { limit: MOST_STREAMS });
    response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
    const stream: Stream = { response, next, behind: undefined };
    this.open.add(stream);
    response.on("drain", () => {
      stream.behind = undefined;
      this.fill(stream);
    });
    response.on("close", () => {
      this.open.delete(stream);
      ended();
    });
    response.write(": a new line each 15 s at least\n\n");
    this.timer ??= this.clock.after(HEARTBEAT_MS, () => this.beat());
    this.fill(stream);
  }

  /** There may be something to send. */
  wake(): void {
    for (const stream of this.open) this.fill(stream);
  }

  stop(): void {
    this.timer?.cancel();
    this.timer = undefined;
    for (const { response } of this.open) response.destroy();
    this.open.clear();
  }

  private fill(stream: Stream): void {
    while (stream.behind === undefined) {
      const events = stream.next();
      if (events === undefined) stream.response.destroy();
      if (events === undefined || events.length === 0) return;
      if (!stream.response.write(events.map(textOf).join(""))) stream.behind = this.clock.now();
    }
  }

  private beat(): void {
    this.timer = this.open.size > 0 ? this.clock.after(HEARTBEAT_MS, () => this.beat()) : undefined;
    const now = this.clock.now();
    for (const { response, behind } of this.open) {
      if (behind === undefined) response.write(": \n\n");
      else if (now - behind > PATIENCE_MS) response.destroy();
    }
  }
}

function textOf({ event, data, id }: StreamEvent): string {
  return `event: ${event}\n${id === undefined ? "" : `id: ${id}\n`}data: ${data}\n\n`;
}
