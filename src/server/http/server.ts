/** The HTTP server: one listening socket, limits, an orderly end. What it answers is decided elsewhere. */
import { once } from "node:events";
import { createServer, type Server as NodeServer, STATUS_CODES } from "node:http";
import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { Clock } from "../../base/clock.ts";
import { type ErrorCode, errnoOf } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import type { RedirectingResolver } from "../../content/served-file.ts";
import { listenError } from "../../net/listen-error.ts";
import { sendCalls } from "../../net/sendfile.ts";
import { Counters } from "../counters.ts";
import { Histogram, Histograms, QUICK_BOUNDS, TRANSFER_BOUNDS } from "../histogram.ts";
import type { NamedDurations, Server, TransferObserver } from "../server.ts";
import { type Answer, answerError } from "./answer.ts";
import { BulkSender } from "./bulk.ts";
import { Connections } from "./connections.ts";
import { formatHttpDate } from "./date.ts";
import { incomingOf } from "./decide.ts";
import { Exchanges } from "./exchange.ts";
import { LightConnections } from "./light.ts";
import { ResponseOutlet } from "./response-outlet.ts";
import type { Route } from "./route.ts";

/** All in milliseconds but `connections`. */
export interface HttpLimits {
  /** For the head of a request, counted from the connection or the end of the request before. */
  readonly head: number;
  /** For a whole request with its body. */
  readonly request: number;
  /** How long a connection may lie idle between two requests: apt unpacks packages between two runs of fetching. */
  readonly idle: number;
  /** How long a client may take nothing of an answer. A resolver may take that long to find a file, too. */
  readonly stall: number;
  readonly connections: number;
  /** How long `stop` lets answers under way go on. */
  readonly grace: number;
}

export const DEFAULT_LIMITS: HttpLimits = {
  head: 20_000,
  request: 60_000,
  idle: 75_000,
  stall: 300_000,
  connections: 4096,
  grace: 10_000,
};

export interface HttpOptions {
  /** The one address to listen on; `0.0.0.0` for all. */
  readonly address: string;
  /** 0 = any free one; `port` of the server tells which. */
  readonly port: number;
  /** Asked for GET and HEAD of every path that no route has. */
  readonly resolve: RedirectingResolver;
  /** Asked first, in this order. */
  readonly routes: readonly Route[];
  /** Is told of each GET for a file, found or not. */
  readonly observer: TransferObserver;
  readonly clock: Clock;
  readonly log: Log;
  readonly limits?: Partial<HttpLimits>;
}

/** A rack that is switched on connects at once. */
const BACKLOG = 1024;
const LONGEST_CHECK_INTERVAL = 5000;

/**
 * Counters: `requests`, `bytes` (of bodies), `status.<code>` and `drop.<reason>`: `client-gone`, `cut` (a file could
 * not be read on), `unreadable` (answered 503), `malformed`, `slow-request`, `too-many-connections`; `under-way` is how
 * many are being answered. Durations: `answer.<route>`, until it is known what to answer, by the route's pattern or
 * `files`; `request`, until the client has it all.
 */
export interface HttpServer extends Server {
  /** The port it listens on; 0 before `start`. */
  readonly port: number;
}

export function createHttpServer(options: HttpOptions): HttpServer {
  return new HttpListener(options);
}

class HttpListener implements HttpServer {
  readonly name: string;
  private readonly options: HttpOptions;
  private readonly limits: HttpLimits;
  private readonly counts = new Counters();
  private readonly answerTimes = new Histograms(QUICK_BOUNDS);
  private readonly requestTimes = new Histogram(TRANSFER_BOUNDS);
  private readonly exchanges: Exchanges;
  /** Those of node:http; the others are light ones. */
  private readonly connections = new Connections();
  private readonly light: LightConnections;
  private readonly server: NodeServer;
  private stopped: Promise<void> | undefined;

  constructor(options: HttpOptions) {
    this.options = options;
    this.name = `http ${options.address}`;
    this.limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.server = createNodeServer(this.limits);
    const { counts: counters, answerTimes, requestTimes } = this;
    this.exchanges = new Exchanges({ ...options, counters, answerTimes, requestTimes });
    const handOver = takeOver(this.server, (socket) => this.connections.add(socket));
    this.light = new LightConnections({ ...options, limits: this.limits, exchanges: this.exchanges, handOver });
    this.server.on("connection", (socket) => this.light.add(socket));
    this.server.on("request", (message, response) => {
      const { socket } = message;
      const reply = new ResponseOutlet(response);
      const answer = () => this.exchanges.answer(incomingOf(message), reply, this.connections.isLast(socket));
      this.connections.enqueue(socket, answer);
    });
    this.server.on("clientError", (error, socket) => this.turnAway(error, socket));
    this.server.on("drop", () => this.counts.add("drop.too-many-connections"));
  }

  get port(): number {
    const bound = this.server.address();
    return bound === null || typeof bound === "string" ? 0 : bound.port;
  }

  async start(): Promise<void> {
    const { address, port, log } = this.options;
    const calls = await sendCalls();
    this.light.calls = calls;
    this.exchanges.bulk = calls && new BulkSender(calls);
    return new Promise((resolve, reject) => {
      const fail = (cause: unknown) => reject(listenError(cause, "HTTP", address, port));
      this.server.once("error", fail);
      this.server.listen({ host: address, port, backlog: BACKLOG }, () => {
        this.server.off("error", fail);
        this.server.on("error", (cause) => log.error({ cause }, "the HTTP listener failed"));
        resolve();
      });
    });
  }

  /** The listener closes at once, idle connections with it; the others when what was asked on them is answered. */
  stop(): Promise<void> {
    this.stopped ??= this.drain();
    return this.stopped;
  }

  counters(): Readonly<Record<string, number>> {
    return { ...this.counts.snapshot(), "under-way": this.exchanges.underWay };
  }

  durations(): NamedDurations {
    const answers = this.answerTimes.snapshot().map(([route, times]) => [`answer.${route}`, times] as const);
    return [...answers, ["request", this.requestTimes.snapshot()]];
  }

  private async drain(): Promise<void> {
    if (!this.server.listening) return;
    const closed = once(this.server, "close");
    this.server.close();
    this.connections.closeWhenIdle();
    this.light.closeWhenIdle();
    const cut = this.options.clock.after(this.limits.grace, () => {
      this.server.closeAllConnections();
      this.light.closeAll();
    });
    await closed;
    cut.cancel();
  }

  /** The bytes are not HTTP, or came too slowly. A lost connection shows up here as well, and needs no answer. */
  private turnAway(error: Error, socket: Duplex): void {
    const code = turnedAwayFor(error);
    if (code) this.counts.add(code === "request-slow" ? "drop.slow-request" : "drop.malformed");
    // In the middle of another answer this text would be taken for a part of that.
    const mayAnswer = code && socket instanceof Socket && socket.writable && !this.connections.busy(socket);
    if (!mayAnswer) {
      socket.destroy();
      return;
    }
    socket.write(wireText(answerError(code), this.options.clock.now()));
    socket.destroySoon();
  }
}

function createNodeServer(limits: HttpLimits): NodeServer {
  const server = createServer({
    headersTimeout: limits.head,
    requestTimeout: limits.request,
    keepAliveTimeout: limits.idle,
    connectionsCheckingInterval: Math.min(limits.head, LONGEST_CHECK_INTERVAL),
    // Checked with the rest of the request, so that it is answered and counted like any other.
    requireHostHeader: false,
  });
  server.maxConnections = limits.connections;
  server.timeout = limits.stall;
  return server;
}

/**
 * Takes node:http's own hands off new connections. @returns what hands one to it, with bytes that were read already;
 * `taken` is told before.
 */
function takeOver(server: NodeServer, taken: (socket: Socket) => void) {
  const listeners = server.listeners("connection");
  server.removeAllListeners("connection");
  return (socket: Socket, unread: Buffer | undefined) => {
    taken(socket);
    if (unread) socket.unshift(unread);
    for (const listener of listeners) listener.call(server, socket);
  };
}

function turnedAwayFor(error: Error): ErrorCode | undefined {
  const errno = errnoOf(error) ?? "";
  if (errno === "ERR_HTTP_REQUEST_TIMEOUT") return "request-slow";
  return errno.startsWith("HPE_") ? "request-malformed" : undefined;
}

/** For a connection that has no request to answer to. */
function wireText({ status, headers, body }: Answer, now: number): string {
  const all = { Date: formatHttpDate(now), Connection: "close", ...headers };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}`);
  const text = body.map((segment) => (segment.kind === "bytes" ? Buffer.from(segment.bytes).toString("utf8") : ""));
  return [`HTTP/1.1 ${status} ${STATUS_CODES[status]}`, ...lines, "", ...text].join("\r\n");
}
