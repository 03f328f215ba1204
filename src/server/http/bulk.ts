/**
 * Sends pieces of disk files to sockets without copying them (sendfile), a bounded piece at a time, in turns with
 * everything else that this thread does. What is not in memory is read by a thread of Node's pool, so that a slow disk
 * holds up nobody but who waits for it.
 */
import { read } from "node:fs";
import type { Socket } from "node:net";
import { hasDescriptor, socketDescriptor } from "../../net/descriptor.ts";
import { EAGAIN, type SendCalls } from "../../net/sendfile.ts";
import { chunkSize } from "./chunk-size.ts";

export interface Piece {
  /** Open for reading until `send` resolves. */
  readonly file: number;
  readonly offset: number;
  readonly length: number;
}

export interface BulkSent {
  readonly kind: "complete" | "cut" | "client-gone";
  readonly bytes: number;
  readonly cause?: unknown;
}

interface Job extends Piece {
  readonly socket: Socket;
  readonly moved: (bytes: number) => void;
  readonly finish: (sent: BulkSent) => void;
  /** Bytes that are sent. */
  done: number;
  /** Is used again for each read: what was read has left before the next one. */
  buffer: Buffer | undefined;
  /** Up to here, from the file's beginning, all was in memory a moment ago. */
  inMemory: number;
}

/** Bytes of one answer at a time: some 0.1 ms of a core. */
const STEP = 512 << 10;
/** Bytes of all answers before the rest of the program has its turn. */
const TURN = 2 << 20;
/** Written by Node when the socket is full: it says when there is room again. */
const PROBE = 16 << 10;
/** Read from the disk at once, for what is not in memory. */
const COLD = 512 << 10;
/** The kernel reads a file ahead in steps of this, and gives it up alike: one byte of each tells whether it is in memory. */
const READ_AHEAD = 128 << 10;

export class BulkSender {
  private readonly calls: SendCalls;
  private readonly line: Job[] = [];
  private readonly oneByte = new Uint8Array(1);
  private isScheduled: boolean = false;
  private underWay = 0;

  constructor(calls: SendCalls) {
    this.calls = calls;
  }

  /** Never rejects. Waits for what Node still has to write to the socket. `moved` is told of bytes as they leave. */
  send(socket: Socket, piece: Piece, moved: (bytes: number) => void): Promise<BulkSent> {
    this.underWay += 1;
    const sent = new Promise<BulkSent>((finish) => {
      this.enqueue({ ...piece, socket, moved, finish, done: 0, inMemory: 0, buffer: undefined });
    });
    return sent.finally(() => {
      this.underWay -= 1;
    });
  }

  private enqueue(job: Job): void {
    this.line.push(job);
    if (this.isScheduled) return;
    this.isScheduled = true;
    setImmediate(() => this.turn());
  }

  /** Each in turn, until TURN is used up. */
  private turn(): void {
    let left = TURN;
    while (left > 0) {
      const job = this.line.shift();
      if (!job) break;
      left -= this.stepSafely(job);
    }
    this.isScheduled = this.line.length > 0;
    if (this.isScheduled) setImmediate(() => this.turn());
  }

  /** One answer's trouble is not the others'. */
  private stepSafely(job: Job): number {
    try {
      return this.step(job);
    } catch (cause) {
      return this.end(job, "cut", cause);
    }
  }

  /** @returns bytes that were sent */
  private step(job: Job): number {
    const { socket, file } = job;
    if (job.done === job.length) return this.end(job, "complete");
    if (!hasDescriptor(socket)) return this.end(job, "client-gone");
    if (socket.writableLength > 0) return this.probe(job);
    const position = job.offset + job.done;
    const wanted = Math.min(STEP, job.length - job.done);
    if (!this.isInMemory(job, position, wanted)) return this.sendCold(job, position);
    const sent = this.calls.sendFile(socketDescriptor(socket), file, position, wanted);
    if (sent <= 0) return this.notSent(job, sent);
    this.advance(job, sent);
    if (job.done < job.length && sent < wanted) return sent + this.probe(job);
    this.line.push(job);
    return sent;
  }

  private notSent(job: Job, result: number): number {
    if (result === EAGAIN) return this.probe(job);
    if (result === 0) return this.end(job, "cut", new Error("the file became shorter while it was served"));
    // EPIPE, ECONNRESET and the like are the client's; of a file that cannot be read the next read tells.
    const position = job.offset + job.done;
    return this.sendCold(job, position);
  }

  /** A little by Node itself: it is written when the socket has room again, and then it is this answer's turn. */
  private probe(job: Job): number {
    const bytes = bufferOf(job, PROBE);
    const position = job.offset + job.done;
    const got = this.calls.readCached(job.file, bytes, position);
    return got > 0 ? this.write(job, bytes.subarray(0, got)) : this.sendCold(job, position);
  }

  private sendCold(job: Job, position: number): number {
    const bytes = bufferOf(job, Math.min(COLD, chunkSize(this.underWay)));
    read(job.file, bytes, 0, bytes.length, position, (cause, got) => {
      if (cause) this.end(job, "cut", cause);
      else if (got === 0) this.end(job, "cut", new Error("the file became shorter while it was served"));
      else this.write(job, bytes.subarray(0, got));
    });
    return 0;
  }

  private write(job: Job, bytes: Uint8Array): number {
    const { socket } = job;
    if (!hasDescriptor(socket)) return this.end(job, "client-gone");
    const gone = () => this.end(job, "client-gone");
    socket.once("close", gone);
    socket.write(bytes, (error) => {
      socket.off("close", gone);
      if (error) return void this.end(job, "client-gone");
      this.advance(job, bytes.length);
      this.enqueue(job);
    });
    return 0;
  }

  private advance(job: Job, bytes: number): void {
    job.done += bytes;
    job.moved(bytes);
  }

  private end({ done, finish }: Job, kind: BulkSent["kind"], cause?: unknown): number {
    finish({ kind, bytes: done, ...(cause !== undefined && { cause }) });
    return 0;
  }

  /** Looks once at each read-ahead step; what lies between may have to be read after all, which is then soon done. */
  private isInMemory(job: Job, position: number, length: number): boolean {
    const end = position + length;
    for (let at = Math.max(position, job.inMemory); at < end; at = nextStep(at)) {
      if (this.calls.readCached(job.file, this.oneByte, at) !== 1) return false;
      job.inMemory = Math.min(end, nextStep(at));
    }
    return true;
  }
}

/** Up to `length` bytes to read into, and no more than are left. */
function bufferOf(job: Job, length: number): Buffer {
  if (!job.buffer || job.buffer.length < length) job.buffer = Buffer.allocUnsafeSlow(length);
  return job.buffer.subarray(0, Math.min(length, job.length - job.done));
}

function nextStep(at: number): number {
  return at - (at % READ_AHEAD) + READ_AHEAD;
}
