/** Hears on the LAN which floating addresses other servers announce, and tells those that this one has to give up. */
import type { Ipv4 } from "../../base/address.ts";
import { parseArp } from "../../net/arp.ts";
import { neighbours } from "../../net/neighbours.ts";
import { openPacketTap, type PacketTap } from "../../net/packet-tap.ts";
import { Claims } from "./claims.ts";
import type { Peer } from "./heartbeats.ts";
import type { SteeredAddress } from "./steering.ts";

export interface ArpEarsOptions {
  readonly server: string;
  readonly addresses: readonly SteeredAddress[];
  readonly peers: readonly Peer[];
  /** Interfaces of the addresses. */
  readonly devices: readonly string[];
}

export class ArpEars {
  private readonly options: ArpEarsOptions;
  private readonly taps: readonly PacketTap[];
  private readonly claims = new Claims();

  private constructor(options: ArpEarsOptions, taps: readonly PacketTap[]) {
    this.options = options;
    this.taps = taps;
  }

  /** Without the right to listen it hears nothing. */
  static async open(options: ArpEarsOptions): Promise<ArpEars> {
    const taps = await Promise.all(options.devices.map(openTap));
    return new ArpEars(
      options,
      taps.filter((tap) => tap !== undefined),
    );
  }

  close(): void {
    for (const tap of this.taps) tap.close();
  }

  /**
   * @param holds what this server has now
   * @param isHeard are there heartbeats of this server?
   * @param now in milliseconds of a clock that only goes on
   */
  contested(holds: readonly Ipv4[], isHeard: (server: string) => boolean, now: number): Ipv4[] {
    for (const { address, by } of this.announcements()) this.claims.announced(address, by, now);
    for (const { address } of this.options.addresses) this.claims.held(address, holds.includes(address), now);
    return this.claims.contested(isHeard, now);
  }

  /** Of floating addresses, by servers that come before this one. */
  private announcements(): { address: Ipv4; by: string }[] {
    const { server, addresses, peers } = this.options;
    return this.taps.flatMap(takeAll).flatMap(({ address, mac }) => {
      const holders = addresses.find((each) => each.address === address)?.holders ?? [];
      const known = holders.length > 0 ? neighbours() : new Map();
      const by = peers.find(({ lan }) => known.get(lan) === mac)?.name;
      const isBetter = by !== undefined && holders.indexOf(by) < holders.indexOf(server) && holders.includes(by);
      return isBetter ? [{ address, by }] : [];
    });
  }
}

function openTap(device: string): Promise<PacketTap | undefined> {
  return openPacketTap(device, "arp").catch(() => undefined);
}

/** An interface that is down has nothing to tell. */
function takeAll(tap: PacketTap) {
  try {
    return tap.read().flatMap(({ bytes }) => parseArp(bytes) ?? []);
  } catch {
    return [];
  }
}
