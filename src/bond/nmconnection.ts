/**
 * NetworkManager's keyfiles (nm-settings-keyfile(5)), in words that its versions 1.14 to 1.52 all read; only
 * `arp_validate: filter` came with 1.20, `primary` in balance-tlb and balance-alb with 1.28, `vlan+srcmac` with 1.30
 * (its nm-setting-bond.c).
 */
import { createHash } from "node:crypto";
import type { Addressing, ConfigFile, Device, Nic, PlannedBond, StackRenderer } from "./model.ts";
import { type IniEntry, type IniSection, iniText } from "./networkd.ts";
import { driverOptions } from "./options.ts";

/** Namespace of our UUIDs (RFC 9562, section 5.5): any fixed one will do. */
const UUID_NAMESPACE = "8d3f6c1e-2a57-4b0c-9e64-71b5a0d9c3f2";
/** Above the connections that NetworkManager, its initrd and Anaconda make up for a NIC by themselves: 0 and less. */
const PRIORITY = 10;
/** "For ever". After the default of 45 seconds, four times over, a DHCP server's outage would take the bond down. */
const DHCP_TIMEOUT = 2_147_483_647;

/**
 * A connection for each device and each member. NICs are found by their permanent address, whatever they are called;
 * only `primary`, and a VLAN on a NIC itself, need the plan's names: networkd.ts has `linkFiles` for them, dracut
 * `ifname=`. NetworkManager ignores a keyfile that others can read.
 */
export const renderNmconnection: StackRenderer = ({ hostname, nics, bond, devices }) => [
  ...devices.map((device) => {
    const nic = nics.find(({ name }) => name === device.name);
    return keyfile(hostname, device.name, deviceEntries(device, nic), deviceSections(device, nic, bond));
  }),
  ...(bond ? bond.members.map((member) => memberKeyfile(hostname, member, bond)) : []),
];

function keyfile(
  hostname: string,
  id: string,
  connection: readonly IniEntry[],
  others: readonly IniSection[],
): ConfigFile {
  const common: readonly IniEntry[] = [
    ["id", id],
    ["uuid", uuid(`${hostname}/${id}`)],
    ["autoconnect-priority", PRIORITY],
  ];
  return {
    path: `/etc/NetworkManager/system-connections/${id}.nmconnection`,
    mode: 0o600,
    text: iniText([["connection", [...common, ...connection]], ...others]),
  };
}

/** Versions 1.46 and later say controller and port-type, and read these words too. */
function memberKeyfile(hostname: string, { name, mac }: Nic, bond: PlannedBond): ConfigFile {
  const connection: readonly IniEntry[] = [
    ["type", "ethernet"],
    ["master", bond.name],
    ["slave-type", "bond"],
  ];
  return keyfile(hostname, name, connection, [["ethernet", [["mac-address", mac]]]]);
}

/** A bond brings up its members itself, whichever of them NetworkManager sees first. */
function deviceEntries({ name, vlan }: Device, nic: Nic | undefined): readonly IniEntry[] {
  if (nic) return [["type", "ethernet"]];
  return [
    ["type", vlan ? "vlan" : "bond"],
    ["interface-name", name],
    ["autoconnect-slaves", vlan ? undefined : 1],
  ];
}

function deviceSections(device: Device, nic: Nic | undefined, bond: PlannedBond | undefined): readonly IniSection[] {
  const { name, vlan, mtu, addressing } = device;
  const own = bond?.name === name ? bond : undefined;
  const ethernet: readonly IniEntry[] = [
    ["mac-address", nic?.mac],
    ["cloned-mac-address", own?.mac],
    ["mtu", mtu],
  ];
  const vlanEntries: readonly IniEntry[] = [
    ["id", vlan?.id],
    ["parent", vlan?.parent],
  ];
  return [
    ["ethernet", ethernet],
    ["bond", own ? driverOptions(own).map(([key, values]): IniEntry => [key, values.join(",")]) : []],
    ["vlan", vlanEntries],
    ["ipv4", ipv4Entries(addressing)],
    // `ignore` leaves it to the kernel; `disabled` is refused by versions before 1.20.
    ["ipv6", [["method", addressing.kind === "none" ? "ignore" : "auto"]]],
  ];
}

/** With `may-fail` off, the machine is not online before it has its IPv4 address, even if IPv6 is there already. */
function ipv4Entries(addressing: Addressing): readonly IniEntry[] {
  switch (addressing.kind) {
    case "none":
      return [["method", "disabled"]];
    case "dhcp":
      return [
        ["method", "auto"],
        ["dhcp-client-id", "mac"],
        ["dhcp-timeout", DHCP_TIMEOUT],
        ["may-fail", "false"],
      ];
    case "static": {
      const { address, prefix, router, dns, domain } = addressing;
      return [
        ["method", "manual"],
        ["address1", `${address}/${prefix}${router ? `,${router}` : ""}`],
        ["dns", dns.length > 0 ? dns.map((server) => `${server};`).join("") : undefined],
        ["dns-search", domain === undefined ? undefined : `${domain};`],
        ["may-fail", "false"],
      ];
    }
  }
}

/** Version 5: the same for the same name, so that a keyfile written again is the same connection. */
function uuid(name: string): string {
  const namespace = Buffer.from(UUID_NAMESPACE.replaceAll("-", ""), "hex");
  const bytes = createHash("sha1").update(namespace).update(name).digest().subarray(0, 16);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x50, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  return bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}
