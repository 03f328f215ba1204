/** Answers from the site's own zones. Pure: the install name's addresses are passed in. */
import type { Ipv4 } from "../../base/address.ts";
import { DNS_TYPE, type DnsQuestion, type DnsRecord, type DnsReply } from "../../wire/dns-message.ts";
import { type NameRecords, ZONE_TTL, type Zones, zoneOf } from "./zones.ts";

/** Seconds that the install name's addresses may be remembered: the next question is to find out which servers live. */
export const INSTALL_TTL = 2;

/** Addresses of the servers to install from, the one first that is to be taken. */
export type InstallAddresses = () => readonly Ipv4[];

/** `undefined` = the name is in no zone of the site. */
export function ownReply(zones: Zones, question: DnsQuestion, install: InstallAddresses): DnsReply | undefined {
  const apex = zoneOf(zones, question.key);
  if (apex === undefined) return undefined;
  const name = findName(zones, question.key);
  const isTransfer = question.type === DNS_TYPE.axfr || question.type === DNS_TYPE.ixfr;
  if (isTransfer) return reply({ rcode: "refused", authoritative: false });
  if (!name && question.key !== apex && !zones.between.has(question.key)) {
    return reply({ rcode: "nxdomain", authorities: [soaRecord(zones, apex)] });
  }
  if (question.key === zones.install && question.type === DNS_TYPE.a) return installReply(question, install());
  const answers = recordsOf(zones, apex, question, name);
  if (answers.length === 0) return reply({ authorities: [soaRecord(zones, apex)] });
  return reply({ answers, additionals: question.type === DNS_TYPE.ns ? glue(zones) : [] });
}

/** RFC 2308 section 3: in the authority section it tells how long a name's absence may be remembered. */
export function soaRecord({ nameServers, serial }: Zones, apex: string): Extract<DnsRecord, { type: "SOA" }> {
  const [mname = apex] = nameServers;
  const times = { refresh: 3600, retry: 600, expire: 604_800, minimum: ZONE_TTL };
  return { type: "SOA", name: apex, ttl: ZONE_TTL, data: { mname, rname: `hostmaster.${apex}`, serial, ...times } };
}

function findName(zones: Zones, key: string): NameRecords | undefined {
  return zones.names.get(key) ?? (key === zones.install ? { a: [] } : undefined);
}

/** There is none: that is an outage, and no lack of a name. */
function installReply({ name }: DnsQuestion, addresses: readonly Ipv4[]): DnsReply {
  if (addresses.length === 0) return reply({ rcode: "servfail", authoritative: false });
  return reply({ answers: addresses.map((data) => ({ type: "A", name, ttl: INSTALL_TTL, data })) });
}

function recordsOf(zones: Zones, apex: string, { name, key, type }: DnsQuestion, known?: NameRecords): DnsRecord[] {
  switch (type) {
    case DNS_TYPE.a:
      return (known?.a ?? []).map((data) => ({ type: "A", name, ttl: ZONE_TTL, data }));
    case DNS_TYPE.ptr:
      return known?.ptr === undefined ? [] : [{ type: "PTR", name, ttl: ZONE_TTL, data: known.ptr }];
    case DNS_TYPE.ns:
      return key === apex ? nsRecords(zones, name) : [];
    case DNS_TYPE.soa:
      return key === apex ? [{ ...soaRecord(zones, apex), name }] : [];
    // Not all there is: that would be a gift to those who send answers to others (RFC 8482 section 4.2).
    case DNS_TYPE.any:
      return [{ type: "HINFO", name, ttl: ZONE_TTL, data: { cpu: "RFC8482", os: "" } }];
    default:
      return [];
  }
}

function nsRecords({ nameServers }: Zones, name: string): DnsRecord[] {
  return nameServers.map((data) => ({ type: "NS", name, ttl: ZONE_TTL, data }));
}

function glue({ nameServers, names }: Zones): DnsRecord[] {
  return nameServers.flatMap((name) =>
    (names.get(name)?.a ?? []).map((data) => ({ type: "A" as const, name, ttl: ZONE_TTL, data })),
  );
}

function reply(parts: Partial<DnsReply>): DnsReply {
  const nothing = { answers: [], authorities: [], additionals: [] };
  return { rcode: "noerror", authoritative: true, recursionAvailable: false, ...nothing, ...parts };
}
