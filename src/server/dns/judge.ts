/** What becomes of a query: a reply from the site's zones, the question passed on, or a refusal. Pure. */
import { type Cidr, cidrContains, type Ipv4 } from "../../base/address.ts";
import type { Peer } from "../../net/datagram.ts";
import type { Site } from "../../site/model.ts";
import { DNS_CLASS_IN, DNS_TYPE, type DnsQuery, type DnsReply, type RcodeName } from "../../wire/dns-message.ts";
import { type InstallAddresses, ownReply } from "./authority.ts";
import { siteZones, type Zones } from "./zones.ts";

/** What the DNS server needs of the site file; made anew for each revision. */
export interface DnsSite {
  readonly zones: Zones;
  /** Whose questions about other names are passed on. */
  readonly subnets: readonly Cidr[];
  /** Name servers that are asked for other names, best first; empty = other names are refused. */
  readonly forwarders: readonly Peer[];
}

export type DnsVerdict =
  | { readonly kind: "reply"; readonly reply: DnsReply }
  | { readonly kind: "forward"; readonly forwarders: readonly Peer[] };

const DNS_PORT = 53;

export function dnsSite(site: Site, forwarders: readonly Ipv4[]): DnsSite {
  return {
    zones: siteZones(site),
    subnets: site.subnets.map(({ cidr }) => cidr),
    forwarders: forwarders.map((address) => ({ address, port: DNS_PORT })),
  };
}

export function judgeQuery(query: DnsQuery, client: Ipv4, site: DnsSite, install: InstallAddresses): DnsVerdict {
  const { question, edns } = query;
  const recursionAvailable = mayAskOthers(client, site);
  if (edns && edns.version !== 0) return { kind: "reply", reply: emptyReply("badvers", recursionAvailable) };
  const own = question.class === DNS_CLASS_IN ? ownReply(site.zones, question, install) : undefined;
  if (own) return { kind: "reply", reply: { ...own, recursionAvailable } };
  const isForOthers = query.recursionDesired && isOrdinary(query);
  if (recursionAvailable && isForOthers) return { kind: "forward", forwarders: site.forwarders };
  return { kind: "reply", reply: emptyReply("refused", recursionAvailable) };
}

export function emptyReply(rcode: RcodeName, recursionAvailable: boolean): DnsReply {
  const sections = { answers: [], authorities: [], additionals: [] };
  return { rcode, authoritative: false, recursionAvailable, ...sections };
}

export function isOfSite(client: Ipv4, { subnets }: DnsSite): boolean {
  return subnets.some((cidr) => cidrContains(cidr, client));
}

/** A server that we ask and that asks us for names of others would go round with us. */
function mayAskOthers(client: Ipv4, site: DnsSite): boolean {
  const { forwarders } = site;
  return forwarders.length > 0 && isOfSite(client, site) && !forwarders.some(({ address }) => address === client);
}

/** Transfers and ANY make long answers of short questions; the types up to 127 and from 256 on are of data (RFC 6895). */
function isOrdinary({ question }: DnsQuery): boolean {
  const isMeta = question.type >= 128 && question.type <= DNS_TYPE.any;
  return question.class === DNS_CLASS_IN && !isMeta && question.type !== DNS_TYPE.opt && question.type !== 0;
}
