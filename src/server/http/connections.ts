/** The open connections, and whose turn it is on each. */
import type { Socket } from "node:net";

interface Line {
  /** Settles when the last request so far is answered. */
  tail: Promise<void>;
  /** Requests that are being answered or wait for their turn. */
  length: number;
}

/** Beyond this many the rest stays in the client's send queue. apt sends 10 ahead (Acquire::http::Pipeline-Depth). */
const LONGEST_LINE = 32;

/**
 * Requests of one connection are answered one after the other, in order: what a client has pipelined (RFC 9112 section
 * 9.3.2) holds no open file and no buffer while it waits.
 */
export class Connections {
  private readonly lines = new Map<Socket, Line>();
  private closing: boolean = false;

  add(socket: Socket): void {
    const line: Line = { tail: Promise.resolve(), length: 0 };
    this.lines.set(socket, line);
    socket.once("close", () => this.lines.delete(socket));
    // Node resumes reading by itself at the end of each answer.
    socket.on("resume", () => pauseIfLong(socket, line));
  }

  /** Runs `answer` (which never rejects) when the requests before it are answered, unless the client has gone by then. */
  enqueue(socket: Socket, answer: () => Promise<void>): void {
    const line = this.lines.get(socket);
    if (!line) return;
    line.length += 1;
    pauseIfLong(socket, line);
    line.tail = line.tail.then(async () => {
      if (!socket.destroyed) await answer();
      this.leave(socket, line);
    });
  }

  /** Is a request of this connection being answered? */
  busy(socket: Socket): boolean {
    return (this.lines.get(socket)?.length ?? 0) > 0;
  }

  /** Should the answer that is being given now be the connection's last? */
  isLast(socket: Socket): boolean {
    return this.closing && this.lines.get(socket)?.length === 1;
  }

  /** From now on a connection closes as soon as everything asked on it is answered. */
  closeWhenIdle(): void {
    this.closing = true;
    for (const [socket, line] of this.lines) if (line.length === 0) socket.destroySoon();
  }

  private leave(socket: Socket, line: Line): void {
    line.length -= 1;
    if (this.closing && line.length === 0) socket.destroySoon();
    if (line.length === LONGEST_LINE - 1) socket.resume();
  }
}

function pauseIfLong(socket: Socket, line: Line): void {
  if (line.length >= LONGEST_LINE) socket.pause();
}
