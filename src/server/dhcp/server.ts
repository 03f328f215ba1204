/** The DHCP server's sockets and loop: receive, decode, decide, commit, send. */
import { BROADCAST_IPV4, type Ipv4 } from "../../base/address.ts";
import { DecodeError } from "../../base/bytes.ts";
import type { Clock } from "../../base/clock.ts";
import { EverbootError } from "../../base/errors.ts";
import { type Log, lazily } from "../../base/log.ts";
import type { PlanBoot } from "../../boot/plan.ts";
import type { LeaseTable } from "../../cluster/leases.ts";
import type { Sighting } from "../../cluster/unknown.ts";
import type { LocalInterface } from "../../net/interfaces.ts";
import type { UdpOpener, UdpPeer, UdpSocket } from "../../net/udp.ts";
import type { Site, Server as SiteServer } from "../../site/model.ts";
import { describeDhcp } from "../../wire/dhcp-describe.ts";
import { DHCP_PORTS, type DhcpPacket, decodeDhcp, encodeDhcp } from "../../wire/dhcp-packet.ts";
import { Counters } from "../counters.ts";
import { Histogram, QUICK_BOUNDS } from "../histogram.ts";
import type { NamedDurations, Server } from "../server.ts";
import { type DhcpAgreement, type DhcpContext, reservedAddresses } from "./exchange.ts";
import { handleDhcp } from "./handler.ts";
import { type Link, servedLinks } from "./links.ts";
import { strangerIn } from "./stranger.ts";
import type { Destination, DhcpEvent, DropReason, LeaseChange, Verdict } from "./verdict.ts";

/** What answers are made of; another revision of the site file has another one. */
export interface DhcpSite {
  readonly site: Site;
  /** This server's entry in the site file. */
  readonly server: SiteServer;
  readonly plan: PlanBoot;
  readonly observer: (event: DhcpEvent) => void;
  /** Is told of machines that are no hosts, whether they are answered or not. */
  readonly stranger?: (sighting: Sighting) => void;
  /** Where the site has several servers. */
  readonly agreement?: DhcpAgreement;
}

export interface DhcpServerOptions extends DhcpSite {
  /** What `localInterfaces` finds when the server starts. */
  readonly interfaces: () => readonly LocalInterface[];
  readonly leases: LeaseTable;
  readonly clock: Clock;
  readonly log: Log;
  readonly sockets: UdpOpener;
}

export interface DhcpServer extends Server {
  /** From the next message on it answers by this site, whose subnets and interfaces are those it has started with. */
  swap(site: DhcpSite): void;
}

type Service = DhcpContext["service"];

/**
 * Counters: `reply.offer`, `reply.ack`, `reply.nak`, `reply.inform`, `note.decline`, `note.release`, `drop.<reason>`.
 * Durations: `answer`, from a message to the reply that is sent.
 */
export function createDhcpServer(options: DhcpServerOptions): DhcpServer {
  return new DhcpListener(options);
}

class DhcpListener implements DhcpServer {
  readonly name = "dhcp";
  private readonly options: DhcpServerOptions;
  private readonly counts = new Counters();
  private readonly answerTimes = new Histogram(QUICK_BOUNDS);
  private current: DhcpSite;
  private links: readonly Link[] = [];
  private sockets: UdpSocket[] = [];
  private reserved: ReadonlySet<Ipv4> = new Set();

  constructor(options: DhcpServerOptions) {
    this.options = options;
    this.current = options;
  }

  swap(site: DhcpSite): void {
    this.current = site;
    this.reserved = reservedAddresses(site.site, this.links);
  }

  async start(): Promise<void> {
    const { sockets } = this.options;
    const { site, server } = this.current;
    const links = servedLinks(site, server, this.options.interfaces());
    if (links.length > 1 && !sockets.perDevice) {
      throw new EverbootError("interfaces-inseparable", { interfaces: links.map(({ device }) => device).join(", ") });
    }
    this.links = links;
    this.reserved = reservedAddresses(site, links);
    try {
      for (const link of links) {
        await this.listen(link, "dhcp");
        await this.listen(link, "pxe");
      }
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  async stop(): Promise<void> {
    const sockets = this.sockets;
    this.sockets = [];
    await Promise.all(sockets.map((socket) => socket.close()));
  }

  counters(): Readonly<Record<string, number>> {
    return this.counts.snapshot();
  }

  durations(): NamedDurations {
    return [["answer", this.answerTimes.snapshot()]];
  }

  private async listen(link: Link, service: Service): Promise<void> {
    const { log } = this.options;
    const socket = await this.options.sockets.open({
      device: link.device,
      address: link.addresses[0],
      port: service === "dhcp" ? DHCP_PORTS.server : DHCP_PORTS.pxe,
      receive: (bytes, source, socket) =>
        void this.serve(bytes, source, { link, service, socket, began: this.answerTimes.start() }),
      failed: (error) => log.error({ interface: link.device, cause: error }, "DHCP socket failed"),
    });
    this.sockets.push(socket);
  }

  /** Never rejects: whatever a packet leads to, the next one is served. */
  private async serve(bytes: Uint8Array, source: UdpPeer, at: Arrival): Promise<void> {
    try {
      const packet = decodeDhcp(bytes);
      this.options.log.debug({ interface: at.link.device, dhcp: lazily(() => describeDhcp(packet)) }, "heard");
      const context = this.context(source, at);
      const verdict = handleDhcp(packet, context);
      await this.carryOut(verdict, at);
      const stranger = strangerIn(packet, context, verdict);
      if (stranger) this.current.stranger?.(stranger);
    } catch (error) {
      const reason = dropReasonOf(error);
      this.count(`drop.${reason}`);
      if (reason !== "malformed")
        this.options.log.error({ interface: at.link.device, cause: error }, `DHCP: ${reason}`);
    }
  }

  private context(source: UdpPeer, { link, service, socket }: Arrival): DhcpContext {
    const { leases, clock } = this.options;
    const { site, server, plan, agreement } = this.current;
    return {
      ...{ site, server, link, service, source, plan, leases, reserved: this.reserved },
      sendsFrames: socket.sendsFrames,
      now: clock.now(),
      ...(agreement && { agreement }),
    };
  }

  private async carryOut(verdict: Verdict, { socket, began }: Arrival): Promise<void> {
    if (verdict.kind === "drop") return this.count(`drop.${verdict.reason}`);
    if (verdict.change && !(await this.apply(verdict.change))) return this.count("drop.lease-conflict" satisfies Drop);
    if (verdict.kind === "reply") {
      if (!(await this.send(verdict.packet, verdict.to, socket))) return;
      this.answerTimes.end(began);
    }
    this.count(`${verdict.kind}.${verdict.event.kind}`);
    this.current.observer(verdict.event);
  }

  private async apply(change: LeaseChange): Promise<boolean> {
    const { leases, clock } = this.options;
    if (change.kind === "commit") return leases.commit(change.lease);
    leases.hold(change.hold, clock.now());
    return true;
  }

  private async send(packet: DhcpPacket, to: Destination, socket: UdpSocket): Promise<boolean> {
    try {
      await sendTo(socket, encodeDhcp(packet), to);
      return true;
    } catch (error) {
      this.count("drop.send-failed" satisfies Drop);
      this.options.log.warn({ interface: socket.device, dhcp: describeDhcp(packet), cause: error }, "reply not sent");
      return false;
    }
  }

  private count(name: string): void {
    this.counts.add(name);
  }
}

/** The interface and the socket that a message came in by, and when: as `Histogram.start` tells. */
interface Arrival {
  readonly link: Link;
  readonly service: Service;
  readonly socket: UdpSocket;
  readonly began: number;
}

type Drop = `drop.${DropReason}`;

async function sendTo(socket: UdpSocket, bytes: Uint8Array, to: Destination): Promise<void> {
  if (to.kind === "frame") return socket.sendFrame(bytes, to);
  return socket.send(bytes, { address: to.kind === "broadcast" ? BROADCAST_IPV4 : to.address, port: to.port });
}

function dropReasonOf(error: unknown): DropReason {
  if (error instanceof DecodeError) return "malformed";
  return error instanceof EverbootError && error.code === "store-unavailable" ? "store-unavailable" : "internal";
}
