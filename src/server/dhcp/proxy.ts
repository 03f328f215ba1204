/** Boot answers beside another server that gives the addresses: proxyDHCP, and the PXE service on port 4011. */
import { ANY_IPV4 } from "../../base/address.ts";
import type { UdpPeer } from "../../net/udp.ts";
import type { DhcpPacket } from "../../wire/dhcp-packet.ts";
import { bootReply, wantsBootFile } from "./boot-options.ts";
import { type Exchange, eventOf } from "./exchange.ts";
import { destinationOf, replyPacket } from "./reply.ts";
import type { Destination, Verdict } from "./verdict.ts";

/** Proxy mode on the DHCP port: an offer without an address, for boot clients alone (PXE 2.1 section 2.2.3). */
export function handleProxy(exchange: Exchange): Verdict {
  if (exchange.request.type !== "discover") return { kind: "drop", reason: "not-for-proxy" };
  return bootOnly(exchange, "offer", (reply) => destinationOf(exchange, reply, "offer"));
}

/**
 * Port 4011: firmware that has its address asks for its file. Any subnet with DHCP is served: EDK II asks here too when
 * it takes an authoritative offer for a BINL one. The answer goes back to the port that asked, 68 or 4011.
 */
export function handlePxeService(exchange: Exchange): Verdict {
  const { type } = exchange.request;
  if (type !== "request" && type !== "inform") return { kind: "drop", reason: "not-for-proxy" };
  return bootOnly(exchange, "ack", () => backTo(exchange.context.source));
}

function bootOnly(exchange: Exchange, type: "offer" | "ack", destination: (reply: DhcpPacket) => Destination): Verdict {
  if (!wantsBootFile(exchange.request.client)) return { kind: "drop", reason: "not-for-proxy" };
  const boot = bootReply(exchange, "proxy");
  if (!boot) return { kind: "drop", reason: "no-boot-file" };
  const packet = replyPacket(exchange, { type, boot });
  return { kind: "reply", packet, to: destination(packet), event: eventOf(exchange, type, { file: boot.file }) };
}

/** Nothing can be sent to 0.0.0.0, from where firmware asks that has not set its address up. */
function backTo({ address, port }: UdpPeer): Destination {
  return address === ANY_IPV4 ? { kind: "broadcast", port } : { kind: "unicast", address, port };
}
