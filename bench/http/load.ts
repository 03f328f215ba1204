/**
 * The load, a process of its own: so many clients, each with one connection and one request at a time, each through the
 * whole list from another place on. Reads its task (LoadTask) as JSON from standard input, prints a LoadResult.
 */
import { readFileSync } from "node:fs";
import type { LoadResult } from "../rig/types.ts";
import type { Wanted } from "./content.ts";
import { EAGAIN, loadTcpCalls, type TcpCalls } from "./epoll.ts";

export interface LoadTask {
  readonly address: string;
  readonly port: number;
  /** What stands before each path. */
  readonly prefix: string;
  readonly files: readonly Wanted[];
  readonly clients: number;
  /** Requests are made for so long. */
  readonly seconds: number;
  /** What counts as a unit. */
  readonly count: "requests" | "bytes";
}

interface Client {
  readonly fd: number;
  place: number;
  /** When the request was sent, and what is still to come of its body; undefined until its head is there. */
  asked: number;
  left: number | undefined;
}

const HEAD_END = Buffer.from("\r\n\r\n");
/** One read of a body: the server's share of a core counts, not the client's. */
const MOST = 4 << 20;
const MOST_LATENCIES = 200_000;

class Load {
  private readonly calls: TcpCalls;
  private readonly task: LoadTask;
  private readonly requests: readonly Buffer[];
  private readonly clients = new Map<number, Client>();
  private readonly head = Buffer.alloc(16 << 10);
  private readonly latencies: number[] = [];
  private end = 0;
  private units = 0;
  private failed = 0;

  constructor(calls: TcpCalls, task: LoadTask) {
    this.calls = calls;
    this.task = task;
    this.requests = task.files.map(({ path }) =>
      Buffer.from(
        `GET ${task.prefix}${path} HTTP/1.1\r\nHost: ${task.address}\r\nUser-Agent: bench\r\nAccept: */*\r\n\r\n`,
      ),
    );
  }

  run(): LoadResult {
    const { address, port, clients, files, seconds } = this.task;
    for (let number = 0; number < clients; number += 1) {
      const fd = this.calls.connect(address, port);
      this.calls.watch(fd);
      this.clients.set(fd, { fd, place: Math.floor((number * files.length) / clients), asked: 0, left: undefined });
    }
    const started = performance.now();
    this.end = started + seconds * 1000;
    for (const client of this.clients.values()) this.ask(client);
    while (performance.now() < this.end && this.clients.size > 0)
      for (const fd of this.calls.wait(100)) this.read(this.clients.get(fd));
    const taken = (performance.now() - started) / 1000;
    return { units: this.units, seconds: taken, latencies: this.latencies, failed: this.failed };
  }

  private ask(client: Client): void {
    client.asked = performance.now();
    client.left = undefined;
    this.calls.send(client.fd, this.requests[client.place] ?? Buffer.alloc(0));
  }

  private read(client: Client | undefined): void {
    if (!client) return;
    const got = client.left === undefined ? this.readHead(client) : this.readBody(client, client.left);
    if (!got) {
      this.failed += 1;
      this.drop(client);
    } else if (client.left === 0) this.answered(client);
  }

  private answered(client: Client): void {
    if (this.task.count === "requests") this.units += 1;
    if (this.latencies.length < MOST_LATENCIES) this.latencies.push(performance.now() - client.asked);
    client.place = (client.place + 1) % this.requests.length;
    this.ask(client);
  }

  /** False when the answer is not the file. Heads come in one piece, as all these servers send them. */
  private readHead(client: Client): boolean {
    const got = this.calls.receive(client.fd, this.head);
    if (got === EAGAIN) return true;
    const end = this.head.subarray(0, Math.max(0, got)).indexOf(HEAD_END);
    if (end < 0) return false;
    const text = this.head.toString("latin1", 0, end);
    const length = Number(/\r\ncontent-length: *(\d+)/i.exec(text)?.[1]);
    const size = this.task.files[client.place]?.size;
    if (!text.startsWith("HTTP/1.1 200 ") || length !== size) return false;
    client.left = length;
    return this.came(client, got - end - HEAD_END.length);
  }

  private readBody(client: Client, left: number): boolean {
    const got = this.calls.discard(client.fd, Math.min(left, MOST));
    return got === EAGAIN || (got > 0 && this.came(client, got));
  }

  private came(client: Client, bytes: number): boolean {
    if (this.task.count === "bytes") this.units += bytes;
    client.left = (client.left ?? 0) - bytes;
    return client.left >= 0;
  }

  private drop({ fd }: Client): void {
    this.clients.delete(fd);
    this.calls.close(fd);
  }
}

if (import.meta.main) {
  const task = JSON.parse(readFileSync(0, "utf8")) as LoadTask;
  process.stdout.write(JSON.stringify(new Load(await loadTcpCalls(), task).run()));
}
