/** From the bytes of a query to those of its reply. */
import type { Ipv4 } from "../../base/address.ts";
import type { Clock } from "../../base/clock.ts";
import type { Log } from "../../base/log.ts";
import type { Peer } from "../../net/datagram.ts";
import {
  type DnsIncoming,
  type DnsQuery,
  type DnsReply,
  decodeDnsQuery,
  type EncodedReply,
  encodeDnsError,
  encodeDnsReply,
  encodeTruncated,
  RCODE,
  udpLimit,
} from "../../wire/dns-message.ts";
import { encodeRelay, relayedOf } from "../../wire/dns-relay.ts";
import type { Counters } from "../counters.ts";
import { Histogram, QUICK_BOUNDS } from "../histogram.ts";
import type { NamedDurations } from "../server.ts";
import type { Forwarder } from "./forwarder.ts";
import { type DnsSite, emptyReply, isOfSite, judgeQuery } from "./judge.ts";
import type { ResponseLimit } from "./limit.ts";

export interface ResponderOptions {
  readonly site: () => DnsSite;
  readonly installAddresses: (client: Ipv4) => readonly Ipv4[];
  readonly forwarder: Forwarder;
  readonly limit: ResponseLimit;
  readonly counts: Counters;
  readonly clock: Clock;
  readonly log: Log;
}

type Answerable = Exclude<DnsIncoming, { readonly kind: "drop" }>;

export type Transport = "udp" | "tcp";

const NOTHING = emptyReply("noerror", false);
/** What stands before a TCP message, its length, has two bytes. */
const TCP_LIMIT = 0xffff;

export class Responder {
  private readonly options: ResponderOptions;
  private readonly times = { own: new Histogram(QUICK_BOUNDS), forward: new Histogram(QUICK_BOUNDS) };
  private turn = 0;

  constructor(options: ResponderOptions) {
    this.options = options;
  }

  /** `undefined` = silence; the reason is counted. Never rejects. */
  async answer(bytes: Uint8Array, client: Ipv4, transport: Transport): Promise<Uint8Array | undefined> {
    const { counts, log } = this.options;
    try {
      const incoming = decodeDnsQuery(bytes);
      if (incoming.kind !== "drop") return await this.answerMessage(incoming, client, transport);
      counts.add(`drop.${incoming.reason}`);
    } catch (error) {
      counts.add("drop.internal");
      log.error({ cause: error, client }, "DNS query");
    }
    return undefined;
  }

  durations(): NamedDurations {
    const { own, forward } = this.times;
    return [
      ["dns-answer.forward", forward.snapshot()],
      ["dns-answer.own", own.snapshot()],
    ];
  }

  private async answerMessage(
    incoming: Answerable,
    client: Ipv4,
    transport: Transport,
  ): Promise<Uint8Array | undefined> {
    const { counts, limit, clock, site } = this.options;
    counts.add("request");
    if (transport === "tcp") counts.add("over-tcp");
    // A TCP client has shown that its address is its own.
    const allowed = transport === "tcp" ? "send" : limit.judge(client, isOfSite(client, site()), clock.now());
    switch (allowed) {
      case "drop":
        counts.add("drop.rate");
        return undefined;
      case "slip":
        counts.add("slip");
        return incoming.kind === "query" ? encodeTruncated(incoming.query, NOTHING) : undefined;
      case "send":
        return incoming.kind === "query" ? this.answerQuery(incoming.query, client, transport) : this.refuse(incoming);
    }
  }

  private refuse({ head, rcode }: Extract<Answerable, { kind: "error" }>): Uint8Array {
    this.options.counts.add(`answer.${rcode}`);
    return encodeDnsError(head, rcode);
  }

  private async answerQuery(query: DnsQuery, client: Ipv4, transport: Transport): Promise<Uint8Array> {
    const started = this.times.own.start();
    const limit = transport === "tcp" ? TCP_LIMIT : udpLimit(query);
    const verdict = judgeQuery(query, client, this.options.site(), () => this.installAddresses(client));
    const { bytes, truncated } =
      verdict.kind === "reply"
        ? this.encode(query, verdict.reply, limit)
        : await this.relay(query, verdict.forwarders, limit);
    if (truncated) this.options.counts.add("truncated");
    this.times[verdict.kind === "reply" ? "own" : "forward"].end(started);
    return bytes;
  }

  /** Each time another one stands first: clients take that one. */
  private installAddresses(client: Ipv4): readonly Ipv4[] {
    const all = this.options.installAddresses(client);
    const start = all.length === 0 ? 0 : this.turn % all.length;
    this.turn += 1;
    return [...all.slice(start), ...all.slice(0, start)];
  }

  private encode(query: DnsQuery, reply: DnsReply, limit: number): EncodedReply {
    this.options.counts.add(`answer.${reply.rcode}`);
    return encodeDnsReply(query, reply, limit);
  }

  private async relay(query: DnsQuery, servers: readonly Peer[], limit: number): Promise<EncodedReply> {
    const { forwarder, counts } = this.options;
    const found = await forwarder.ask(relayedOf(query), servers);
    counts.add(`forward.${found.kind === "answer" ? found.from : found.reason}`);
    if (found.kind === "failed") return this.encode(query, emptyReply("servfail", true), limit);
    const rcode = found.answer.rcode === RCODE.nxdomain ? "nxdomain" : "noerror";
    counts.add(`answer.${rcode}`);
    return encodeRelay(query, found.answer, found.age, limit);
  }
}
