/** Which of the site's servers this daemon is, and by which addresses its clients reach it. */
import { cidrContains, type Ipv4, parseIpv4 } from "../base/address.ts";
import { EverbootError } from "../base/errors.ts";
import type { LocalInterface } from "../net/interfaces.ts";
import { lastingView } from "../os/server-urls.ts";
import type { Host, Server, Site } from "../site/model.ts";
import type { ServerView } from "../site/server-view.ts";

/** The server named, the only one there is, or the one whose address this machine has. */
export function chooseServer(site: Site, name: string | undefined, local: readonly LocalInterface[]): Server {
  const names = [...site.servers.keys()].join(", ");
  if (name !== undefined) {
    const server = site.servers.get(name);
    if (server) return server;
    throw new EverbootError("server-unknown", { what: `no server ${name} in the site file`, names });
  }
  const servers = [...site.servers.values()];
  const [only, ...others] = servers;
  if (only && others.length === 0) return only;
  const own = servers.filter((server) => local.some(({ address }) => address === server.address));
  const [found, ...more] = own;
  if (found && more.length === 0) return found;
  throw new EverbootError("server-unknown", {
    what: "this machine has the address of no server, or of several",
    names,
  });
}

/** The addresses to listen on: the server's own, and one in each further subnet that it is connected to. */
export function listenAddresses(site: Site, server: Server, local: readonly LocalInterface[]): readonly Ipv4[] {
  if (!local.some(({ address }) => address === server.address)) {
    throw new EverbootError("address-missing", { server: server.name, address: server.address });
  }
  const named = server.interfaces.length > 0 ? local.filter(({ name }) => server.interfaces.includes(name)) : local;
  const inside = named.filter(({ address }) => site.subnets.some(({ cidr }) => cidrContains(cidr, address)));
  return [...new Set([server.address, ...inside.map(({ address }) => address)])];
}

/** Servers that may be told to a host for the version of its tree that it is given, in its order. */
export type FitServers = (host: Host, version?: string) => readonly Server[];

export interface LastingViewOptions {
  readonly site: Pick<Site, "hostByAddress">;
  /** This server's name. */
  readonly self: string;
  readonly fit: FitServers;
  readonly isAlive: (server: string) => boolean;
  /** How a client reaches this server. */
  readonly own: (client: string) => ServerView;
}

/**
 * How a client reaches the servers of a site: by the floating address of its first fit server, which has an heir when that
 * server dies. Clients that are no host, and servers without floating addresses, have what `own` says; unless this server
 * is not fit and another one is, which lives.
 */
export function lastingViewFor({ site, self, fit, isAlive, own }: LastingViewOptions) {
  return (client: string, version?: string): ServerView => {
    const address = parseIpv4(client);
    const host = address && site.hostByAddress.get(address);
    const servers = host ? fit(host, version) : [];
    const [first] = servers;
    if (first?.floating !== undefined) return lastingView(first);
    if (servers.some(({ name }) => name === self)) return own(client);
    const living = servers.find(({ name }) => isAlive(name));
    return living ? lastingView(living) : own(client);
  };
}

/**
 * How DHCP tells a host the server to boot from, where that is not the one that answers: by the floating address of the
 * first fit server that has one, as all servers tell the same. Undefined: all servers are fit, or it cannot be told.
 */
export function bootServerFor(
  site: Pick<Site, "servers">,
  self: string,
  fit: FitServers,
  isAlive: (server: string) => boolean,
) {
  return (host: Host): ServerView | undefined => {
    const servers = fit(host);
    if (servers.length === site.servers.size) return undefined;
    const lasting = servers.find(({ floating }) => floating !== undefined);
    const told = lasting ?? servers.find(({ name }) => name === self || isAlive(name));
    return told && lastingView(told);
  };
}

export interface InstallViewOptions {
  readonly site: Pick<Site, "servers">;
  /** This server's name. */
  readonly self: string;
  readonly isAlive: (server: string) => boolean;
  /** Has the server what the client with this address is given? */
  readonly isFit: (server: string, client: string, version?: string) => boolean;
  /** How a client reaches this server. */
  readonly own: (client: string) => ServerView;
  /** For clients that were sent nowhere, or to a server that is gone or not fit. */
  readonly usual: (client: string, version?: string) => ServerView;
}

/**
 * How the client of an install reaches the server that its permit was handed out for, `sentTo`: by its floating address
 * whether it lives or not, as that has an heir; so all servers tell the same for the whole life of the permit, and an
 * heir may go on with a file in its middle. A server without one is passed over when it is dead.
 */
export function installViewFor({ site, self, isAlive, isFit, own, usual }: InstallViewOptions) {
  return (client: string, sentTo?: string, version?: string): ServerView => {
    if (sentTo === undefined || !isFit(sentTo, client, version)) return usual(client, version);
    if (sentTo === self && site.servers.get(self)?.floating === undefined) return own(client);
    const server = site.servers.get(sentTo);
    const isReached = server !== undefined && (server.floating !== undefined || isAlive(server.name));
    return isReached ? lastingView(server) : usual(client, version);
  };
}

/** Floating addresses that may come here: those of all servers, in the subnets that this one is connected to. */
export function floatingAddressesHere(site: Site, addresses: readonly Ipv4[]): readonly Ipv4[] {
  const near = site.subnets.filter(({ cidr }) => addresses.some((address) => cidrContains(cidr, address)));
  return [...site.servers.values()].flatMap(({ floating }) =>
    floating && near.some(({ cidr }) => cidrContains(cidr, floating)) ? [floating] : [],
  );
}

/** How a client reaches this server: by the address on the client's own subnet, else by the server's first. */
export function serverFor(site: Site, server: Server, addresses: readonly Ipv4[], client: string): ServerView {
  const from = parseIpv4(client);
  const subnet = from && site.subnets.find(({ cidr }) => cidrContains(cidr, from));
  const near = subnet && addresses.find((address) => cidrContains(subnet.cidr, address));
  return { address: near ?? server.address, httpPort: server.httpPort, name: server.name };
}
