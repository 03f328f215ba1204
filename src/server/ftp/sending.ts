/** One transfer: takes its data connection, and writes a file to it as fast as the client takes it, and no faster. */
import type { Socket } from "node:net";
import type { Clock } from "../../base/clock.ts";
import { SegmentReader } from "../../content/segments.ts";
import type { ServedFile } from "../../content/served-file.ts";
import type { DataLink } from "./data-link.ts";

export type Outcome =
  | "complete"
  /** The first bytes cannot be read: the client has been told nothing yet. */
  | "unreadable"
  /** No data connection came about. */
  | "no-connection"
  /** A later part cannot be read: the data connection is cut, so that the client knows. */
  | "cut"
  /** The client closed its data connection, or took nothing for too long. */
  | "client-gone"
  /** By ABOR. */
  | "aborted";

export interface SendingOptions {
  readonly file: ServedFile;
  /** Of the first byte to send; at most the file's size. */
  readonly offset: number;
  readonly link: DataLink;
  /** What to read at once, in bytes. */
  readonly chunk: number;
  readonly clock: Clock;
  /** How long to wait for the data connection, in milliseconds. */
  readonly patience: number;
  /** Awaited before the first byte. */
  readonly begin: () => Promise<void>;
  /** The client has taken bytes. */
  readonly progress: () => void;
}

class ClientGone extends Error {}

export class Sending {
  private readonly options: SendingOptions;
  private broken: "aborted" | "client-gone" | undefined;
  /** That the operating system has taken. */
  bytes = 0;
  /** Why it came to `unreadable` or `cut`. */
  cause: unknown;

  constructor(options: SendingOptions) {
    this.options = options;
  }

  /** Never rejects. The data connection is closed when it resolves. */
  async run(): Promise<Outcome> {
    const reader = new SegmentReader(this.options.file);
    try {
      const outcome = await this.send(reader);
      return this.broken ?? outcome;
    } finally {
      this.options.link.close();
      await reader.close();
    }
  }

  /** Ends it with this outcome, unless it has ended. */
  abort(outcome: "aborted" | "client-gone"): void {
    this.broken = outcome;
    this.options.link.close();
  }

  private async send(reader: SegmentReader): Promise<Outcome> {
    const first = await this.read(reader).catch((cause) => this.fail(cause));
    if (!first) return "unreadable";
    const socket = await this.connect();
    if (!socket) return "no-connection";
    await this.options.begin();
    try {
      await this.pour(reader, socket, first);
      await end(socket);
      return "complete";
    } catch (cause) {
      if (cause instanceof ClientGone) return "client-gone";
      this.fail(cause);
      // A reset: after an orderly end a client would take what it has for the whole file.
      socket.resetAndDestroy();
      return "cut";
    }
  }

  private async pour(reader: SegmentReader, socket: Socket, first: Uint8Array): Promise<void> {
    for (let bytes = first; bytes.length > 0; bytes = await this.read(reader)) {
      await write(socket, bytes);
      this.bytes += bytes.length;
      this.options.progress();
    }
  }

  /** Empty at the file's end. */
  private read(reader: SegmentReader): Promise<Uint8Array> {
    const { offset, chunk } = this.options;
    return reader.read(offset + this.bytes, chunk);
  }

  private async connect(): Promise<Socket | undefined> {
    const { clock, link, patience } = this.options;
    if (this.broken) return undefined;
    const timer = clock.after(patience, () => link.close());
    const socket = await link.connect().catch(() => undefined);
    timer.cancel();
    return socket;
  }

  private fail(cause: unknown): undefined {
    this.cause = cause;
  }
}

/** Resolves when the operating system has the bytes. */
function write(socket: Socket, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.write(bytes, (error) => (error ? reject(new ClientGone()) : resolve()));
  });
}

/** Resolves when the operating system has all bytes and the end behind them. */
function end(socket: Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    if (socket.destroyed) return reject(new ClientGone());
    socket.once("close", () => (socket.writableFinished ? resolve() : reject(new ClientGone())));
    socket.destroySoon();
  });
}
