/** Clients that ask again as soon as they are answered, each from a network of its own. */
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { queries } from "./questions.ts";

export interface LoadOptions {
  readonly port: number;
  readonly seconds: number;
  /** Each at an address of another /24 of 127.0.0.0/8. */
  readonly clients: number;
  /** Questions of one client under way at a time. */
  readonly window: number;
}

export interface LoadResult {
  readonly answered: number;
  /** Not answered within a second. */
  readonly lost: number;
  readonly seconds: number;
  /** Of the answers, in milliseconds: the median, and what 99 of 100 were below. */
  readonly median: number;
  readonly p99: number;
}

const PATIENCE_MS = 1000;

export async function runLoad({ port, seconds, clients, window }: LoadOptions): Promise<LoadResult> {
  const all = await Promise.all(Array.from({ length: clients }, (_, place) => openClient(place, port)));
  // On a busy computer sockets take long to open: that is nobody's time.
  const end = performance.now() + seconds * 1000;
  for (const client of all) client.begin(window, end);
  await Promise.all(all.map((client) => client.done));
  const times = Float64Array.from(all.flatMap((client) => client.times)).sort();
  const at = (share: number) => times[Math.floor(times.length * share)] ?? 0;
  const lost = all.reduce((sum, client) => sum + client.lost, 0);
  return { answered: times.length, lost, seconds, median: at(0.5), p99: at(0.99) };
}

async function openClient(place: number, port: number): Promise<LoadClient> {
  const socket = createSocket("udp4");
  socket.bind(0, `127.0.${place + 1}.1`);
  await once(socket, "listening");
  socket.connect(port, "127.0.0.1");
  await once(socket, "connect");
  return new LoadClient(socket, place);
}

class LoadClient {
  readonly times: number[] = [];
  readonly done: Promise<void>;
  lost = 0;
  private readonly socket: Socket;
  private readonly questions = queries();
  /** When each was sent, by id. */
  private readonly sent = new Map<number, number>();
  private next: number;
  private end = 0;
  private finish: () => void = () => {};

  constructor(socket: Socket, place: number) {
    this.socket = socket;
    this.next = place * 7;
    this.done = new Promise((resolve) => {
      this.finish = resolve;
    });
  }

  /** `end` as `performance.now()` has it: nothing is asked any more. */
  begin(window: number, end: number): void {
    this.end = end;
    this.socket.on("message", (bytes) => this.receive(bytes));
    for (let under = 0; under < window; under += 1) this.ask();
    const watch = setInterval(() => {
      this.giveUpLate();
      if (this.sent.size > 0 || performance.now() < this.end) return;
      clearInterval(watch);
      this.socket.close();
      this.finish();
    }, PATIENCE_MS / 10);
  }

  private receive(bytes: Buffer): void {
    const id = bytes.readUInt16BE(0);
    const sent = this.sent.get(id);
    if (sent === undefined) return;
    this.sent.delete(id);
    this.times.push(performance.now() - sent);
    this.ask();
  }

  private ask(): void {
    const now = performance.now();
    const template = this.questions[this.next % this.questions.length];
    if (now >= this.end || template === undefined) return;
    const id = this.next & 0xffff;
    this.next += 1;
    this.sent.set(id, now);
    const message = Buffer.from(template);
    message.writeUInt16BE(id, 0);
    this.socket.send(message);
  }

  private giveUpLate(): void {
    const now = performance.now();
    for (const [id, sent] of this.sent) {
      if (now - sent < PATIENCE_MS) continue;
      this.sent.delete(id);
      this.lost += 1;
      this.ask();
    }
  }
}
