/** What is kept of machines that are no hosts (cluster/unknown.ts), answered or not. Pure. */
import type { Sighting } from "../../cluster/unknown.ts";
import { sightingOf } from "../../cluster/unknown-sighting.ts";
import { clientMac, type DhcpPacket } from "../../wire/dhcp-packet.ts";
import { type DhcpContext, subnetOf } from "./exchange.ts";
import { readRequest } from "./request.ts";
import type { DhcpEventKind, DropReason, Verdict } from "./verdict.ts";

/** Of a message that is dropped for another reason another server tells, or it was not for us. */
const UNANSWERED: ReadonlySet<DropReason> = new Set(["unknown-host", "no-pool", "pool-exhausted", "no-boot-file"]);
const GIVING: ReadonlySet<DhcpEventKind> = new Set(["offer", "ack", "inform"]);

/** Undefined for hosts. `verdict` is the answer to this packet. */
export function strangerIn(packet: DhcpPacket, context: DhcpContext, verdict: Verdict): Sighting | undefined {
  if (verdict.kind === "drop" && !UNANSWERED.has(verdict.reason)) return undefined;
  // Nearly all machines are hosts: of those nothing more is read.
  const mac = clientMac(packet);
  if (mac === undefined || context.site.hostByMac.has(mac)) return undefined;
  const request = readRequest(packet);
  if (typeof request === "string") return undefined;
  const subnet = subnetOf(request, context);
  const given = verdict.kind !== "drop" && GIVING.has(verdict.event.kind) ? verdict.event.address : undefined;
  const address = given ?? request.ciaddr;
  return sightingOf(request.client, {
    ...{ at: context.now, interface: context.link.device },
    ...(subnet && { subnet: subnet.cidr }),
    ...(address && { address }),
  });
}
