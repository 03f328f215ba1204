/** Building replies, and where they go (RFC 2131 sections 4.1 and 4.3.1). */
import { ANY_IPV4, cidrBroadcast, cidrNetmask, type Ipv4 } from "../../base/address.ts";
import { ipv4Value, type MessageType, messageTypeValue, OPTION, textValue, u32Value } from "../../wire/dhcp-options.ts";
import { DHCP_PORTS, type DhcpPacket, wantsBroadcast, withBroadcastFlag } from "../../wire/dhcp-packet.ts";
import { type BootReply, wantsBootFile } from "./boot-options.ts";
import type { Exchange } from "./exchange.ts";
import type { Destination } from "./verdict.ts";

type OptionRow = readonly [code: number, value: Uint8Array];

/** Sent back as they came: option 61 by RFC 6842, 97 by the PXE specification, 82 by RFC 3046, 118 by RFC 3011. */
const ECHOED = [OPTION["client-id"], OPTION["client-uuid"], OPTION["subnet-selection"], OPTION["relay-agent"]];

export interface ReplyParts {
  readonly type: MessageType;
  readonly yiaddr?: Ipv4;
  readonly boot?: BootReply | undefined;
  readonly options?: readonly OptionRow[];
}

/** What all replies share: the fields copied from the request, our identity, what is sent back as it came. */
export function replyPacket({ request, serverId }: Exchange, parts: ReplyParts): DhcpPacket {
  const { packet } = request;
  const echoed = ECHOED.flatMap((code): OptionRow[] => {
    const value = packet.options.get(code);
    return value ? [[code, value]] : [];
  });
  const options: readonly OptionRow[] = [
    [OPTION["message-type"], messageTypeValue(parts.type)],
    [OPTION["server-id"], ipv4Value(serverId)],
    ...(parts.options ?? []),
    ...(parts.boot?.options ?? []),
    ...echoed,
  ];
  return {
    op: "reply",
    htype: packet.htype,
    hlen: packet.hlen,
    hops: packet.hops,
    xid: packet.xid,
    secs: 0,
    flags: packet.flags,
    // RFC 2131 table 3: an ACK repeats the client's address, an OFFER does not.
    ciaddr: parts.type === "ack" ? packet.ciaddr : ANY_IPV4,
    yiaddr: parts.yiaddr ?? ANY_IPV4,
    siaddr: ANY_IPV4,
    giaddr: packet.giaddr,
    chaddr: packet.chaddr,
    sname: "",
    file: "",
    ...parts.boot?.fields,
    options: new Map(options),
  };
}

/** What a machine needs to use the network. A name server is always offered: Debian's installer stops and asks without. */
export function networkOptions({ subnet, host, self }: Exchange): OptionRow[] {
  const { cidr, router, domain } = subnet;
  const dns = subnet.dns.length > 0 ? subnet.dns : [self];
  return [
    [OPTION.netmask, ipv4Value(cidrNetmask(cidr))],
    ...(router ? [[OPTION.router, ipv4Value(router)] as const] : []),
    [OPTION.dns, ipv4Value(...dns)],
    ...(host ? [[OPTION["host-name"], textValue(host.name)] as const] : []),
    ...(domain ? [[OPTION.domain, textValue(domain)] as const] : []),
    [OPTION.broadcast, ipv4Value(cidrBroadcast(cidr))],
  ];
}

/** Lease time in seconds, and when to renew: at half and at seven eighths of it (RFC 2131 section 4.4.5). */
export function leaseOptions(seconds: number): OptionRow[] {
  return [
    [OPTION["lease-time"], u32Value(seconds)],
    [OPTION["renewal-time"], u32Value(Math.floor(seconds / 2))],
    [OPTION["rebinding-time"], u32Value(Math.floor((seconds * 7) / 8))],
  ];
}

/** A NAK. A relay agent must broadcast it: the client has no address that works (RFC 2131 section 4.3.2). */
export function nakPacket(exchange: Exchange): DhcpPacket {
  const text = textValue("not your address here");
  const packet = replyPacket(exchange, { type: "nak", options: [[OPTION.message, text]] });
  return exchange.request.relay ? { ...packet, flags: withBroadcastFlag(packet.flags) } : packet;
}

export function destinationOf({ request, context }: Exchange, reply: DhcpPacket, type: MessageType): Destination {
  if (request.relay) return { kind: "unicast", address: request.relay, port: DHCP_PORTS.server };
  const broadcast = { kind: "broadcast", port: DHCP_PORTS.client } as const;
  if (type === "nak") return broadcast;
  if (request.ciaddr) return { kind: "unicast", address: request.ciaddr, port: DHCP_PORTS.client };
  const address = reply.yiaddr;
  // Boot ROMs often leave the broadcast flag clear and still miss a unicast: they always hear a broadcast.
  const deaf = wantsBroadcast(request.packet) || wantsBootFile(request.client);
  if (deaf || !context.sendsFrames || address === ANY_IPV4) return broadcast;
  return { kind: "frame", mac: request.mac, address, port: DHCP_PORTS.client };
}
