/**
 * The names that the site file makes, and the zones that they are in: hosts, servers and the install name, forward and
 * reverse. Pure; the same on every server that runs the same file.
 */
import { type Cidr, cidrContains, type Ipv4, ipv4FromNumber, ipv4ToNumber } from "../../base/address.ts";
import type { Server, Site } from "../../site/model.ts";

/** Seconds that answers may be remembered; changes of the site file are rare. */
export const ZONE_TTL = 60;

export interface NameRecords {
  readonly a: readonly Ipv4[];
  readonly ptr?: string;
}

/** Names are in lower case, without the dot at their end. */
export interface Zones {
  /** First 32 bits of the site file's hash: another file, another number. Not a rising one: nobody transfers these zones. */
  readonly serial: number;
  /** Apexes of all zones. */
  readonly apexes: ReadonlySet<string>;
  /** Every server of the site, the first one first: all of them know all zones. */
  readonly nameServers: readonly string[];
  readonly names: ReadonlyMap<string, NameRecords>;
  /** Stands for all install servers: its addresses are found when it is asked for. */
  readonly install?: string;
  /** Names that have nothing but names below them (RFC 8020): they are there, without records. */
  readonly between: ReadonlySet<string>;
}

export function siteZones(site: Site): Zones {
  const names = namesOf(site);
  const install = installName(site);
  const owners = [...names.keys(), ...(install === undefined ? [] : [install])];
  const inSubnets = site.subnets.flatMap(({ domain, cidr }) => [
    ...(domain === undefined ? [] : [domain.toLowerCase()]),
    ...reverseZones(cidr),
  ]);
  const declared = new Set(inSubnets);
  // Outside of the site's domains a name is a zone of its own: what is beside it belongs to others.
  const apexes = new Set([...declared, ...owners.filter((name) => enclosing(declared, name) === undefined)]);
  return {
    ...{ serial: Number.parseInt(site.revision.slice(0, 8), 16), apexes, names },
    nameServers: [...site.servers.values()].map((server) => serverName(site, server)),
    ...(install !== undefined && { install }),
    between: new Set(owners.flatMap((name) => parentsBelow(name, enclosing(apexes, name)))),
  };
}

/** The zone that a name is in: the longest apex that it ends with. */
export function zoneOf({ apexes }: Zones, name: string): string | undefined {
  return enclosing(apexes, name);
}

/** `77.168.192.in-addr.arpa`, by the octets that belong to the zone. */
export function reverseName(address: Ipv4, octets = 4): string {
  return `${address.split(".").slice(0, octets).reverse().join(".")}.in-addr.arpa`;
}

/**
 * The fewest zones that end at an octet and hold these addresses and no others: a /22 has four, a /26 one for each of its
 * addresses.
 */
function reverseZones({ base, prefix }: Cidr): string[] {
  const octets = Math.max(1, Math.ceil(prefix / 8));
  const size = 2 ** (32 - octets * 8);
  const count = 2 ** (octets * 8 - prefix);
  const first = ipv4ToNumber(base);
  return Array.from({ length: count }, (_, place) => reverseName(ipv4FromNumber(first + place * size), octets));
}

function namesOf(site: Site): Map<string, NameRecords> {
  const names = new Map<string, NameRecords>();
  const add = (name: string, more: Partial<NameRecords>) => {
    const known = names.get(name) ?? { a: [] };
    const addresses = new Set([...known.a, ...(more.a ?? [])]);
    names.set(name, { ...known, ...more, a: [...addresses] });
  };
  const addBoth = (name: string, address: Ipv4) => {
    add(name, { a: [address] });
    add(reverseName(address), { ptr: name });
  };
  for (const { name, address, subnet } of site.hosts.values()) addBoth(qualified(name, subnet.domain), address);
  for (const server of site.servers.values()) {
    const name = serverName(site, server);
    addBoth(name, server.address);
    const { floating } = server;
    if (floating) add(reverseName(floating), { ptr: installName(site) ?? name });
  }
  return names;
}

function installName({ names }: Site): string | undefined {
  const name: string | undefined = names.install;
  return name?.toLowerCase();
}

function serverName({ subnets }: Site, { name, address }: Server): string {
  return qualified(name, subnets.find(({ cidr }) => cidrContains(cidr, address))?.domain);
}

/** In lower case: it is a key, and the same name in other cases is the same name. */
function qualified(name: string, domain: string | undefined): string {
  return (domain === undefined ? name : `${name}.${domain}`).toLowerCase();
}

function enclosing(apexes: ReadonlySet<string>, name: string): string | undefined {
  return [name, ...parents(name)].find((each) => apexes.has(each));
}

function parentsBelow(name: string, apex: string | undefined): string[] {
  const above = parents(name);
  return name === apex || apex === undefined ? [] : above.slice(0, above.indexOf(apex));
}

/** `b.c` and `c` of `a.b.c`. */
function parents(name: string): string[] {
  const labels = name.split(".");
  return labels.slice(1).map((_, place) => labels.slice(place + 1).join("."));
}
