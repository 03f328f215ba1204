/** The data connection of a transfer: waited for at a port (PASV, EPSV), or made to the client's (PORT, EPRT). */
import { once } from "node:events";
import { connect, createServer, type Server as NodeServer, type Socket } from "node:net";
import { errnoOf } from "../../base/errors.ts";
import type { DataEndpoint } from "./endpoint.ts";

/** One connection, for one transfer. */
export interface DataLink {
  /** Resolves with the connection; rejects when it cannot be had, or after `close`. */
  connect(): Promise<Socket>;
  /** Ends what is under way. Safe to call twice. */
  close(): void;
}

export interface PortRange {
  readonly first: number;
  readonly last: number;
}

/** Ports to wait at, one after the other: a client's late connection should not meet another one's transfer. */
export class PassivePorts {
  private readonly range: PortRange;
  private next: number;

  constructor(range: PortRange) {
    this.range = range;
    this.next = range.first;
  }

  get size(): number {
    return this.range.last - this.range.first + 1;
  }

  take(): number {
    const port = this.next;
    this.next = port >= this.range.last ? this.range.first : port + 1;
    return port;
  }
}

export interface PassiveOptions {
  /** The one that the client reaches the server by. */
  readonly address: string;
  /** The only one who may connect (RFC 2577 section 4). */
  readonly client: string;
  readonly ports: PassivePorts;
  /** Somebody else has connected, and was cut off. */
  readonly onStranger: () => void;
}

export interface PassiveLink extends DataLink {
  readonly port: number;
}

/** Rejects with the system's error: EADDRINUSE when each of the ports is in use. */
export async function openPassive(options: PassiveOptions): Promise<PassiveLink> {
  for (let left = options.ports.size; ; left -= 1) {
    const link = new Waiting(options);
    try {
      await link.listen(options.ports.take());
      return link;
    } catch (error) {
      if (left <= 1 || errnoOf(error) !== "EADDRINUSE") throw error;
    }
  }
}

class Waiting implements PassiveLink {
  private readonly server: NodeServer = createServer({ pauseOnConnect: true });
  private readonly options: PassiveOptions;
  private readonly arrival = Promise.withResolvers<Socket>();
  private socket: Socket | undefined;

  constructor(options: PassiveOptions) {
    this.options = options;
    // Who never asks for the connection does not hear that there is none.
    this.arrival.promise.catch(() => undefined);
    this.server.on("connection", (socket) => this.accept(socket));
  }

  get port(): number {
    const bound = this.server.address();
    return bound === null || typeof bound === "string" ? 0 : bound.port;
  }

  async listen(port: number): Promise<void> {
    this.server.listen(port, this.options.address);
    await once(this.server, "listening");
    this.server.on("error", (error) => this.arrival.reject(error));
  }

  connect(): Promise<Socket> {
    return this.arrival.promise;
  }

  close(): void {
    this.server.close();
    this.socket?.destroy();
    this.arrival.reject(notWanted());
  }

  private accept(socket: Socket): void {
    ignoreErrors(socket);
    const isStranger = socket.remoteAddress !== this.options.client;
    if (isStranger) this.options.onStranger();
    if (isStranger || this.socket) {
      socket.destroy();
      return;
    }
    this.server.close();
    this.socket = socket;
    this.arrival.resolve(socket);
  }
}

/** `from` is this end, its port 0 for any; `to` the client's. */
export function activeLink(from: DataEndpoint, to: DataEndpoint): DataLink {
  let socket: Socket | undefined;
  return {
    async connect() {
      const local = { localAddress: from.address, localPort: from.port };
      socket = connect({ host: to.address, port: to.port, ...local });
      ignoreErrors(socket);
      await once(socket, "connect");
      return socket;
    },
    close: () => void socket?.destroy(notWanted()),
  };
}

function notWanted(): Error {
  return new Error("the data connection is not wanted any more");
}

/** They end the socket, and its end is looked for. */
function ignoreErrors(socket: Socket): void {
  socket.on("error", () => undefined);
}
