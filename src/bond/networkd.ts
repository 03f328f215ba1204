/** Files of systemd-networkd and of udev (systemd.link(5), systemd.netdev(5), systemd.network(5); versions 247 to 256). */
import type {
  Addressing,
  BondSettings,
  ConfigFile,
  Device,
  NetworkPlan,
  Nic,
  PlannedBond,
  StackRenderer,
} from "./model.ts";
import { driverOptions } from "./options.ts";

/** A line `key=value` of an INI file; left out if the value is undefined. */
export type IniEntry = readonly [key: string, value: string | number | undefined];
export type IniSection = readonly [name: string, entries: readonly IniEntry[]];

/** Keys of the section Bond. */
const BOND_KEYS: Readonly<Record<keyof BondSettings, string>> = {
  mode: "Mode",
  miimon: "MIIMonitorSec",
  updelay: "UpDelaySec",
  downdelay: "DownDelaySec",
  arp_interval: "ARPIntervalSec",
  arp_ip_target: "ARPIPTargets",
  arp_validate: "ARPValidate",
  primary_reselect: "PrimaryReselectPolicy",
  fail_over_mac: "FailOverMACPolicy",
  lacp_rate: "LACPTransmitRate",
  xmit_hash_policy: "TransmitHashPolicy",
  ad_select: "AdSelect",
  min_links: "MinLinks",
  num_grat_arp: "GratuitousARP",
};

/** Values of the kernel that networkd does not know (its src/shared/bond-util.c): it warns, and ignores the line. */
const UNKNOWN_VALUES: Readonly<Partial<Record<keyof BondSettings, readonly string[]>>> = {
  arp_validate: ["filter", "filter_active", "filter_backup"],
  xmit_hash_policy: ["vlan+srcmac"],
};

/** Names of the NICs, the bond and its members, the VLANs, and the addresses on them. */
export const renderNetworkd: StackRenderer = (plan) => [
  ...linkFiles(plan),
  ...(plan.bond ? bondFiles(plan.bond, plan.devices) : []),
  ...plan.devices.flatMap(vlanNetdev),
  ...plan.devices.map((device) => deviceNetwork(device, plan)),
];

/**
 * Files by which udev names the NICs, also for network stacks that cannot do so themselves. They go by the permanent
 * address, which a NIC keeps in a bond: systemd 245 or later. The initrd needs them too, or names NICs first.
 */
export function linkFiles({ nics }: Pick<NetworkPlan, "nics">): readonly ConfigFile[] {
  return nics.map(({ name, mac }) =>
    unitFile(name, "link", [
      ["Match", [["PermanentMACAddress", mac]]],
      ["Link", [["Name", name]]],
    ]),
  );
}

/** Settings of the bond that networkd ignores: they have no effect there. */
export function networkdLacks(bond: BondSettings): readonly (keyof BondSettings)[] {
  const keys = Object.keys(UNKNOWN_VALUES) as (keyof BondSettings)[];
  return keys.filter((key) => UNKNOWN_VALUES[key]?.includes(String(bond[key])));
}

/** The text of an INI file, a blank line between its sections; those without a line are left out. */
export function iniText(sections: readonly IniSection[]): string {
  return sections
    .map(([name, entries]) => ({ name, lines: entries.filter(([, value]) => value !== undefined) }))
    .filter(({ lines }) => lines.length > 0)
    .map(({ name, lines }) => `[${name}]\n${lines.map(([key, value]) => `${key}=${value}\n`).join("")}`)
    .join("\n");
}

function unitFile(name: string, kind: "link" | "netdev" | "network", sections: readonly IniSection[]): ConfigFile {
  return { path: `/etc/systemd/network/10-everboot-${name}.${kind}`, mode: 0o644, text: iniText(sections) };
}

function bondFiles(bond: PlannedBond, devices: readonly Device[]): readonly ConfigFile[] {
  const { name, mac, members } = bond;
  const mtu = devices.find((device) => device.name === name)?.mtu;
  const netdev: readonly IniEntry[] = [
    ["Name", name],
    ["Kind", "bond"],
    ["MACAddress", mac],
    ["MTUBytes", mtu],
  ];
  return [
    unitFile(name, "netdev", [
      ["NetDev", netdev],
      ["Bond", bondEntries(bond)],
    ]),
    ...members.map((member) => memberNetwork(member, bond)),
  ];
}

/** All but `primary`, which is said of the member itself. */
function bondEntries({ primary: _primary, ...settings }: PlannedBond): IniEntry[] {
  return driverOptions(settings).map(([name, values]) => {
    const key = BOND_KEYS[name as keyof BondSettings];
    return [key, `${values.join(" ")}${key.endsWith("Sec") ? "ms" : ""}`];
  });
}

/** A member without a cable must not hold up the boot: it is not required for the machine to be online. */
function memberNetwork({ name, mac }: Nic, bond: PlannedBond): ConfigFile {
  const network: readonly IniEntry[] = [
    ["Bond", bond.name],
    ["PrimarySlave", bond.primary?.name === name ? "yes" : undefined],
  ];
  return unitFile(name, "network", [
    ["Match", [["PermanentMACAddress", mac]]],
    ["Link", [["RequiredForOnline", "no"]]],
    ["Network", network],
  ]);
}

function vlanNetdev({ name, vlan, mtu }: Device): readonly ConfigFile[] {
  if (!vlan) return [];
  const netdev: readonly IniEntry[] = [
    ["Name", name],
    ["Kind", "vlan"],
    ["MTUBytes", mtu],
  ];
  return [
    unitFile(name, "netdev", [
      ["NetDev", netdev],
      ["VLAN", [["Id", vlan.id]]],
    ]),
  ];
}

function deviceNetwork({ name, mtu, addressing }: Device, { nics, devices }: NetworkPlan): ConfigFile {
  const nic = nics.find((one) => one.name === name);
  const vlans = devices.filter((one) => one.vlan?.parent === name);
  const link: readonly IniEntry[] = [
    ["MTUBytes", mtu],
    ["RequiredForOnline", addressing.kind === "none" ? "no" : undefined],
  ];
  return unitFile(name, "network", [
    ["Match", [nic ? ["PermanentMACAddress", nic.mac] : ["Name", name]]],
    ["Link", link],
    ["Network", [...addressEntries(addressing), ...vlans.map((vlan): IniEntry => ["VLAN", vlan.name])]],
    ["DHCPv4", [["ClientIdentifier", addressing.kind === "dhcp" ? "mac" : undefined]]],
  ]);
}

function addressEntries(addressing: Addressing): readonly IniEntry[] {
  switch (addressing.kind) {
    case "none":
      return [["LinkLocalAddressing", "no"]];
    case "dhcp":
      return [["DHCP", "ipv4"]];
    case "static":
      return [
        ["Address", `${addressing.address}/${addressing.prefix}`],
        ["Gateway", addressing.router],
        ...addressing.dns.map((server): IniEntry => ["DNS", server]),
        ["Domains", addressing.domain],
        // The address is there before the switch is, and stays when it is away, as with the other network stacks.
        ["ConfigureWithoutCarrier", "yes"],
      ];
  }
}
