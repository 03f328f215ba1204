/**
 * Debian's /etc/network/interfaces (interfaces(5)): for ifupdown 0.8 with bonds by ifenslave 2.13 (its README.Debian
 * lists the options), and for ifupdown2, which reads the same options.
 */
import type { Addressing, Device, PlannedBond, StackRenderer } from "./model.ts";
import { type DriverOption, driverOptions } from "./options.ts";

const METHODS = { static: "static", dhcp: "dhcp", none: "manual" } as const satisfies Record<
  Addressing["kind"],
  string
>;

/** One file. Names of NICs are copied as they are: they may stand for names that are put in later. */
export const renderIfupdown: StackRenderer = ({ bond, devices }) => {
  const stanzas = [["auto lo", "iface lo inet loopback"], ...devices.map((device) => stanza(device, bond))];
  const text = stanzas.map((lines) => `${lines.join("\n")}\n`).join("\n");
  return [{ path: "/etc/network/interfaces", mode: 0o644, text }];
};

function stanza(device: Device, bond: PlannedBond | undefined): string[] {
  const { name, vlan, addressing } = device;
  const options = [
    ...addressOptions(addressing),
    ...(vlan ? [`vlan-raw-device ${vlan.parent}`] : []),
    ...(bond?.name === name ? bondOptions(bond) : []),
    ...mtuOptions(device),
  ];
  return [`auto ${name}`, `iface ${name} inet ${METHODS[addressing.kind]}`, ...options.map((option) => `\t${option}`)];
}

/** The dns-* options are read by resolvconf where it is installed, and by nothing where it is not. */
function addressOptions(addressing: Addressing): string[] {
  if (addressing.kind !== "static") return [];
  const { address, prefix, router, dns, domain } = addressing;
  return [
    `address ${address}/${prefix}`,
    ...(router ? [`gateway ${router}`] : []),
    ...(dns.length > 0 ? [`dns-nameservers ${dns.join(" ")}`] : []),
    ...(domain === undefined ? [] : [`dns-search ${domain}`]),
  ];
}

/** ifupdown's DHCP method has no `mtu` and would pass over it without a word. */
function mtuOptions({ addressing, mtu }: Device): string[] {
  if (mtu === undefined) return [];
  return [addressing.kind === "dhcp" ? `post-up ip link set dev $IFACE mtu ${mtu}` : `mtu ${mtu}`];
}

/**
 * `hwaddress` is set when the members are in. The driver passes over it with fail_over_mac=follow, where the bond has
 * the address of its first member: so the one that it is pinned to comes first.
 */
function bondOptions(bond: PlannedBond): string[] {
  const { members, mac } = bond;
  const ordered = [...members.filter((nic) => nic.mac === mac), ...members.filter((nic) => nic.mac !== mac)];
  return [
    `bond-slaves ${ordered.map((nic) => nic.name).join(" ")}`,
    ...driverOptions(bond).map(driverOption),
    ...(mac ? [`hwaddress ${mac}`] : []),
  ];
}

/** ifenslave writes the options in the order that the driver wants; `min_links` is the one that it does not know. */
function driverOption([name, values]: DriverOption): string {
  const value = values.join(" ");
  if (name === "min_links") return `post-up echo ${value} > /sys/class/net/$IFACE/bonding/min_links`;
  return `bond-${name.replaceAll("_", "-")} ${value}`;
}
