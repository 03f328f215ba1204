/** The API's listeners. */
import type { Server as HttpServer } from "node:http";
import { type Clock, sleep, type Timer } from "../../base/clock.ts";
import { errnoOf, errorText } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";

/** Where the API is to be had by the network. */
export interface TcpPlace {
  readonly addresses: readonly string[];
  readonly port: number;
}

const RETRY_MS = 5_000;
/** Milliseconds that answers under way are given at the end. */
const ENDING_MS = 2_000;
/** Connections of one listener: live views, pages, programs. */
const MOST_CONNECTIONS = 1_000;

export class Doorways {
  private readonly clock: Clock;
  private readonly log: Log;
  private readonly servers = new Set<HttpServer>();
  private readonly retries = new Set<Timer>();
  private isClosed: boolean = false;

  constructor(options: { readonly clock: Clock; readonly log: Log }) {
    this.clock = options.clock;
    this.log = options.log;
  }

  /** TCP addresses and sockets that are listened on. */
  get listening(): number {
    return this.servers.size;
  }

  /** Of the addresses that are listened on. */
  urls(): string[] {
    const places = [...this.servers].map((server) => server.address());
    return places.flatMap((place) =>
      place && typeof place === "object" ? `http://${place.address}:${place.port}/` : [],
    );
  }

  /** Rejects with the system's error. */
  async openSocket(server: HttpServer, path: string): Promise<void> {
    await listening(server, { path });
    this.servers.add(server);
  }

  /**
   * Resolves after the first try of each address. Machines are served with or without it, so a port that cannot be had
   * is logged and tried again until it can.
   */
  async openTcp(make: () => HttpServer, { addresses, port }: TcpPlace): Promise<void> {
    await Promise.all(addresses.map((host) => this.tryTcp(make, host, port, false)));
  }

  /** Lets what is under way end, for a while. */
  async close(): Promise<void> {
    this.isClosed = true;
    for (const retry of this.retries) retry.cancel();
    const closing = [...this.servers].map((server) => closed(server));
    const patience = new AbortController();
    const isOver = sleep(this.clock, ENDING_MS, patience.signal).catch(() => undefined);
    await Promise.race([Promise.all(closing), isOver]);
    patience.abort();
    for (const server of this.servers) server.closeAllConnections();
    await Promise.all(closing);
    this.servers.clear();
  }

  private async tryTcp(make: () => HttpServer, host: string, port: number, isAgain: boolean): Promise<void> {
    const server = make();
    server.maxConnections = MOST_CONNECTIONS;
    try {
      await listening(server, { host, port });
    } catch (error) {
      if (!isAgain) this.tell(error, host, port);
      this.retry(() => this.tryTcp(make, host, port, true));
      return;
    }
    if (this.isClosed) server.close();
    else this.servers.add(server);
    if (isAgain) this.log.info({ host, port }, "the API listens");
  }

  private tell(error: unknown, host: string, port: number): void {
    if (errnoOf(error) === "EADDRNOTAVAIL") {
      // A floating address, or one of another server: the site file is the same for all.
      this.log.info({ host, port }, "the API listens there once this machine has the address");
      return;
    }
    const code = errnoOf(error) === "EACCES" ? "port-denied" : "port-in-use";
    const text = errorText(code, { protocol: "API", port, where: host });
    this.log.error({ error, host, port }, `${text}; tried again until then`);
  }

  private retry(again: () => Promise<void>): void {
    if (this.isClosed) return;
    const timer = this.clock.after(RETRY_MS, () => {
      this.retries.delete(timer);
      void again();
    });
    this.retries.add(timer);
  }
}

function listening(server: HttpServer, place: { path: string } | { host: string; port: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(place, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

function closed(server: HttpServer): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeIdleConnections();
  });
}
