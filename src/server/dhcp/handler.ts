/** One DHCP message in, one verdict out. Pure: sends nothing, stores nothing. */
import type { DhcpPacket } from "../../wire/dhcp-packet.ts";
import { handleAuthoritative } from "./authoritative.ts";
import { type DhcpContext, openExchange } from "./exchange.ts";
import { handleProxy, handlePxeService } from "./proxy.ts";
import { readRequest } from "./request.ts";
import type { Verdict } from "./verdict.ts";

/** Throws DecodeError when an option that matters is broken: a drop of reason `malformed`. */
export function handleDhcp(packet: DhcpPacket, context: DhcpContext): Verdict {
  const request = readRequest(packet);
  if (typeof request === "string") return { kind: "drop", reason: request };
  const exchange = openExchange(request, context);
  if (typeof exchange === "string") return { kind: "drop", reason: exchange };
  if (context.service === "pxe") return handlePxeService(exchange);
  return exchange.subnet.dhcp === "proxy" ? handleProxy(exchange) : handleAuthoritative(exchange);
}
