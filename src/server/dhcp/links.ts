/** The interfaces to serve, and the address this server goes by on each. */
import { cidrContains, type Ipv4 } from "../../base/address.ts";
import { EverbootError } from "../../base/errors.ts";
import type { LocalInterface } from "../../net/interfaces.ts";
import type { Server, Site, Subnet } from "../../site/model.ts";

export interface Link {
  readonly device: string;
  /** All IPv4 addresses of the device; the server's own one first if it is among them. */
  readonly addresses: readonly [Ipv4, ...Ipv4[]];
}

/**
 * Interfaces with an address in a subnet that has DHCP; where the site file names interfaces, exactly those (a named one
 * may be reached by relay agents alone). Throws EverbootError `interface-missing` or `address-missing`.
 */
export function servedLinks(site: Site, server: Server, interfaces: readonly LocalInterface[]): Link[] {
  const subnets = site.subnets.filter((subnet) => subnet.dhcp !== "off");
  if (subnets.length === 0) return [];
  const links =
    server.interfaces.length > 0 ? namedLinks(server, interfaces) : linksWithin(subnets, server, interfaces);
  if (links.length === 0) throw new EverbootError("address-missing", { server: server.name, address: server.address });
  return links;
}

function namedLinks(server: Server, interfaces: readonly LocalInterface[]): Link[] {
  return server.interfaces.map((device) => {
    const link = linkOf(device, server, interfaces);
    if (!link) throw new EverbootError("interface-missing", { interface: device, server: server.name });
    return link;
  });
}

function linksWithin(subnets: readonly Subnet[], server: Server, interfaces: readonly LocalInterface[]): Link[] {
  const inside = interfaces.filter(({ address }) => subnets.some(({ cidr }) => cidrContains(cidr, address)));
  return [...new Set(inside.map(({ name }) => name))].flatMap((device) => linkOf(device, server, interfaces) ?? []);
}

function linkOf(device: string, server: Server, interfaces: readonly LocalInterface[]): Link | undefined {
  const [first, ...others] = interfaces.filter(({ name }) => name === device).map(({ address }) => address);
  if (!first) return undefined;
  if (!others.includes(server.address)) return { device, addresses: [first, ...others] };
  return { device, addresses: [server.address, first, ...others.filter((address) => address !== server.address)] };
}

/** Our address for clients of `subnet` on this link; for those behind a relay, the link's first one. */
export function addressFor(link: Link, subnet: Subnet): Ipv4 {
  return link.addresses.find((address) => cidrContains(subnet.cidr, address)) ?? link.addresses[0];
}
