/** A small site and what surrounds a message in it, for tests of the DHCP decisions. */
import { ANY_IPV4, type Mac } from "../../src/base/address.ts";
import { planBoot } from "../../src/boot/plan.ts";
import type { Hold, Lease, LeaseView } from "../../src/cluster/leases.ts";
import { type DhcpContext, reservedAddresses } from "../../src/server/dhcp/exchange.ts";
import { handleDhcp } from "../../src/server/dhcp/handler.ts";
import type { Link } from "../../src/server/dhcp/links.ts";
import type { Verdict } from "../../src/server/dhcp/verdict.ts";
import type { Site } from "../../src/site/model.ts";
import type { DhcpPacket } from "../../src/wire/dhcp-packet.ts";
import { dhcpSite, ip, mac, onlyServer, type SiteSketch } from "./dhcp-site.ts";

export const NOW = Date.UTC(2026, 0, 1);
export const HOST_NIC_1 = mac("52:54:00:00:00:01");
export const HOST_NIC_2 = mac("52:54:00:00:00:02");
export const REMOTE_NIC = mac("52:54:00:00:00:21");
export const STRANGER = mac("52:54:00:00:00:99");

/** vm1 is on the server's own link; `far` is behind a relay agent. */
export const SKETCH: SiteSketch = {
  subnets: [
    {
      cidr: "192.168.77.0/24",
      router: "192.168.77.254",
      domain: "lab.example",
      pool: "192.168.77.100-192.168.77.103",
      lease: 4000,
    },
    { cidr: "10.2.0.0/16", router: "10.2.0.1", dns: ["10.2.0.53", "10.2.0.54"], lease: 4000 },
  ],
  server: { address: "192.168.77.1" },
  hosts: {
    vm1: { nics: [HOST_NIC_1, HOST_NIC_2], address: "192.168.77.101" },
    far: { nics: [REMOTE_NIC], address: "10.2.0.21" },
  },
};

export function sketch(change: Partial<SiteSketch>): Site {
  return dhcpSite({ ...SKETCH, ...change });
}

const LINK: Link = { device: "e0", addresses: [ip("192.168.77.1")] };

/** On the server's own link, heard as a broadcast at port 67. */
export function contextOf(site: Site, change: Partial<DhcpContext> = {}): DhcpContext {
  const link = change.link ?? LINK;
  return {
    site,
    server: change.server ?? onlyServer(site),
    link,
    service: "dhcp",
    source: { address: ANY_IPV4, port: 68 },
    plan: (client) => planBoot(site, client, () => ({ kind: "none", why: "none in tests" })),
    leases: leaseView([]),
    reserved: reservedAddresses(site, [link]),
    sendsFrames: true,
    now: NOW,
    ...change,
  };
}

export function ask(packet: DhcpPacket, site: Site = dhcpSite(SKETCH), change: Partial<DhcpContext> = {}): Verdict {
  return handleDhcp(packet, contextOf(site, change));
}

export function replyOf(verdict: Verdict): Extract<Verdict, { kind: "reply" }> {
  if (verdict.kind !== "reply") throw new Error(`no reply: ${JSON.stringify(verdict)}`);
  return verdict;
}

export function leaseView(leases: readonly Lease[], holds: readonly Hold[] = []): LeaseView {
  return {
    at: (address) => leases.find((lease) => lease.address === address),
    of: (owner) => leases.filter((lease) => lease.mac === owner).sort((a, b) => b.expires - a.expires),
    holdAt: (address, now) => holds.find((hold) => hold.address === address && hold.until > now),
    holdOf: (owner, now) => holds.find((hold) => hold.mac === owner && hold.until > now),
  };
}

export function lease(address: string, owner: Mac, expires: number, state: Lease["state"] = "bound"): Lease {
  return { address: ip(address), mac: owner, state, expires };
}

export const TO_ALL = { kind: "broadcast", port: 68 } as const;
