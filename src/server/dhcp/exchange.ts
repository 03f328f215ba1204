/** A request in its surroundings: which subnet, which host, which of our addresses. */
import { type AddressRange, cidrContains, type Ipv4, type Mac } from "../../base/address.ts";
import type { PlanBoot } from "../../boot/plan.ts";
import type { LeaseView } from "../../cluster/leases.ts";
import type { UdpPeer } from "../../net/udp.ts";
import type { Host, Server, Site, Subnet } from "../../site/model.ts";
import type { ServerView } from "../../site/server-view.ts";
import { addressFor, type Link } from "./links.ts";
import type { DhcpRequest } from "./request.ts";
import type { DhcpEvent, DhcpEventKind, DropReason } from "./verdict.ts";

/** Everything a decision may depend on besides the message itself. */
export interface DhcpContext {
  readonly site: Site;
  readonly server: Server;
  readonly link: Link;
  /** Where the message was heard: the DHCP port, or 4011, where PXE firmware asks a proxy for its file. */
  readonly service: "dhcp" | "pxe";
  readonly source: UdpPeer;
  readonly plan: PlanBoot;
  readonly leases: LeaseView;
  /** Addresses that are never lent; see `reservedAddresses`. */
  readonly reserved: ReadonlySet<Ipv4>;
  /** Frames can be sent to clients without an address. */
  readonly sendsFrames: boolean;
  readonly now: number;
  /** What several servers have agreed on; absent = this server is alone. */
  readonly agreement?: DhcpAgreement;
}

/** Among the servers of a site; turns.ts has the rules. */
export interface DhcpAgreement {
  /** Is this server to answer? Counts the client's tries, so it is asked once for each message. */
  isOurTurn(request: DhcpRequest, host: Host | undefined): boolean;
  /** The floating address by which every server answers this client. */
  identity(mac: Mac, host: Host | undefined): Ipv4 | undefined;
  /** Another one than `identity` to boot from: that lacks what the host is given. Undefined = it does not. */
  bootServer?(host: Host): ServerView | undefined;
  /** May this server lend that address of a pool now? shares.ts has the rules. */
  mayLend(pool: AddressRange, address: Ipv4): boolean;
}

export interface Exchange {
  readonly request: DhcpRequest;
  readonly context: DhcpContext;
  readonly subnet: Subnet;
  readonly host?: Host;
  /** Our address as this client reaches us. */
  readonly self: Ipv4;
  /** Whom the client boots from: siaddr and the base of URLs. */
  readonly next: ServerView;
  /** Option 54: `self`, unless a relay agent stands in for us (RFC 5107). */
  readonly serverId: Ipv4;
}

export function openExchange(request: DhcpRequest, context: DhcpContext): Exchange | DropReason {
  const host = context.site.hostByMac.get(request.mac);
  const subnet = subnetOf(request, context, host);
  if (!subnet) return "no-subnet";
  if (subnet.dhcp === "off") return "dhcp-off";
  if (!host && context.site.unknown.kind === "ignore") return "unknown-host";
  if (context.agreement && !context.agreement.isOurTurn(request, host)) return "not-our-turn";
  const identity = context.agreement?.identity(request.mac, host);
  const self = identity && cidrContains(subnet.cidr, identity) ? identity : addressFor(context.link, subnet);
  const next = bootServer(context, subnet, host) ?? { address: self, httpPort: context.server.httpPort };
  return { request, context, subnet, ...(host && { host }), self, next, serverId: request.serverIdOverride ?? self };
}

/** Loaders reach what is in their own network: they have not always been told of a router. */
function bootServer({ agreement }: DhcpContext, { cidr }: Subnet, host?: Host): ServerView | undefined {
  const told = host && agreement?.bootServer?.(host);
  return told && cidrContains(cidr, told.address) ? told : undefined;
}

/** Where the client asks; undefined = in no network of the site. */
export function subnetOf(request: DhcpRequest, context: DhcpContext, host?: Host): Subnet | undefined {
  const subnets = subnetsOf(request, context);
  return (host && subnets.find(({ cidr }) => cidrContains(cidr, host.address))) ?? poolFirst(subnets);
}

/** Several only when the interface has addresses in several subnets and the client does not say which one it is in. */
function subnetsOf(request: DhcpRequest, { site, link }: DhcpContext): readonly Subnet[] {
  const hint = request.subnetHint;
  const hinted = hint && site.subnets.filter(({ cidr }) => cidrContains(cidr, hint));
  // A relay knows its subnet; a client's own old address may be from a network that it has left.
  if (hinted && (hinted.length > 0 || hint !== request.ciaddr)) return hinted;
  return site.subnets.filter(({ cidr }) => link.addresses.some((address) => cidrContains(cidr, address)));
}

function poolFirst(subnets: readonly Subnet[]): Subnet | undefined {
  return subnets.find(({ pool }) => pool) ?? subnets[0];
}

/** Addresses that belong to hosts, servers, routers and name servers: no pool lends them. */
export function reservedAddresses(site: Site, links: readonly Link[]): ReadonlySet<Ipv4> {
  const servers = [...site.servers.values()].flatMap(({ address, floating, links: own }) => [
    address,
    ...(floating ? [floating] : []),
    ...own,
  ]);
  const subnets = site.subnets.flatMap(({ router, dns }) => [...(router ? [router] : []), ...dns]);
  const local = links.flatMap(({ addresses }) => [...addresses]);
  return new Set([...site.hostByAddress.keys(), ...servers, ...subnets, ...local]);
}

/** The event of this exchange; `about` adds the address and the file. */
export function eventOf(
  { request, context, host }: Exchange,
  kind: DhcpEventKind,
  about: Pick<DhcpEvent, "address" | "file">,
): DhcpEvent {
  return {
    at: context.now,
    kind,
    mac: request.mac,
    ...(host && { host: host.name }),
    ...about,
    interface: context.link.device,
    client: request.client,
    xid: request.packet.xid,
    ...(request.relay && { relay: request.relay }),
  };
}
