/**
 * Lets a BIOS machine ask like a ROM that is not iPXE. QEMU ships iPXE's ROMs only, so their DHCP requests are
 * changed on the wire: options 77 (`iPXE`) and 175 get numbers of the private range (RFC 2132 section 2), which no
 * server reads. iPXE that was loaded over the network sends a shorter option 175 and stays as it is.
 */
import type { Namespace } from "./netns.ts";

/**
 * Bits from the UDP header of a DHCP request of Debian's ipxe-qemu 1.0.0+git-20190125: its options have a fixed order
 * and length up to here.
 */
const USER_CLASS_AT = 298 * 8;
const IPXE_OPTIONS_AT = 329 * 8;
/** Number and length of option 175 as the ROM for virtio-net sends it. */
const ROM_OPTIONS = "0xaf30";

/** The checksum of UDP over IPv4 may be left out (RFC 768), so it is. */
export async function hideIpxeRom(space: Namespace, tap: string): Promise<void> {
  const isRom = `udp dport 67 @th,${USER_CLASS_AT},8 77 @th,${IPXE_OPTIONS_AT},16 ${ROM_OPTIONS}`;
  const change = `@th,${USER_CLASS_AT},8 set 224 @th,${IPXE_OPTIONS_AT},8 set 225 udp checksum set 0`;
  const chain = `{ type filter hook ingress device "${tap}" priority 0; }`;
  await space.exec("nft", ["add", "table", "netdev", "lab"]);
  await space.exec("nft", ["add", "chain", "netdev", "lab", tap, chain]);
  await space.exec("nft", ["add", "rule", "netdev", "lab", tap, `${isRom} ${change}`]);
}
