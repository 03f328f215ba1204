/** Sends an Answer: the pieces of its body one after the other, as fast as the client takes them, and no faster. */
import { read } from "node:fs";
import type { Socket } from "node:net";
import { promisify } from "node:util";
import type { Answer } from "./answer.ts";
import type { BulkSender } from "./bulk.ts";
import { Chunks } from "./chunk-size.ts";
import type { HotFiles } from "./hot-files.ts";
import { closeFile, type DiskSegment, openFile } from "./open-file.ts";

export interface Sent {
  /**
   * - `unreadable`: the first bytes could not be read; nothing is sent, so another answer can be given.
   * - `cut`: reading failed in the middle; the connection is cut, so that the client knows and resumes.
   */
  readonly kind: "complete" | "unreadable" | "cut" | "client-gone";
  /** Bytes of the body that the operating system has taken. */
  readonly bytes: number;
  /** Why a file could not be read. */
  readonly cause?: unknown;
}

/** Where an answer goes. */
export interface Outlet {
  /** Whether anything was given out: from then on there can be no other answer. */
  readonly hasBegun: boolean;
  /** Gives out the head, with the first bytes or before them. */
  begin(answer: Answer): void;
  /** Gives out a whole answer at once, if that can be done without waiting; false = nothing is given out. */
  sendWhole(answer: Answer, body: Uint8Array): boolean;
  /** Resolves when the operating system has the bytes, so that their memory may be used again. Rejects with ClientGone. */
  write(bytes: Uint8Array): Promise<void>;
  /** For bytes that go past Node: gives out the head if it is not yet. Undefined = there is no such way. */
  direct(): Socket | undefined;
  /** The answer is whole. Resolves when all of it is the operating system's. */
  end(): Promise<void>;
  /** The answer is not whole: the client shall see that. */
  cut(): void;
  /** Is told of bytes that have left past Node. */
  moved(bytes: number): void;
}

export interface SendWays {
  /** Bytes to read at once, where they are read. */
  readonly chunk: number;
  readonly hot: HotFiles;
  /** Undefined where the system has no calls for it. */
  readonly bulk: BulkSender | undefined;
}

export class ClientGone extends Error {}

const readFile = promisify(read);
const chunks = new Chunks();

/** Never rejects. Neither pads nor ends cleanly what it could not send in full: Content-Length is a promise. */
export async function sendAnswer(outlet: Outlet, answer: Answer, ways: SendWays): Promise<Sent> {
  const whole = wholeInMemory(answer, ways.hot);
  if (whole && outlet.sendWhole(answer, whole)) return { kind: "complete", bytes: whole.length };
  const sending = new Sending(outlet, answer, ways);
  try {
    for (const segment of answer.body) {
      if (segment.kind === "disk") await sending.disk(segment);
      else if (segment.bytes.length > 0) await sending.bytes(segment.bytes);
    }
    sending.begin();
    await outlet.end();
    return { kind: "complete", bytes: sending.sent };
  } catch (cause) {
    if (!outlet.hasBegun) return { kind: "unreadable", bytes: 0, cause };
    outlet.cut();
    return cause instanceof ClientGone
      ? { kind: "client-gone", bytes: sending.sent }
      : { kind: "cut", bytes: sending.sent, cause };
  }
}

const NO_BYTES = new Uint8Array(0);

function wholeInMemory({ body }: Answer, hot: HotFiles): Uint8Array | undefined {
  const [first] = body;
  if (body.length > 1) return undefined;
  if (!first) return NO_BYTES;
  return first.kind === "bytes" ? first.bytes : hot.find(first);
}

/** One answer while it is sent. */
class Sending {
  sent = 0;
  private readonly outlet: Outlet;
  private readonly answer: Answer;
  private readonly ways: SendWays;
  private hasHead: boolean = false;

  constructor(outlet: Outlet, answer: Answer, ways: SendWays) {
    this.outlet = outlet;
    this.answer = answer;
    this.ways = ways;
  }

  begin(): void {
    if (this.hasHead) return;
    this.hasHead = true;
    this.outlet.begin(this.answer);
  }

  async bytes(bytes: Uint8Array): Promise<void> {
    this.begin();
    await this.outlet.write(bytes);
    this.sent += bytes.length;
  }

  async disk(segment: DiskSegment): Promise<void> {
    const hot = this.ways.hot.find(segment);
    if (hot) return this.bytes(hot);
    const file = await openFile(segment);
    try {
      if (this.ways.hot.fits(segment)) await this.bytes(await this.ways.hot.read(file, segment));
      else if (segment.arrival || !this.ways.bulk) await this.copy(file, segment);
      else await this.direct(file, segment, this.ways.bulk);
    } finally {
      closeFile(file, segment);
    }
  }

  private async direct(file: number, segment: DiskSegment, bulk: BulkSender): Promise<void> {
    this.begin();
    const socket = this.outlet.direct();
    if (!socket) return this.copy(file, segment);
    const { kind, bytes, cause } = await bulk.send(socket, { file, ...segment }, (some) => this.outlet.moved(some));
    this.sent += bytes;
    if (kind === "client-gone") throw new ClientGone();
    if (kind === "cut") throw cause;
  }

  private async copy(file: number, segment: DiskSegment): Promise<void> {
    const most = Math.min(this.ways.chunk, segment.length);
    const chunk = chunks.take(most);
    // After a failure the system may still have it.
    await this.copyBy(chunk, file, segment);
    chunks.giveBack(chunk);
  }

  private async copyBy(buffer: Buffer, file: number, segment: DiskSegment): Promise<void> {
    const { path, offset, length, arrival } = segment;
    for (let done = 0; done < length; ) {
      const position = offset + done;
      const there = arrival === undefined ? Infinity : await arrival.beyond(position);
      const wanted = Math.min(buffer.length, length - done, there - position);
      const { bytesRead } = await readFile(file, buffer, 0, wanted, position);
      if (bytesRead === 0) throw new Error(`${path} became shorter while it was served`);
      await this.bytes(buffer.subarray(0, bytesRead));
      done += bytesRead;
    }
  }
}
