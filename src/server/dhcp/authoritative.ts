/** Authoritative mode: we alone give addresses in this subnet (RFC 2131 section 4.3). */
import { ANY_IPV4, cidrContains, type Ipv4 } from "../../base/address.ts";
import type { Lease } from "../../cluster/leases.ts";
import { bootReply } from "./boot-options.ts";
import { type Exchange, eventOf } from "./exchange.ts";
import { chooseAddress, isLentHere, mayHave, type PoolQuery } from "./pool.ts";
import { destinationOf, leaseOptions, nakPacket, networkOptions, replyPacket } from "./reply.ts";
import type { LeaseChange, Verdict } from "./verdict.ts";

/** How long an offered address waits for its request. */
const HOLD_MS = 60_000;
/** How long a declined address is left alone. */
const DECLINED_MS = 3_600_000;

export function handleAuthoritative(exchange: Exchange): Verdict {
  switch (exchange.request.type) {
    case "discover":
      return discover(exchange);
    case "request":
      return request(exchange);
    case "inform":
      return inform(exchange);
    case "decline":
      return decline(exchange);
    case "release":
      return release(exchange);
  }
}

function discover(exchange: Exchange): Verdict {
  const { host, context } = exchange;
  if (host) return hostIsAtHome(exchange) ? grant(exchange, "offer", host.address) : drop("other-subnet");
  const query = poolQuery(exchange);
  if (!query) return drop("no-pool");
  const address = chooseAddress(query, exchange.request.requested);
  if (!address) return drop("pool-exhausted");
  const hold = { address, mac: exchange.request.mac, until: context.now + HOLD_MS };
  return grant(exchange, "offer", address, { kind: "hold", hold });
}

/** SELECTING has a server identifier, INIT-REBOOT only a wished address, RENEWING and REBINDING only ciaddr. */
function request(exchange: Exchange): Verdict {
  const { serverId, requested, ciaddr } = exchange.request;
  if (serverId && !isUs(exchange, serverId)) return drop("other-server");
  const address = requested ?? ciaddr;
  if (!address) return drop("malformed");
  if (exchange.host) {
    const isRight = address === exchange.host.address && hostIsAtHome(exchange);
    return isRight ? grant(exchange, "ack", address) : refuse(exchange, address);
  }
  return poolRequest(exchange, address);
}

/**
 * A lease that we have no record of is granted when its address is free: it is of our pool, so it was lent here. One
 * outside the pool was not: only a client that asks us by name, or from a wrong network, is told so; others may be
 * another server's (RFC 2131 section 4.3.2, "MUST remain silent").
 */
function poolRequest(exchange: Exchange, address: Ipv4): Verdict {
  const query = poolQuery(exchange);
  if (query && mayHave(query, address)) {
    return grant(exchange, "ack", address, { kind: "commit", lease: boundLease(exchange, address) });
  }
  // It may well be the client's: its owner knows. Silence, and the client asks again.
  if (query && !isLentHere(query, address)) return drop("not-our-share");
  const isOurs = exchange.request.serverId !== undefined || exchange.context.leases.at(address) !== undefined;
  const isElsewhere = !cidrContains(exchange.subnet.cidr, address);
  return isOurs || isElsewhere ? refuse(exchange, address) : drop("no-lease");
}

function grant(exchange: Exchange, type: "offer" | "ack", address: Ipv4, change?: LeaseChange): Verdict {
  const boot = bootReply(exchange, "address-server");
  const packet = replyPacket(exchange, {
    type,
    yiaddr: address,
    boot,
    options: [...networkOptions(exchange), ...leaseOptions(exchange.subnet.lease)],
  });
  return {
    kind: "reply",
    packet,
    to: destinationOf(exchange, packet, type),
    event: eventOf(exchange, type, { address, ...(boot && { file: boot.file }) }),
    ...(change && { change }),
  };
}

function refuse(exchange: Exchange, address: Ipv4): Verdict {
  const packet = nakPacket(exchange);
  return {
    kind: "reply",
    packet,
    to: destinationOf(exchange, packet, "nak"),
    event: eventOf(exchange, "nak", { address }),
  };
}

/** The client has an address and wants the rest: no yiaddr, no lease times (RFC 2131 section 4.3.5). */
function inform(exchange: Exchange): Verdict {
  const boot = bootReply(exchange, "address-server");
  const packet = replyPacket(exchange, { type: "ack", boot, options: networkOptions(exchange) });
  const { ciaddr } = exchange.request;
  return {
    kind: "reply",
    packet,
    to: destinationOf(exchange, packet, "ack"),
    event: eventOf(exchange, "inform", { ...(ciaddr && { address: ciaddr }), ...(boot && { file: boot.file }) }),
  };
}

/** The client found another machine at its address. */
function decline(exchange: Exchange): Verdict {
  const { serverId, requested, mac } = exchange.request;
  if (serverId && !isUs(exchange, serverId)) return drop("other-server");
  if (!requested) return drop("malformed");
  const event = eventOf(exchange, "decline", { address: requested });
  if (exchange.host) return requested === exchange.host.address ? { kind: "note", event } : drop("no-lease");
  const query = poolQuery(exchange);
  if (!query || !lentTo(exchange, requested)) return drop("no-lease");
  const lease: Lease = { address: requested, mac, state: "declined", expires: exchange.context.now + DECLINED_MS };
  return { kind: "note", event, change: { kind: "commit", lease } };
}

/** The record stays, expired: the machine gets the same address when it comes back. */
function release(exchange: Exchange): Verdict {
  const { serverId, mac, packet } = exchange.request;
  if (serverId && !isUs(exchange, serverId)) return drop("other-server");
  const address = packet.ciaddr;
  if (address === ANY_IPV4) return drop("malformed");
  const event = eventOf(exchange, "release", { address });
  if (exchange.host) return address === exchange.host.address ? { kind: "note", event } : drop("no-lease");
  if (exchange.context.leases.at(address)?.mac !== mac) return drop("no-lease");
  const lease: Lease = { address, mac, state: "bound", expires: exchange.context.now };
  return { kind: "note", event, change: { kind: "commit", lease } };
}

/** Would the host's address work where it asks? */
function hostIsAtHome({ host, subnet }: Exchange): boolean {
  return host !== undefined && cidrContains(subnet.cidr, host.address);
}

/** Any of our addresses counts: a client may have been offered its lease by another one of them. */
function isUs({ serverId, context }: Exchange, address: Ipv4): boolean {
  if (address === serverId || context.link.addresses.includes(address)) return true;
  // The client may have been given another server's address before the site file changed.
  const all = context.agreement ? [...context.site.servers.values()] : [];
  return all.some((server) => server.floating === address || server.address === address);
}

function lentTo({ request, context }: Exchange, address: Ipv4): boolean {
  const lease = context.leases.at(address);
  return lease?.mac === request.mac && lease.state === "bound" && lease.expires > context.now;
}

function poolQuery({ subnet, request, context }: Exchange): PoolQuery | undefined {
  const { leases, reserved, now, agreement } = context;
  const { pool } = subnet;
  if (!pool) return undefined;
  const shared = agreement && { mayLend: (address: Ipv4) => agreement.mayLend(pool, address) };
  return { pool, leases, reserved, mac: request.mac, now, ...shared };
}

function boundLease({ request, context, subnet }: Exchange, address: Ipv4): Lease {
  return { address, mac: request.mac, state: "bound", expires: context.now + subnet.lease * 1000 };
}

function drop(reason: Extract<Verdict, { kind: "drop" }>["reason"]): Verdict {
  return { kind: "drop", reason };
}
