/**
 * Section `networking` of an AutoYaST profile (yast-network's networking.rnc; YaST writes ifcfg files from it). Up to
 * SLE 15 SP2 it is read after the restart, since then at the end of the installation.
 */
import type { Device, NetworkPlan, Nic, PlannedBond } from "../bond/model.ts";
import { driverOptions, joinOptions } from "../bond/options.ts";
import { bool, list, map, text, texts } from "./suse-values.ts";
import type { XmlElement } from "./xml.ts";

/** `bonding_slave0` to `bonding_slave9`. */
export const MOST_MEMBERS = 10;

/** NICs get the plan's names by rules on their addresses: AutoYaST joins names alone. */
export function networkSection(plan: NetworkPlan): XmlElement {
  const { nics, devices, bond } = plan;
  return map("networking", [
    bool("keep_install_network", false),
    bool("managed", false),
    dnsSection(plan),
    list("interfaces", [
      ...devices.map((device) => interfaceEntry(device, bond?.name === device.name ? bond : undefined)),
      ...(bond?.members ?? []).map(memberEntry),
    ]),
    list("net-udev", nics.map(nameRule)),
    ...routing(devices),
  ]);
}

function interfaceEntry({ name, vlan, addressing, mtu }: Device, bond: PlannedBond | undefined): XmlElement {
  return map("interface", [
    text("device", name),
    text("bootproto", addressing.kind),
    text("startmode", "auto"),
    ...(addressing.kind === "static" ? [text("ipaddr", addressing.address), text("prefixlen", addressing.prefix)] : []),
    ...(mtu === undefined ? [] : [text("mtu", mtu)]),
    ...(vlan ? [text("etherdevice", vlan.parent), text("vlan_id", vlan.id)] : []),
    ...(bond ? bondEntries(bond) : []),
  ]);
}

/** `lladdr` pins the bond to one address. */
function bondEntries(bond: PlannedBond): XmlElement[] {
  return [
    text("bonding_master", "yes"),
    text("bonding_module_opts", joinOptions(driverOptions(bond), " ")),
    ...bond.members.map(({ name }, index) => text(`bonding_slave${index}`, name)),
    ...(bond.mac ? [text("lladdr", bond.mac)] : []),
  ];
}

/** `hotplug`: the bond brings its members up. */
function memberEntry({ name }: Nic): XmlElement {
  return map("interface", [text("device", name), text("bootproto", "none"), text("startmode", "hotplug")]);
}

function nameRule({ name, mac }: Nic): XmlElement {
  return map("rule", [text("name", name), text("rule", "ATTR{address}"), text("value", mac)]);
}

function dnsSection({ hostname, devices }: NetworkPlan): XmlElement {
  const addressing = devices.map((device) => device.addressing).find(({ kind }) => kind !== "none");
  const { dns = [], domain } = addressing?.kind === "static" ? addressing : {};
  return map("dns", [
    bool("dhcp_hostname", false),
    text("hostname", hostname),
    ...(domain === undefined ? [] : [text("domain", domain), texts("searchlist", "search", [domain])]),
    ...(dns.length > 0 ? [texts("nameservers", "nameserver", dns)] : []),
  ]);
}

function routing(devices: readonly Device[]): XmlElement[] {
  const routes = devices.flatMap(({ name, addressing }) =>
    addressing.kind === "static" && addressing.router
      ? [
          map("route", [
            text("destination", "default"),
            text("device", name),
            text("gateway", addressing.router),
            text("netmask", "-"),
          ]),
        ]
      : [],
  );
  return routes.length > 0 ? [map("routing", [list("routes", routes)])] : [];
}
