/** Who says that which address is its own (RFC 826), and asking a LAN without claiming one (RFC 5227 section 2.1.1). */
import {
  ANY_IPV4,
  type Ipv4,
  ipv4FromBytes,
  ipv4ToBytes,
  type Mac,
  macFromBytes,
  macToBytes,
} from "../base/address.ts";
import { ByteWriter } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import { listen, openPacketTap, type PacketTap } from "./packet-tap.ts";

/** Of an ARP packet for Ethernet and IPv4. */
const ARP_BYTES = 28;
const REQUEST = 1;
const BROADCAST_MAC = "ff:ff:ff:ff:ff:ff" as Mac;
const NO_MAC = "00:00:00:00:00:00" as Mac;

/** The sender of a request or reply has this address. */
export interface Announcement {
  readonly mac: Mac;
  readonly address: Ipv4;
}

/** A probe (RFC 5227 section 1.1) says that nobody has its sender's address, 0.0.0.0. */
export function parseArp(packet: Uint8Array): Announcement | undefined {
  const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength);
  // Ethernet, IPv4, and their addresses' lengths
  if (packet.length < ARP_BYTES || view.getUint32(0) !== 0x0001_0800 || view.getUint16(4) !== 0x0604) return undefined;
  const address = ipv4FromBytes(packet.subarray(14, 18));
  return address === ANY_IPV4 ? undefined : { mac: macFromBytes(packet.subarray(8, 14)), address };
}

/** "Who has `target`?", from nobody: the sender's address is 0.0.0.0, so no neighbour table is changed by it. */
export function arpProbe(own: Mac, target: Ipv4): Uint8Array {
  const writer = new ByteWriter(ARP_BYTES);
  writer.u16(1);
  writer.u16(0x0800);
  writer.u8(6);
  writer.u8(4);
  writer.u16(REQUEST);
  writer.put(macToBytes(own));
  writer.put(ipv4ToBytes(ANY_IPV4));
  writer.put(macToBytes(NO_MAC));
  writer.put(ipv4ToBytes(target));
  return writer.finish();
}

export interface ArpProbing {
  readonly device: string;
  /** Of the device. */
  readonly mac: Mac;
  readonly addresses: readonly Ipv4[];
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Opens the device; tests put another in its place. */
  readonly open?: (device: string) => Promise<PacketTap>;
}

/** Probes are lost as any frame is: each is sent twice. */
const ROUNDS = 2;
/** Milliseconds that a machine has to answer. */
const ANSWER_MS = 700;

/**
 * All MAC addresses that speak for each of the addresses, in order of arrival; none for those that nobody has. This machine
 * does not hear itself. Rejects as `openPacketTap` does.
 */
export async function probeArp(probing: ArpProbing): Promise<ReadonlyMap<Ipv4, readonly Mac[]>> {
  const { device, mac, addresses, clock, signal, open = (name) => openPacketTap(name, "arp") } = probing;
  const found = new Map<Ipv4, Set<Mac>>(addresses.map((address) => [address, new Set()]));
  const tap = await open(device);
  try {
    for (let round = 0; round < ROUNDS; round++) {
      for (const address of addresses) tap.send(arpProbe(mac, address), BROADCAST_MAC);
      await listen(tap, { ms: ANSWER_MS, clock, signal }, ({ bytes }) => {
        const answer = parseArp(bytes);
        if (answer) found.get(answer.address)?.add(answer.mac);
      });
    }
  } finally {
    tap.close();
  }
  return new Map([...found].map(([address, macs]) => [address, [...macs]]));
}
