/**
 * The installer's own network as arguments of its kernel (dracut.cmdline(7)), for initrds of Anaconda and Agama. They
 * are read by NetworkManager's nm-initrd-generator, or by dracut's network-legacy (RHEL 7 and the first of 8).
 */
import { cidrNetmask } from "../base/address.ts";
import type { Device, NetworkPlan, PlannedBond } from "./model.ts";
import { driverOptions, joinOptions } from "./options.ts";

/**
 * Names for the ports, the bond, and the first device that has an address; further networks, and the domain to search,
 * are for the installed system alone. Each string is one argument, without spaces. The bond is pinned to its address
 * when it has the IP address itself; below a VLAN it has that of one of its members, since `ip=` names the VLAN.
 *
 * `hostname: false` leaves the name to DHCP or to the answer file.
 */
export function dracutArguments(
  plan: NetworkPlan,
  { hostname = true }: { readonly hostname?: boolean } = {},
): readonly string[] {
  const { nics, bond, devices } = plan;
  const device = devices.find(({ addressing }) => addressing.kind !== "none");
  if (!device) return [];
  return [
    ...nics.map(({ name, mac }) => `ifname=${name}:${mac}`),
    ...(bond ? [bondArgument(bond, devices.find(({ name }) => name === bond.name)?.mtu)] : []),
    ...(device.vlan ? [`vlan=${device.name}:${device.vlan.parent}`] : []),
    ...addressArguments(device, bond, hostname ? plan.hostname : ""),
  ];
}

/**
 * `bond=bond0:nic0,nic1:mode=802.3ad,miimon=100:9000`. Of several ARP targets the first is given: dracut separates
 * them by `;`, which older releases of NetworkManager (seen with 1.42; its issue 1731) take for one malformed address,
 * and then drop the whole bond.
 */
function bondArgument(bond: PlannedBond, mtu: number | undefined): string {
  const options = driverOptions(bond).map(([name, values]) => [name, values.slice(0, 1)] as const);
  const members = bond.members.map((nic) => nic.name).join(",");
  const fields = [bond.name, members, joinOptions(options, ","), ...(mtu === undefined ? [] : [mtu])];
  return `bond=${fields.join(":")}`;
}

/** `ip=DEVICE:dhcp[:MTU[:MAC]]` or `ip=ADDRESS::ROUTER:NETMASK:HOSTNAME:DEVICE:none[:MTU[:MAC]]`, and its `nameserver=`. */
function addressArguments(device: Device, bond: PlannedBond | undefined, hostname: string): string[] {
  const { name, addressing } = device;
  const link = name === bond?.name ? ["", bond.mac ?? ""] : [device.mtu ?? "", ""];
  if (addressing.kind !== "static") return [ipArgument(name, "dhcp", ...link)];
  const { address, prefix, router = "", dns } = addressing;
  const mask = cidrNetmask({ base: address, prefix });
  return [
    ipArgument(address, "", router, mask, hostname, name, "none", ...link),
    ...dns.map((server) => `nameserver=${server}`),
  ];
}

/** Empty fields at the end are left out. */
function ipArgument(...fields: readonly (string | number)[]): string {
  return `ip=${fields.join(":").replace(/:+$/, "")}`;
}
