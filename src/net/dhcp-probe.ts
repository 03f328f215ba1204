/** Asks a LAN which DHCP servers there are, as a PXE machine that nobody knows; takes nothing that is offered. */
import { ANY_IPV4, BROADCAST_IPV4, type Ipv4, type Mac, macFromBytes, macToBytes } from "../base/address.ts";
import { DecodeError } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import { ipv4Option, messageType, messageTypeValue, OPTION, textOption, textValue } from "../wire/dhcp-options.ts";
import {
  clientMac,
  DHCP_PORTS,
  type DhcpPacket,
  decodeDhcp,
  encodeDhcp,
  withBroadcastFlag,
} from "../wire/dhcp-packet.ts";
import { PXE_CLASS } from "../wire/dhcp-pxe.ts";
import { ipUdpPacket, readIpUdp } from "./ip-packet.ts";
import { type HeardPacket, listen, openPacketTap, type PacketTap } from "./packet-tap.ts";

export interface DhcpOffer {
  /** Option 54, which names the server even behind a relay agent; else where the packet came from. */
  readonly server: Ipv4;
  /** Of the server, or of the router between. */
  readonly mac: Mac;
  /** Absent = it gives no address, only what to boot (proxyDHCP). */
  readonly address?: Ipv4;
  /** It tells PXE machines what to boot. */
  readonly boots: boolean;
}

export interface DhcpProbing {
  readonly device: string;
  /** Six or more random bytes: the machine that asks, and its transaction. */
  readonly random: Uint8Array;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Opens the device; tests put another in its place. */
  readonly open?: (device: string) => Promise<PacketTap>;
}

const BROADCAST_MAC = "ff:ff:ff:ff:ff:ff" as Mac;
/**
 * Milliseconds between the two questions, as a frame may be lost, and after the second. dnsmasq pings an address for three
 * seconds before it offers it.
 */
const LISTEN_MS = [500, 3300];

/** What the servers of one LAN offer, each once. Rejects as `openPacketTap` does. */
export async function probeDhcp(probing: DhcpProbing): Promise<readonly DhcpOffer[]> {
  const { device, random, clock, signal, open = (name) => openPacketTap(name, "dhcp-client") } = probing;
  const mac = localMac(random);
  const packet = discover(mac, new DataView(random.buffer, random.byteOffset).getUint32(0));
  const offers = new Map<string, DhcpOffer>();
  const tap = await open(device);
  try {
    for (const ms of LISTEN_MS) {
      tap.send(packet, BROADCAST_MAC);
      await listen(tap, { ms, clock, signal }, (heard) => {
        const offer = readOffer(heard, mac);
        if (offer) offers.set(`${offer.server} ${offer.mac} ${offer.address !== undefined}`, offer);
      });
    }
  } finally {
    tap.close();
  }
  return [...offers.values()];
}

/** A unicast address that no manufacturer has given out (IEEE 802 section 8.2: bit 1 set, bit 0 clear). */
export function localMac(random: Uint8Array): Mac {
  return macFromBytes(Uint8Array.from(random, (byte, index) => (index === 0 ? (byte & 0xfc) | 2 : byte)));
}

/** By broadcast and to be answered by it: the machine that asks does not exist. */
function discover(mac: Mac, xid: number): Uint8Array {
  const packet: DhcpPacket = {
    ...{ op: "request", htype: 1, hlen: 6, hops: 0, xid, secs: 4, flags: withBroadcastFlag(0) },
    ...{ ciaddr: ANY_IPV4, yiaddr: ANY_IPV4, siaddr: ANY_IPV4, giaddr: ANY_IPV4 },
    ...{ chaddr: macToBytes(mac), sname: "", file: "" },
    options: new Map([
      [OPTION["message-type"], messageTypeValue("discover")],
      [OPTION["vendor-class"], textValue(`${PXE_CLASS}:Arch:00007:UNDI:003016`)],
      [OPTION["client-arch"], Uint8Array.of(0, 7)],
      [OPTION["client-undi"], Uint8Array.of(1, 3, 16)],
      [
        OPTION["parameter-list"],
        Uint8Array.of(OPTION.netmask, OPTION.router, OPTION["tftp-server"], OPTION["boot-file"]),
      ],
    ]),
  };
  return ipUdpPacket({
    from: { address: ANY_IPV4, port: DHCP_PORTS.client },
    to: { address: BROADCAST_IPV4, port: DHCP_PORTS.server },
    payload: encodeDhcp(packet),
  });
}

/** Undefined for what is no offer to this machine. */
export function readOffer({ bytes, from }: HeardPacket, mac: Mac): DhcpOffer | undefined {
  const datagram = readIpUdp(bytes);
  if (datagram?.to.port !== DHCP_PORTS.client) return undefined;
  try {
    const packet = decodeDhcp(datagram.payload);
    if (clientMac(packet) !== mac || messageType(packet.options) !== "offer") return undefined;
    const { options, file, yiaddr } = packet;
    return {
      server: ipv4Option(options, "server-id") ?? datagram.from.address,
      mac: from,
      ...(yiaddr !== ANY_IPV4 && { address: yiaddr }),
      boots:
        file !== "" || options.has(OPTION["boot-file"]) || (textOption(options, "vendor-class") ?? "") === PXE_CLASS,
    };
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}
