/**
 * /etc/sysconfig/network-scripts/ifcfg-*: Red Hat Enterprise Linux 5 to 8 and their likes, by initscripts (its
 * sysconfig.txt) and by NetworkManager (nm-settings-ifcfg-rh(5)).
 */
import { cidrNetmask } from "../base/address.ts";
import type { Addressing, ConfigFile, Device, NetworkPlan, Nic, PlannedBond, StackRenderer } from "./model.ts";
import { driverOptions, joinOptions } from "./options.ts";

type Setting = readonly [key: string, value: string];

/**
 * A file for each member and one for each device; `HWADDR` gives a port its name. RHEL 5 (kernel 2.6.18) loads the
 * driver by the bond's name, and needs the file of renderModprobe beside these.
 */
export const renderIfcfgRedhat: StackRenderer = (plan) => [
  ...(plan.bond ? memberFiles(plan.bond) : []),
  ...plan.devices.map((device) => deviceFile(device, plan)),
];

function memberFiles({ name, members }: PlannedBond): ConfigFile[] {
  return members.map((nic) =>
    file(nic.name, [...portSettings(nic), ["BOOTPROTO", "none"], ["MASTER", name], ["SLAVE", "yes"]]),
  );
}

function deviceFile({ name, vlan, addressing, mtu }: Device, { nics, bond }: NetworkPlan): ConfigFile {
  return file(name, [
    ...nics.filter((nic) => nic.name === name).flatMap(portSettings),
    ...(bond?.name === name ? bondSettings(bond) : []),
    ...(vlan ? vlanSettings(vlan) : []),
    ...addressSettings(addressing),
    ...(mtu === undefined ? [] : [["MTU", `${mtu}`] as const]),
  ]);
}

function portSettings({ mac }: Nic): Setting[] {
  return [
    ["TYPE", "Ethernet"],
    ["HWADDR", mac.toUpperCase()],
  ];
}

/** In BONDING_OPTS options are separated by spaces, and the addresses of arp_ip_target by commas. */
function bondSettings(bond: PlannedBond): Setting[] {
  return [
    ["TYPE", "Bond"],
    ["BONDING_MASTER", "yes"],
    ["BONDING_OPTS", joinOptions(driverOptions(bond), " ")],
    ...(bond.mac ? [["MACADDR", bond.mac.toUpperCase()] as const] : []),
  ];
}

function vlanSettings({ id, parent }: NonNullable<Device["vlan"]>): Setting[] {
  return [
    ["TYPE", "Vlan"],
    ["VLAN", "yes"],
    ["PHYSDEV", parent],
    ["VLAN_ID", `${id}`],
  ];
}

/** The mask is written as NETMASK, because RHEL 5 does not read PREFIX. */
function addressSettings(addressing: Addressing): Setting[] {
  if (addressing.kind !== "static") return [["BOOTPROTO", addressing.kind]];
  const { address, prefix, router, dns, domain } = addressing;
  return [
    ["BOOTPROTO", "none"],
    ["IPADDR", address],
    ["NETMASK", cidrNetmask({ base: address, prefix })],
    ...(router ? [["GATEWAY", router] as const] : []),
    ...dns.map((server, index) => [`DNS${index + 1}`, server] as const),
    ...(domain === undefined ? [] : [["DOMAIN", domain] as const]),
  ];
}

function file(device: string, settings: readonly Setting[]): ConfigFile {
  const lines = [["DEVICE", device] as const, ...settings, ["ONBOOT", "yes"] as const].map(assignment);
  return { path: `/etc/sysconfig/network-scripts/ifcfg-${device}`, mode: 0o644, text: `${lines.join("\n")}\n` };
}

/** Initscripts read the file as a shell does, NetworkManager by the shell's rules for quotes. */
function assignment([key, value]: Setting): string {
  return /^[\w.:-]+$/.test(value) ? `${key}=${value}` : `${key}="${value.replace(/["$`\\]/g, "\\$&")}"`;
}
