/** The DNS server on one address, over UDP and TCP: the site's names, and those of others as far as it is told to. */
import { type Ipv4, parseIpv4 } from "../../base/address.ts";
import { type Clock, steadyClock } from "../../base/clock.ts";
import type { Log } from "../../base/log.ts";
import { type DatagramSocket, openDatagramSocket, type Peer } from "../../net/datagram.ts";
import { Counters } from "../counters.ts";
import type { NamedDurations, Server } from "../server.ts";
import { Forwarder } from "./forwarder.ts";
import type { DnsSite } from "./judge.ts";
import { RESPONSE_LIMITS, ResponseLimit, type ResponseLimits } from "./limit.ts";
import { Responder } from "./responder.ts";
import { DnsStreams } from "./streams.ts";

export interface DnsOptions {
  readonly address: Ipv4;
  /** 53 unless set; 0 = any free one, the same for UDP and TCP. */
  readonly port?: number;
  /** Asked for each query: the site file may change. */
  readonly site: () => DnsSite;
  /**
   * Asked for each query for the install name: where that client is to install from. In the order of the site file; they
   * are turned round here.
   */
  readonly installAddresses: (client: Ipv4) => readonly Ipv4[];
  /** Listeners of one daemon share it, and with it what it remembers. */
  readonly forwarder?: Forwarder;
  readonly log: Log;
  /** One that is never set back; the steady one unless set. */
  readonly clock?: Clock;
  readonly limits?: ResponseLimits;
  /** Of TCP connections, in milliseconds. */
  readonly idleMs?: number;
  readonly maxConnections?: number;
  readonly maxPerClient?: number;
}

/**
 * Counters: `request`, `over-tcp` (those of them), `answer.<rcode>` (`noerror`, `nxdomain`, `servfail`, ...), `truncated`,
 * `slip` (answers past the rate that say to ask over TCP), `forward.<outcome>` (`cache`, `server`, `silent`, `busy`),
 * `drop.<reason>` (`malformed`, `response`, `rate`, `too-many-connections`, `internal`), `socket-error`. Durations:
 * `dns-answer.own` and `dns-answer.forward`, from the query to its reply.
 */
export interface DnsServer extends Server {
  /** The port it listens on, UDP and TCP, once started. */
  readonly port: number;
}

/** RFC 7766 section 6.2.3: "of the order of a few seconds". */
const IDLE_MS = 10_000;
const MAX_CONNECTIONS = 512;
/** Resolvers of a machine share one address, and open one connection a question. */
const MAX_PER_CLIENT = 16;

export function createDnsServer(options: DnsOptions): DnsServer {
  return new DnsListener(options);
}

class DnsListener implements DnsServer {
  readonly name: string;
  port: number;
  private readonly options: DnsOptions;
  private readonly log: Log;
  private readonly counts = new Counters();
  private readonly responder: Responder;
  private datagrams: DatagramSocket | undefined;
  private streams: DnsStreams | undefined;

  constructor(options: DnsOptions) {
    const { address, port = 53, clock = steadyClock, site, installAddresses, limits = RESPONSE_LIMITS } = options;
    this.options = options;
    this.name = `dns ${address}`;
    this.port = port;
    this.log = options.log.child({ server: this.name });
    this.responder = new Responder({
      ...{ site, installAddresses, clock, log: this.log, counts: this.counts, limit: new ResponseLimit(limits) },
      forwarder: options.forwarder ?? new Forwarder({ clock }),
    });
  }

  async start(): Promise<void> {
    this.datagrams = await openDatagramSocket("DNS", this.options.address, this.port, {
      message: (packet, from) => void this.receiveDatagram(packet, from),
      error: (cause) => this.tellTrouble(cause),
    });
    this.port = this.datagrams.port;
    this.streams = this.makeStreams();
    try {
      await this.streams.listen();
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  async stop(): Promise<void> {
    const { datagrams, streams } = this;
    this.datagrams = undefined;
    this.streams = undefined;
    await Promise.all([datagrams?.close(), streams?.close()]);
  }

  counters(): Readonly<Record<string, number>> {
    return this.counts.snapshot();
  }

  durations(): NamedDurations {
    return this.responder.durations();
  }

  private makeStreams(): DnsStreams {
    const { address, idleMs = IDLE_MS, maxConnections = MAX_CONNECTIONS, maxPerClient = MAX_PER_CLIENT } = this.options;
    return new DnsStreams(
      { address, port: this.port, idleMs, maxConnections, maxPerClient },
      {
        answer: (message, client) => this.responder.answer(message, client, "tcp"),
        refused: () => this.counts.add("drop.too-many-connections"),
        error: (cause) => this.tellTrouble(cause),
      },
    );
  }

  /** A datagram without a source port (RFC 768 allows it) wants no answer. */
  private async receiveDatagram(packet: Uint8Array, from: Peer): Promise<void> {
    const client = from.port === 0 ? undefined : parseIpv4(from.address);
    const reply = client && (await this.responder.answer(packet, client, "udp"));
    if (reply) this.datagrams?.send([reply], from);
  }

  private tellTrouble(cause: Error): void {
    this.counts.add("socket-error");
    this.log.debug({ cause }, "DNS socket");
  }
}
