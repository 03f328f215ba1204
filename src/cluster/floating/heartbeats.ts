/** Heartbeats over every link between the servers: who is alive, and where it is heard. */
import type { Ipv4 } from "../../base/address.ts";
import type { Clock } from "../../base/clock.ts";
import type { DatagramSocket, OpenDatagramSocket } from "../../net/datagram.ts";
import type { PeerStanding, Witness } from "./advice.ts";
import type { Fitness } from "./fitness.ts";
import { decodeHeartbeat, encodeHeartbeat, type Heartbeat, isNewer } from "./heartbeat-message.ts";

export interface Peer {
  readonly name: string;
  readonly lan: Ipv4;
  /** Its addresses on further links. */
  readonly links: readonly Ipv4[];
}

/** What is known of a peer now. */
export interface PeerView {
  readonly name: string;
  readonly heard: PeerStanding["heard"];
  readonly fitness: Fitness;
  readonly witness: Witness;
  readonly holds: readonly Ipv4[];
}

/** What this server tells of itself. */
export type OwnState = Pick<Heartbeat, "fitness" | "holds" | "witness">;

export interface HeartbeatOptions {
  readonly server: string;
  readonly peers: readonly Peer[];
  /** Shared by all servers of the site. */
  readonly key: Uint8Array;
  /** Milliseconds since 1970 at the start of this run. */
  readonly run: number;
  /** Its `now` must not jump with the wall clock. */
  readonly clock: Clock;
  readonly port?: number;
}

/** IANA: `ha-cluster`, which Heartbeat used. */
export const HEARTBEAT_PORT = 694;
export const HEARTBEAT_MS = 20;
/** A peer that is heard on no link for so long is not there. */
export const GONE_MS = 180;
/**
 * A peer has lost the LAN when so many heartbeats in a row came by other links alone: 120 to 140 ms, before VRRP decides,
 * which is some 2.3 adverts (keepalived-config.ts) after a cut at the earliest. Counted in heartbeats and not in time,
 * because a peer that is late sends late: by its sixth one it has itself missed the LAN for `WITNESS_MS`, and says so.
 */
export const LAN_LOST_BEATS = 6;
/** The LAN is witnessed for so long after a sign of life from it. */
export const WITNESS_MS = 50;

/** The latest heartbeat of a peer and when it came: by the LAN, and by any link. */
interface LastHeard {
  lanAt: number;
  lan?: Heartbeat;
  at: number;
  heartbeat?: Heartbeat;
}

/** One way by which a peer is heard. */
interface Link {
  readonly peer: string;
  readonly kind: "lan" | "elsewhere";
  /** The latest by this link: each heartbeat counts once on each. */
  last?: Heartbeat;
}

export class Heartbeats {
  private readonly options: HeartbeatOptions;
  private readonly heard: ReadonlyMap<string, LastHeard>;
  /** By the peer's address there. */
  private readonly links = new Map<string, Link>();
  /** By the peer's name: any of them may be at the other end of a serial line. */
  private readonly wired = new Map<string, Link>();
  private socket: DatagramSocket | undefined;
  private sequence = 0;

  constructor(options: HeartbeatOptions) {
    this.options = options;
    this.heard = new Map(options.peers.map(({ name }) => [name, { lanAt: -Infinity, at: -Infinity }]));
    for (const { name, lan, links } of options.peers) {
      this.links.set(lan, { peer: name, kind: "lan" });
      for (const link of links) this.links.set(link, { peer: name, kind: "elsewhere" });
      this.wired.set(name, { peer: name, kind: "elsewhere" });
    }
  }

  /**
   * One socket on all addresses: the routing table chooses the link, and with it the source address by which the peer
   * knows the link. Rejects with EverbootError `port-in-use` or `port-denied`.
   */
  async open(open: OpenDatagramSocket): Promise<void> {
    this.socket = await open("UDP", "0.0.0.0", this.port, {
      message: (packet, from) => this.receive(packet, from.address),
      // A dead link refuses to send; that nothing is heard on it says the same.
      error: () => undefined,
    });
  }

  async close(): Promise<void> {
    await this.socket?.close();
  }

  /** To every peer on every link. @returns the packet, for lines that are not of the network */
  send(own: OwnState): Uint8Array {
    const { server, run, key } = this.options;
    this.sequence += 1;
    const packet = encodeHeartbeat({ server, run, sequence: this.sequence, ...own }, key);
    for (const address of this.links.keys()) this.socket?.send([packet], { address, port: this.port });
    return packet;
  }

  /** Something else, to every peer on every link. */
  tell(packets: readonly Uint8Array[], port: number): void {
    for (const address of this.links.keys()) this.socket?.send(packets, { address, port });
  }

  receive(packet: Uint8Array, from: string): void {
    const link = this.links.get(from);
    const heartbeat = link && decodeHeartbeat(packet, this.options.key);
    if (heartbeat?.server === link?.peer) this.count(link, heartbeat);
  }

  /** By a serial line. Noise is nobody's heartbeat; this server's own comes back from a line that is not plugged in. */
  receiveWired(packet: Uint8Array): void {
    const heartbeat = decodeHeartbeat(packet, this.options.key);
    this.count(heartbeat && this.wired.get(heartbeat.server), heartbeat);
  }

  views(): PeerView[] {
    return Array.from(this.heard, ([name, last]) => {
      const heard = this.whereHeard(last);
      const { fitness = "none", witness = "unknown", holds = [] } = last.heartbeat ?? {};
      return heard === "nowhere"
        ? { name, heard, fitness: "none", witness: "unknown", holds: [] }
        : { name, heard, fitness, witness, holds };
    });
  }

  /** Was any peer heard on the LAN in the last milliseconds? */
  lanWitnessed(withinMs: number): boolean {
    const now = this.options.clock.now();
    return [...this.heard.values()].some(({ lanAt }) => now - lanAt < withinMs);
  }

  private count(link: Link | undefined, heartbeat: Heartbeat | undefined): void {
    const last = link && this.heard.get(link.peer);
    if (!last || !heartbeat || !isNewer(heartbeat, link.last)) return;
    link.last = heartbeat;
    last.at = this.options.clock.now();
    if (isNewer(heartbeat, last.heartbeat)) last.heartbeat = heartbeat;
    if (link.kind !== "lan") return;
    last.lan = heartbeat;
    last.lanAt = last.at;
  }

  private whereHeard({ at, heartbeat, lan }: LastHeard): PeerView["heard"] {
    if (!heartbeat || this.options.clock.now() - at >= GONE_MS) return "nowhere";
    if (!lan) return "elsewhere";
    const missed = heartbeat.sequence - (heartbeat.run === lan.run ? lan.sequence : 0);
    return missed < LAN_LOST_BEATS ? "lan" : "elsewhere";
  }

  private get port(): number {
    return this.options.port ?? HEARTBEAT_PORT;
  }
}
