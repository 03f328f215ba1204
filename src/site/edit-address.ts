/** An address for a new host. Pure. */
import { type Ipv4, ipv4FromNumber, ipv4ToNumber } from "../base/address.ts";
import type { Site, Subnet } from "./model.ts";
import { cidrSpan, reservedUse, spanHolds } from "./span.ts";

/**
 * The one behind the highest host of the subnet, else its lowest free one: in no pool, and not that of a host, server,
 * router or name server. Undefined = there is none.
 */
export function freeAddress(site: Site, subnet: Subnet): Ipv4 | undefined {
  const span = cidrSpan(subnet.cidr);
  const taken = takenAddresses(site);
  const hosts = Array.from(site.hostByAddress.keys(), ipv4ToNumber).filter((address) => spanHolds(span, address));
  const highest = hosts.reduce((most, address) => Math.max(most, address), span.first - 1);
  return search(subnet, taken, highest + 1) ?? search(subnet, taken, span.first);
}

function search({ cidr, pool }: Subnet, taken: ReadonlySet<Ipv4>, from: number): Ipv4 | undefined {
  const { last } = cidrSpan(cidr);
  const lent = pool && { first: ipv4ToNumber(pool.first), last: ipv4ToNumber(pool.last) };
  for (let value = from; value <= last; value += 1) {
    // A pool may be large: it is stepped over.
    if (lent && spanHolds(lent, value)) value = lent.last;
    else if (!taken.has(ipv4FromNumber(value)) && !reservedUse(cidr, ipv4FromNumber(value)))
      return ipv4FromNumber(value);
  }
  return undefined;
}

function takenAddresses({ servers, subnets, hosts }: Site): ReadonlySet<Ipv4> {
  return new Set([
    ...[...servers.values()].flatMap(({ address, floating, links }) => [address, ...links, floating ?? address]),
    ...subnets.flatMap(({ router, dns }) => [...dns, ...(router ? [router] : [])]),
    ...[...hosts.values()].flatMap(({ address, bond }) => [address, ...vlanAddresses(bond?.vlans ?? [])]),
  ]);
}

function vlanAddresses(vlans: ReadonlyArray<{ readonly address?: { readonly address: Ipv4 } }>): Ipv4[] {
  return vlans.flatMap(({ address }) => (address ? [address.address] : []));
}
