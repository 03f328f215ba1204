/** Debian's /etc/network/interfaces (interfaces(5)), bonds by the ifenslave package. */
import { type Cidr, formatCidr, type Ipv4, type Mac } from "../base/address.ts";
import type { Bond } from "../site/model.ts";

export interface StaticAddress {
  readonly address: Ipv4;
  readonly cidr: Cidr;
  readonly router?: Ipv4;
  readonly dns: readonly Ipv4[];
  readonly domain?: string;
}

/** Name of the NIC with this address on the machine that reads the file. */
export type NicName = (mac: Mac) => string;

/** The whole file for a machine with one address on one device: a NIC's name, or a bond over `bond.members`. */
export function renderIfupdown(
  device: string,
  address: StaticAddress,
  bond?: { bond: Bond; nicName: NicName },
): string {
  const options = [...staticOptions(address), ...(bond ? renderIfupdownBond(bond.bond, bond.nicName) : [])];
  const lines = ["auto lo", "iface lo inet loopback", "", `auto ${device}`, `iface ${device} inet static`];
  return `${[...lines, ...options.map((option) => `\t${option}`)].join("\n")}\n`;
}

/**
 * The options of a bond's stanza for ifenslave 2.x (its README.Debian). The bond's own address is pinned: otherwise
 * it is that of whichever member came first.
 */
export function renderIfupdownBond(bond: Bond, nicName: NicName): string[] {
  const options = [
    `bond-slaves ${bond.members.map(nicName).join(" ")}`,
    `bond-mode ${bond.mode}`,
    `bond-miimon ${bond.miimon}`,
  ];
  if (bond.primary) options.push(`bond-primary ${nicName(bond.primary)}`);
  const pinned = bond.primary ?? bond.members[0];
  if (pinned) options.push(`hwaddress ${pinned}`);
  return options;
}

/** The dns-* options are read by resolvconf where it is installed, and by nothing where it is not. */
function staticOptions(address: StaticAddress): string[] {
  const options = [`address ${formatCidr({ base: address.address, prefix: address.cidr.prefix })}`];
  if (address.router) options.push(`gateway ${address.router}`);
  if (address.dns.length > 0) options.push(`dns-nameservers ${address.dns.join(" ")}`);
  if (address.domain) options.push(`dns-search ${address.domain}`);
  return options;
}
