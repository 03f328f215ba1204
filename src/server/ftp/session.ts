/** One control connection: its lines are answered one after the other; only ABOR and STAT reach into a transfer. */
import type { Socket } from "node:net";
import type { Timer } from "../../base/clock.ts";
import { type ControlLine, LineReader } from "./control-line.ts";
import { type DataParts, DataSide } from "./data-side.ts";
import { decide } from "./decide.ts";
import { formatReply, type Reply, reply } from "./reply.ts";
import { newStanding, type Sources, type Verdict } from "./standing.ts";

export interface SessionParts extends DataParts {
  readonly sources: Sources;
  /** Milliseconds without a command, a reply, or a byte taken. */
  readonly quiet: number;
}

/** Beyond this many lines the rest stays with the client. */
const LONGEST_QUEUE = 32;

export class Session {
  readonly client: string;
  /** Settles with the connection. */
  readonly closed: Promise<void>;
  private readonly socket: Socket;
  private readonly parts: SessionParts;
  private readonly data: DataSide;
  private readonly standing = newStanding();
  private readonly lines = new LineReader();
  private readonly queue: ControlLine[] = [];
  private isAnswering: boolean = false;
  private timer: Timer;

  constructor(socket: Socket, parts: SessionParts) {
    this.socket = socket;
    this.parts = parts;
    this.client = socket.remoteAddress ?? "";
    this.data = new DataSide(parts, {
      ...{ client: this.client, address: socket.localAddress ?? "" },
      say: (answer) => this.say(answer),
      touch: () => this.touch(),
    });
    this.timer = this.watch();
    this.closed = new Promise((resolve) => socket.once("close", () => resolve(this.clear())));
    socket.on("error", () => undefined);
    socket.on("data", (bytes: Buffer) => this.hear(this.lines.push(bytes)));
    // Who says no more has said all, and still waits for the answers.
    socket.once("end", () => this.hear([{ kind: "command", verb: "QUIT", argument: "" }]));
  }

  greet(): Promise<void> {
    return this.say(reply(220, "Everboot FTP: log in as anonymous."));
  }

  /** Says why, after what is under way. */
  async end(last: Reply): Promise<void> {
    await this.data.idle();
    await this.say(last);
    this.socket.destroySoon();
  }

  cut(): void {
    this.socket.destroy();
  }

  private clear(): Promise<void> {
    this.timer.cancel();
    this.queue.length = 0;
    return this.data.abort("client-gone");
  }

  private hear(lines: readonly ControlLine[]): void {
    this.touch();
    this.queue.push(...lines);
    if (this.queue.length >= LONGEST_QUEUE) this.socket.pause();
    if (!this.isAnswering) void this.answerAll();
  }

  /** Never rejects. */
  private async answerAll(): Promise<void> {
    this.isAnswering = true;
    try {
      for (let line = this.queue.shift(); line; line = this.queue.shift()) {
        if (!reachesIn(line)) await this.data.idle();
        const from = { address: this.client, protocol: "ftp" } as const;
        await this.carryOut(await decide(line, this.standing, this.parts.sources, from));
        if (this.queue.length < LONGEST_QUEUE) this.socket.resume();
      }
    } catch (cause) {
      this.parts.log.error({ cause, client: this.client }, "an FTP connection failed");
      this.cut();
    } finally {
      this.isAnswering = false;
    }
  }

  private async carryOut(verdict: Verdict): Promise<void> {
    // The client may have gone while the file was looked for: nobody would close what is opened now.
    if (this.socket.destroyed) return;
    switch (verdict.kind) {
      case "reply":
        return this.say(verdict);
      case "end":
        return this.end(verdict.reply);
      case "quit":
        return this.end(reply(221, "Goodbye."));
      case "abort":
        return this.abort();
      case "status":
        return this.say(reply(211, "Status:", [statusText(this.data.sent)]));
      case "passive":
        return this.offer(verdict.as);
      case "active":
        return this.say(this.data.aim(verdict.to));
      case "no-file":
        return this.say(this.data.refuse(verdict));
      case "send": {
        const answer = this.data.send(verdict);
        return answer && this.say(answer);
      }
    }
  }

  private async offer(as: "PASV" | "EPSV"): Promise<void> {
    const answer = await this.data.offer(as);
    if (this.socket.destroyed) await this.data.abort("client-gone");
    else await this.say(answer);
  }

  private async abort(): Promise<void> {
    const wasSending = this.data.sent !== undefined;
    await this.data.abort("aborted");
    await this.say(wasSending ? reply(226, "Broken off.") : reply(225, "Nothing is being sent."));
  }

  /** Resolves when the operating system has it, or the client is gone: who reads no replies gets no more of them. */
  private say(answer: Reply): Promise<void> {
    if (answer.code >= 400) this.parts.counters.add(`refusal.${answer.code}`);
    this.touch();
    return new Promise((resolve) => {
      if (this.socket.writable) this.socket.write(formatReply(answer), () => resolve());
      else resolve();
    });
  }

  private touch(): void {
    this.timer.cancel();
    if (!this.socket.destroyed) this.timer = this.watch();
  }

  private watch(): Timer {
    return this.parts.clock.after(this.parts.quiet, () => this.giveUp());
  }

  private giveUp(): void {
    this.parts.counters.add("drop.quiet");
    // A client that takes no replies would not take this one.
    if (this.socket.writableLength > 0) this.cut();
    else this.socket.write(formatReply(reply(421, "Nothing was heard for too long; try again.")), () => this.cut());
  }
}

function reachesIn(line: ControlLine): boolean {
  return line.kind === "command" && ["ABOR", "STAT"].includes(line.verb);
}

function statusText(sent: number | undefined): string {
  return sent === undefined ? "Nothing is being sent." : `${sent} bytes are sent of what is being sent.`;
}
