/** Is the VRRP of the servers heard that hold floating addresses? Their heartbeats may come where it does not. */
import { cidrContains, type Ipv4, ipv4FromBytes } from "../base/address.ts";
import { listen, openPacketTap } from "../net/packet-tap.ts";
import { type Check, peersOf, type ServerScene } from "./check.ts";
import { type Finding, finding } from "./findings.ts";

/** Adverts come every 70 or 80 ms. */
const LISTEN_MS = 1000;

/** A floating address that another server holds, in a network of this machine. */
export interface HeldAddress {
  readonly server: string;
  /** The holder's own, from which it sends its adverts. */
  readonly from: Ipv4;
  readonly address: Ipv4;
  readonly interface: string;
}

export const vrrpCheck: Check = {
  name: "vrrp",
  of: "server",
  look: async (scene, signal) => {
    const held = heldByOthers(scene);
    const devices = [...new Set(held.map((each) => each.interface))];
    const heard = await Promise.all(
      devices.map(async (device) => [device, await sendersOn(device, scene, signal)] as const),
    );
    return judgeAdverts(held, new Map(heard));
  },
};

function heldByOthers(scene: ServerScene): readonly HeldAddress[] {
  const { daemon, interfaces } = scene;
  const peers = new Map(peersOf(scene).map((peer) => [peer.name, peer]));
  return (daemon?.cluster?.servers ?? []).flatMap(({ floating, heldBy }) => {
    const holder = peers.get(heldBy ?? "");
    if (floating === undefined || !holder) return [];
    const device = interfaces.find(({ cidr }) => cidrContains(cidr, floating) && cidrContains(cidr, holder.address));
    return device ? [{ server: holder.name, from: holder.address, address: floating, interface: device.name }] : [];
  });
}

/** Before this machine's firewall, which has a check of its own. */
async function sendersOn(device: string, { clock }: ServerScene, signal: AbortSignal): Promise<ReadonlySet<Ipv4>> {
  const senders = new Set<Ipv4>();
  const tap = await openPacketTap(device, "vrrp");
  try {
    await listen(tap, { ms: LISTEN_MS, clock, signal }, ({ bytes }) => senders.add(ipv4FromBytes(bytes.subarray(12))));
  } finally {
    tap.close();
  }
  return senders;
}

/** `heard`: the senders of VRRP, by interface. */
export function judgeAdverts(
  held: readonly HeldAddress[],
  heard: ReadonlyMap<string, ReadonlySet<Ipv4>>,
): readonly Finding[] {
  return held.flatMap(({ server, from, address, interface: device }) => {
    const senders = heard.get(device) ?? new Set();
    if (senders.has(from)) return [];
    const others = [...senders].join(", ") || "nobody";
    return [finding("vrrp-unheard", { server, address, interface: device }, `in ${LISTEN_MS} ms heard ${others}`)];
  });
}
