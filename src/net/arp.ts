/** Asks a LAN who has an address, without claiming one: ARP probes (RFC 826, RFC 5227 section 2.1.1). */
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

export interface ArpAnswer {
  readonly address: Ipv4;
  readonly mac: Mac;
}

const ARP_BYTES = 28;
const REQUEST = 1;
const REPLY = 2;
const BROADCAST_MAC = "ff:ff:ff:ff:ff:ff" as Mac;
const NO_MAC = "00:00:00:00:00:00" as Mac;

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

/** Who says that it has which address; undefined for everything but a reply about IPv4 on Ethernet. */
export function readArpReply(bytes: Uint8Array): ArpAnswer | undefined {
  if (bytes.length < ARP_BYTES) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const isReply = view.getUint16(0) === 1 && view.getUint16(2) === 0x0800 && view.getUint16(6) === REPLY;
  if (!isReply) return undefined;
  return { mac: macFromBytes(bytes.subarray(8)), address: ipv4FromBytes(bytes.subarray(14)) };
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
 * All MAC addresses that answer for each of the addresses, in order of arrival; none for those that nobody has. This machine
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
        const answer = readArpReply(bytes);
        if (answer) found.get(answer.address)?.add(answer.mac);
      });
    }
  } finally {
    tap.close();
  }
  return new Map([...found].map(([address, macs]) => [address, [...macs]]));
}
