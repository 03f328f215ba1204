/** An answer on the bare socket. */
import type { Socket } from "node:net";
import type { Clock } from "../../base/clock.ts";
import { hasDescriptor, socketDescriptor } from "../../net/descriptor.ts";
import type { SendCalls } from "../../net/sendfile.ts";
import type { Answer } from "./answer.ts";
import type { Reply } from "./exchange.ts";
import { ClientGone } from "./files.ts";
import { headText } from "./head-text.ts";

export interface LightReplyOptions {
  readonly calls: SendCalls | undefined;
  readonly clock: Clock;
  /** Milliseconds that the connection may lie idle after the answer. */
  readonly idle: number;
  /** Is told that the client has taken something. */
  readonly touch: () => void;
}

/** A body up to this long is copied behind its head, so that both leave at once. */
const COPIED = 32 << 10;
const NOTHING = Buffer.alloc(0);

export class LightReply implements Reply {
  hasBegun: boolean = false;
  closes: boolean = false;
  private readonly socket: Socket;
  private readonly options: LightReplyOptions;
  /** The head, while it waits for the first bytes. */
  private head: string | undefined;

  constructor(socket: Socket, options: LightReplyOptions) {
    this.socket = socket;
    this.options = options;
  }

  closeAfter(): void {
    this.closes = true;
  }

  begin(answer: Answer): void {
    this.hasBegun = true;
    this.head = this.headOf(answer);
  }

  /** What the system does not take at once, Node writes; the next answer of the connection waits for that. */
  sendWhole(answer: Answer, body: Uint8Array): boolean {
    const { socket } = this;
    if (body.length > COPIED || socket.writableLength > 0 || socket.destroyed) return false;
    const bytes = behind(this.headOf(answer), body);
    this.hasBegun = true;
    const taken = this.sendNow(bytes, false);
    if (taken < bytes.length) socket.write(bytes.subarray(taken));
    return true;
  }

  private headOf(answer: Answer): string {
    const { clock, idle } = this.options;
    return headText(answer, clock.now(), { keepAlive: this.closes ? undefined : Math.floor(idle / 1000) });
  }

  async write(bytes: Uint8Array): Promise<void> {
    const { head } = this;
    this.head = undefined;
    if (head === undefined) return this.put(bytes, false);
    if (bytes.length <= COPIED) return this.put(behind(head, bytes), false);
    await this.put(Buffer.from(head, "latin1"), true);
    return this.put(bytes, false);
  }

  direct(): Socket {
    const { head, socket } = this;
    this.head = undefined;
    if (head === undefined) return socket;
    // What the system does not take of it now, Node writes before anything else.
    const bytes = Buffer.from(head, "latin1");
    const taken = this.sendNow(bytes, true);
    if (taken < bytes.length) socket.write(bytes.subarray(taken));
    return socket;
  }

  async end(): Promise<void> {
    if (this.head !== undefined) await this.write(NOTHING);
  }

  cut(): void {
    this.socket.destroy();
  }

  moved(): void {
    this.options.touch();
  }

  private put(bytes: Uint8Array, more: boolean): Promise<void> | void {
    const taken = this.sendNow(bytes, more);
    if (taken < bytes.length) return this.writeByNode(bytes.subarray(taken));
    this.options.touch();
  }

  /** How much the system has taken at once. */
  private sendNow(bytes: Uint8Array, more: boolean): number {
    const { socket, options } = this;
    if (!options.calls || socket.writableLength > 0 || !hasDescriptor(socket)) return 0;
    // What is wrong with the connection Node finds out, when it writes.
    return Math.max(0, options.calls.send(socketDescriptor(socket), bytes, more));
  }

  private writeByNode(bytes: Uint8Array): Promise<void> {
    const { socket, options } = this;
    return new Promise((resolve, reject) => {
      const gone = () => reject(new ClientGone());
      if (socket.destroyed) return gone();
      socket.once("close", gone);
      socket.write(bytes, (error) => {
        socket.off("close", gone);
        options.touch();
        if (error) gone();
        else resolve();
      });
    });
  }
}

function behind(head: string, bytes: Uint8Array): Buffer {
  const all = Buffer.allocUnsafe(head.length + bytes.length);
  all.write(head, 0, "latin1");
  all.set(bytes, head.length);
  return all;
}
