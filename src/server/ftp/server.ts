/** An anonymous, read-only FTP server on one address (RFC 959, 1123 section 4.1, 2389, 2428, 2577, 2640, 3659). */
import { createServer, type Server as NodeServer, type Socket } from "node:net";
import type { Clock } from "../../base/clock.ts";
import type { Log } from "../../base/log.ts";
import type { FileResolver } from "../../content/served-file.ts";
import { listenError } from "../../net/listen-error.ts";
import { Counters } from "../counters.ts";
import type { Server, TransferObserver } from "../server.ts";
import { PassivePorts, type PortRange } from "./data-link.ts";
import type { FolderResolver } from "./folders.ts";
import { formatReply, reply } from "./reply.ts";
import { Session, type SessionParts } from "./session.ts";

export interface FtpLimits {
  /** Control connections at once, each with at most one data connection and one open file. */
  readonly connections: number;
  /** Those of one client. */
  readonly perClient: number;
  /** Milliseconds without a command, a reply, or a byte taken. A resolver may take that long to find a file, too. */
  readonly quiet: number;
  /** Milliseconds for a data connection to come about. */
  readonly patience: number;
  /** Milliseconds that `stop` lets transfers under way go on. */
  readonly grace: number;
}

export const FTP_LIMITS: FtpLimits = {
  connections: 512,
  perClient: 32,
  quiet: 300_000,
  patience: 30_000,
  grace: 10_000,
};

/** Above the ports that Linux itself gives to outgoing connections (32768 to 60999). */
export const PASSIVE_PORTS: PortRange = { first: 61_000, last: 61_999 };
/** Of the control connection, and of data connections to the client (RFC 959 section 3.2). */
export const [FTP_PORT, FTP_DATA_PORT] = [21, 20] as const;
/** All of them: clients on any of these ports are told of a change of hands. */
export const FTP_PORTS: readonly number[] = [
  ...[FTP_PORT, FTP_DATA_PORT],
  ...Array.from({ length: PASSIVE_PORTS.last - PASSIVE_PORTS.first + 1 }, (_, place) => PASSIVE_PORTS.first + place),
];

export interface FtpOptions {
  /** The one address to listen on; passive data connections are waited for at the one that the client has reached. */
  readonly address: string;
  /** 21 unless set; 0 = any free one; `port` of the server tells which. */
  readonly port?: number;
  /** PASSIVE_PORTS unless set; 0 to 0 = any free ones. */
  readonly passivePorts?: PortRange;
  /** FTP_DATA_PORT unless set; 0 = any free one. */
  readonly activePort?: number;
  readonly files: FileResolver;
  readonly folders: FolderResolver;
  /** Is told of each RETR, found or not; `status` is the one that HTTP would give. */
  readonly observer: TransferObserver;
  readonly clock: Clock;
  readonly log: Log;
  readonly limits?: Partial<FtpLimits>;
}

/**
 * Counters: `connections`, `requests` (files asked for), `bytes` (sent on data connections), `refusal.<code>` (replies
 * from 400 on), `drop.<reason>`: `too-many-connections`, `too-many-of-client`, `quiet`, `stranger` (another machine at a
 * passive port), `bounce` (a foreign address in PORT or EPRT), `no-port`, and transfers that came to no good end:
 * `no-connection`, `client-gone`, `aborted`, `unreadable`, `cut`; `under-way` is how many transfers there are now.
 */
export interface FtpServer extends Server {
  /** The port it listens on; 0 before `start`. */
  readonly port: number;
}

export function createFtpServer(options: FtpOptions): FtpServer {
  return new FtpListener(options);
}

/** A rack that is switched on connects at once. */
const BACKLOG = 1024;

const TOO_MANY = reply(421, "Too many connections; try again.");
const STOPPING = reply(421, "This server stops; try again.");

class FtpListener implements FtpServer {
  readonly name: string;
  private readonly options: FtpOptions;
  private readonly limits: FtpLimits;
  private readonly counts = new Counters();
  private readonly parts: SessionParts;
  private readonly sessions = new Set<Session>();
  private readonly server: NodeServer;
  private stopped: Promise<void> | undefined;

  constructor(options: FtpOptions) {
    const { clock, log, observer, files, folders, activePort = FTP_DATA_PORT } = options;
    this.options = options;
    this.name = `ftp ${options.address}`;
    this.limits = { ...FTP_LIMITS, ...options.limits };
    this.parts = {
      ...{ clock, log, observer, counters: this.counts, underWay: 0, activePort },
      ...{ quiet: this.limits.quiet, patience: this.limits.patience },
      sources: { files, folders, log, now: () => clock.now() },
      ports: new PassivePorts(options.passivePorts ?? PASSIVE_PORTS),
    };
    this.server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.accept(socket));
  }

  get port(): number {
    const bound = this.server.address();
    return bound === null || typeof bound === "string" ? 0 : bound.port;
  }

  start(): Promise<void> {
    const { address, port = FTP_PORT, log } = this.options;
    return new Promise((resolve, reject) => {
      const fail = (cause: unknown) => reject(listenError(cause, "FTP", address, port));
      this.server.once("error", fail);
      this.server.listen({ host: address, port, backlog: BACKLOG }, () => {
        this.server.off("error", fail);
        this.server.on("error", (cause) => log.error({ cause }, "the FTP listener failed"));
        resolve();
      });
    });
  }

  /** The listener closes at once, control connections when nothing is under way on them. */
  stop(): Promise<void> {
    this.stopped ??= this.drain();
    return this.stopped;
  }

  counters(): Readonly<Record<string, number>> {
    return { ...this.counts.snapshot(), "under-way": this.parts.underWay };
  }

  private async drain(): Promise<void> {
    this.server.close();
    const sessions = [...this.sessions];
    const cut = this.options.clock.after(this.limits.grace, () => {
      for (const session of sessions) session.cut();
    });
    for (const session of sessions) void session.end(STOPPING);
    await Promise.all(sessions.map(({ closed }) => closed));
    cut.cancel();
  }

  private accept(socket: Socket): void {
    this.counts.add("connections");
    const full = this.fullFor(socket.remoteAddress);
    if (full) {
      this.counts.add(`drop.${full}`);
      turnAway(socket);
      return;
    }
    const session = new Session(socket, this.parts);
    this.sessions.add(session);
    void session.closed.then(() => this.sessions.delete(session));
    void session.greet();
  }

  private fullFor(address: string | undefined): "too-many-connections" | "too-many-of-client" | undefined {
    if (this.sessions.size >= this.limits.connections) return "too-many-connections";
    const ofClient = [...this.sessions].filter(({ client }) => client === address).length;
    return ofClient >= this.limits.perClient ? "too-many-of-client" : undefined;
  }
}

function turnAway(socket: Socket): void {
  socket.on("error", () => undefined);
  socket.write(formatReply(TOO_MANY));
  socket.destroySoon();
}
