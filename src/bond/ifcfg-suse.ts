/**
 * /etc/sysconfig/network/ifcfg-* and ifroute-*: SUSE Linux Enterprise 10 to 15 and openSUSE (ifcfg(5), ifcfg-bonding(5),
 * ifcfg-vlan(5), routes(5)), by the scripts of sysconfig up to SLES 11 and by wicked from SLES 12.
 */
import type { Addressing, ConfigFile, Device, NetworkPlan, PlannedBond, StackRenderer } from "./model.ts";
import { driverOptions, joinOptions } from "./options.ts";

type Setting = readonly [key: string, value: string];

const FOLDER = "/etc/sysconfig/network";

/**
 * Members, devices, and the default route in a file of its device. Two things have their place elsewhere here, in files
 * that hold other settings too: name servers and search domain are NETCONFIG_DNS_STATIC_SERVERS and
 * NETCONFIG_DNS_STATIC_SEARCHLIST of /etc/sysconfig/network/config (netconfig(8); SLES 10: /etc/resolv.conf), and the
 * names of the ports are given by udev (/etc/udev/rules.d/70-persistent-net.rules).
 */
export const renderIfcfgSuse: StackRenderer = (plan) => [
  ...(plan.bond ? memberFiles(plan.bond) : []),
  ...plan.devices.map((device) => deviceFile(device, plan)),
  ...plan.devices.flatMap(routeFile),
];

/** `hotplug`: the bond brings its members up. */
function memberFiles({ members }: PlannedBond): ConfigFile[] {
  return members.map((nic) =>
    file(nic.name, [
      ["STARTMODE", "hotplug"],
      ["BOOTPROTO", "none"],
    ]),
  );
}

function deviceFile({ name, vlan, addressing, mtu }: Device, { bond }: NetworkPlan): ConfigFile {
  return file(name, [
    ["STARTMODE", "auto"],
    ...addressSettings(addressing),
    ...(bond?.name === name ? bondSettings(bond) : []),
    ...(vlan
      ? ([
          ["ETHERDEVICE", vlan.parent],
          ["VLAN_ID", `${vlan.id}`],
        ] as const)
      : []),
    ...(mtu === undefined ? [] : [["MTU", `${mtu}`] as const]),
  ]);
}

/** The stack's own words are `static`, `dhcp` and `none`. */
function addressSettings(addressing: Addressing): Setting[] {
  const method = ["BOOTPROTO", addressing.kind] as const;
  if (addressing.kind !== "static") return [method];
  return [method, ["IPADDR", addressing.address], ["PREFIXLEN", `${addressing.prefix}`]];
}

/** In BONDING_MODULE_OPTS options are separated by spaces, and the addresses of arp_ip_target by commas. */
function bondSettings(bond: PlannedBond): Setting[] {
  return [
    ["BONDING_MASTER", "yes"],
    ["BONDING_MODULE_OPTS", joinOptions(driverOptions(bond), " ")],
    ...bond.members.map((nic, index) => [`BONDING_SLAVE${index}`, nic.name] as const),
    ...(bond.mac ? [["LLADDR", bond.mac] as const] : []),
  ];
}

/** Columns: destination, router, netmask (it is in the destination), device. */
function routeFile({ name, addressing }: Device): ConfigFile[] {
  if (addressing.kind !== "static" || !addressing.router) return [];
  return [{ path: `${FOLDER}/ifroute-${name}`, mode: 0o644, text: `default ${addressing.router} - ${name}\n` }];
}

function file(device: string, settings: readonly Setting[]): ConfigFile {
  const text = settings.map(([key, value]) => `${key}='${value.replaceAll("'", "'\\''")}'\n`).join("");
  return { path: `${FOLDER}/ifcfg-${device}`, mode: 0o644, text };
}
