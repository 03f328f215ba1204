/**
 * Tells the other servers which transfers are under way here, and goes on with theirs when one of their floating
 * addresses arrives. Everything told is told again in the next full account, so a lost datagram costs a second.
 */
import type { Ipv4 } from "../../base/address.ts";
import type { Clock, Timer } from "../../base/clock.ts";
import type { Log } from "../../base/log.ts";
import { type DatagramSocket, type OpenDatagramSocket, openDatagramSocket } from "../../net/datagram.ts";
import type { RawIpSender } from "../../net/raw-packet.ts";
import {
  openPeerMessage,
  PEER_PORT,
  type PeerFacts,
  type PeerMessage,
  packFacts,
  sealPeerMessage,
  serverOf,
  type TcpConnection,
  type TftpSession,
} from "../../wire/peer-message.ts";
import { Counters } from "../counters.ts";
import type { Server } from "../server.ts";
import type { Handover, KnownSession } from "../tftp/handover.ts";
import { PeerBoard, type PostedSession } from "./board.ts";
import { type FactKeys, keysOf, NO_FACTS, newFacts } from "./facts.ts";
import { ReplayGuard } from "./replay.ts";
import { planTickles, type Tickle } from "./tickle.ts";

export interface PeersOptions {
  /** This server's name in the site file. */
  readonly name: string;
  /** Where to listen; `0.0.0.0` to hear the peers by every link. */
  readonly address: Ipv4;
  /** PEER_PORT unless set; the peers' port is the same. */
  readonly port?: number;
  /** By name, with all addresses they may be told at: two links survive the loss of one. */
  readonly peers: ReadonlyMap<string, readonly Ipv4[]>;
  /** The site's secret of PEER_KEY_BYTES bytes. */
  readonly key: Uint8Array;
  /** Larger at each start of this server: `nextEpoch`. */
  readonly epoch: number;
  /** The TFTP transfers under way here. */
  readonly sessions: () => readonly TftpSession[];
  /** The TCP connections of the served ports here. */
  readonly connections: () => Promise<readonly TcpConnection[]>;
  /** Absent = TCP clients are not woken: they find out by their own timeouts. */
  readonly raw?: RawIpSender;
  readonly clock: Clock;
  readonly log: Log;
  readonly openSocket?: OpenDatagramSocket;
}

export interface PeerStatus {
  readonly name: string;
  /** Milliseconds since 1970; absent = not heard since the start. */
  readonly heardAt?: number;
  readonly alive: boolean;
}

/**
 * Counters: `message`, `sent`, `tickle`, `drop.<reason>` of what came (`malformed`, `version`, `forged`, `stranger`,
 * `replay`), `send-error`, `tickle-error`, `read-error` (connections not listed).
 */
export interface PeersServer extends Server {
  /** For the TFTP servers of this machine. */
  readonly handover: Handover;
  /** A client has just connected to a served port: it may be waiting before the next tick sees it. */
  opened(connection: TcpConnection): void;
  /** The floating address has come here and has been announced by gratuitous ARP: wakes the clients of its old owner. */
  adopted(address: Ipv4): void;
  /** The floating address has left this server. */
  released(address: Ipv4): void;
  /** In the order of the names. */
  status(): PeerStatus[];
}

const TICK_MS = 250;
/** Every so many ticks all is told, else what is new. */
const TICKS_PER_ROUND = 4;
/** Three ticks may be lost. */
const ALIVE_MS = 4 * TICK_MS;

export function createPeersServer(options: PeersOptions): PeersServer {
  return new Peers(options);
}

class Peers implements PeersServer {
  readonly name: string;
  readonly handover: Handover;
  private readonly options: PeersOptions;
  private readonly log: Log;
  private readonly counts = new Counters();
  private readonly board = new PeerBoard();
  private readonly guard = new ReplayGuard();
  /** By name: milliseconds since 1970, and of `elapsed`. */
  private readonly heard = new Map<string, { readonly at: number; readonly elapsed: number }>();
  /** In milliseconds of `elapsed`. */
  private readonly adoptedAt = new Map<Ipv4, number>();
  /** What the last tick found: what a later one finds besides is news. */
  private known: FactKeys = NO_FACTS;
  private timer: Timer | undefined;
  private socket: DatagramSocket | undefined;
  private sequence = 0;
  private ticks = 0;

  constructor(options: PeersOptions) {
    this.options = options;
    this.name = `peers ${options.name}`;
    this.log = options.log.child({ server: this.name });
    this.handover = {
      tell: (session) => {
        this.board.taken(session);
        this.send({ sessions: [session], connections: [] });
      },
      find: (server, client) => this.sinceHeard(this.board.session(server, client)),
    };
  }

  async start(): Promise<void> {
    const { address, port = PEER_PORT, openSocket = openDatagramSocket } = this.options;
    this.socket = await openSocket("peers", address, port, {
      message: (bytes) => this.receive(bytes),
      error: (error) => {
        this.counts.add("send-error");
        this.log.debug({ cause: error }, "peer socket");
      },
    });
    await this.tick();
  }

  async stop(): Promise<void> {
    const socket = this.socket;
    this.socket = undefined;
    this.timer?.cancel();
    this.adoptedAt.clear();
    await socket?.close();
  }

  counters(): Readonly<Record<string, number>> {
    return this.counts.snapshot();
  }

  status(): PeerStatus[] {
    return [...this.options.peers.keys()].sort().map((name) => {
      const heard = this.heard.get(name);
      if (heard === undefined) return { name, alive: false };
      return { name, heardAt: heard.at, alive: this.elapsed - heard.elapsed < ALIVE_MS };
    });
  }

  opened(connection: TcpConnection): void {
    this.send({ sessions: [], connections: [connection] });
  }

  adopted(address: Ipv4): void {
    this.adoptedAt.set(address, this.elapsed);
    this.board.inherit(address);
    this.wake(address, this.board.connectionsTo(address));
  }

  private wake(address: Ipv4, connections: readonly TcpConnection[]): void {
    const { raw } = this.options;
    const at = this.adoptedAt.get(address);
    if (raw === undefined) return;
    for (const [after, due] of Map.groupBy(planTickles(connections), (tickle) => tickle.after)) {
      this.options.clock.after(after, () => {
        if (this.adoptedAt.get(address) === at) this.tickle(raw, due);
      });
    }
  }

  released(address: Ipv4): void {
    this.adoptedAt.delete(address);
  }

  /** Milliseconds of this server's life, by its ticks: that a clock is set right changes nothing. */
  private get elapsed(): number {
    return this.ticks * TICK_MS;
  }

  private receive(bytes: Uint8Array): void {
    const opened = openPeerMessage(bytes, this.options.key);
    if (opened.kind === "drop") {
      this.counts.add(`drop.${opened.reason}`);
      return;
    }
    const { message } = opened;
    if (!this.options.peers.has(serverOf(message.sender))) this.counts.add("drop.stranger");
    else if (!this.guard.accepts(message)) this.counts.add("drop.replay");
    else this.hear(message);
  }

  private hear(message: PeerMessage): void {
    const { sender } = message;
    this.counts.add("message");
    // A daemon that is stopped is not heard though its supervisor is.
    if (sender === serverOf(sender)) {
      this.heard.set(sender, { at: this.options.clock.now(), elapsed: this.elapsed });
    }
    const news = this.board.hear(message, this.elapsed);
    // Told too late: the address is here already.
    for (const [address, connections] of Map.groupBy(news, ({ server }) => server.address))
      if (this.adoptedAt.has(address)) this.wake(address, connections);
  }

  /** Tells all peers that this server lives, and what is under way. Never rejects. */
  private async tick(): Promise<void> {
    const facts = { sessions: this.options.sessions(), connections: await this.listConnections() };
    if (this.socket === undefined) return;
    this.send(this.ticks % TICKS_PER_ROUND === 0 ? facts : newFacts(facts, this.known));
    this.known = keysOf(facts);
    this.ticks++;
    this.board.prune(this.elapsed);
    this.timer = this.options.clock.after(TICK_MS, () => void this.tick());
  }

  private async listConnections(): Promise<readonly TcpConnection[]> {
    try {
      return await this.options.connections();
    } catch (error) {
      this.counts.add("read-error");
      this.log.warn({ cause: error }, "TCP connections cannot be listed");
      return [];
    }
  }

  private send(facts: PeerFacts): void {
    const { name: sender, epoch, key, peers, port = PEER_PORT } = this.options;
    const round = Math.floor(this.ticks / TICKS_PER_ROUND);
    const packets = packFacts(facts).map((pack) =>
      sealPeerMessage({ sender, epoch, sequence: ++this.sequence, round, ...pack }, key),
    );
    for (const address of [...peers.values()].flat()) this.socket?.send(packets, { address, port });
    this.counts.add("sent", packets.length);
  }

  private tickle(raw: RawIpSender, tickles: readonly Tickle[]): void {
    for (const { packet, to } of tickles) {
      try {
        raw.send(packet, to);
        this.counts.add("tickle");
      } catch (error) {
        this.counts.add("tickle-error");
        this.log.debug({ cause: error, client: to }, "tickle");
      }
    }
  }

  /** A transfer may have gone on untold until its server died, which was before its address came here. */
  private sinceHeard(posted: PostedSession | undefined): KnownSession | undefined {
    if (posted === undefined) return undefined;
    const { session, heardAt } = posted;
    const until = this.adoptedAt.get(session.server.address) ?? this.elapsed;
    return { session, untold: Math.max(until - heardAt, 0) };
  }
}
