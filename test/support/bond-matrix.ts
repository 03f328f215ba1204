/** Sites whose hosts cover modes x monitoring x VLAN x static/DHCP x disk layouts, for any family and release. */
import type { Host, Site } from "../../src/site/model.ts";
import { siteOf } from "./sites.ts";

export interface MatrixTree {
  readonly family: string;
  readonly release: string;
}

const MII = "miimon: 100, updelay: 200, downdelay: 200";
const ARP = "arp_interval: 1000, arp_ip_target: [10.20.0.1, 10.20.0.2]";

/** Inner text of `bond: {...}`; undefined = no bond. `@` stands for the second NIC. */
const BONDS: readonly (string | undefined)[] = [
  undefined,
  `mode: balance-rr, ${MII}`,
  `mode: balance-rr, ${ARP}`,
  `mode: active-backup, ${MII}, primary: @, primary_reselect: better, num_grat_arp: 3`,
  `mode: active-backup, ${ARP}, arp_validate: all, primary: @`,
  "mode: active-backup, miimon: 100, fail_over_mac: active",
  "mode: active-backup, miimon: 100, fail_over_mac: follow, mtu: 9000",
  `mode: balance-xor, ${MII}, xmit_hash_policy: layer3+4`,
  `mode: balance-xor, ${ARP}`,
  "mode: broadcast, miimon: 50",
  `mode: 802.3ad, ${MII}, lacp_rate: fast, xmit_hash_policy: layer3+4, ad_select: bandwidth, min_links: 1, mtu: 9000`,
  "mode: 802.3ad, miimon: 100",
  "mode: balance-tlb, miimon: 100, primary: @",
  "mode: balance-alb, miimon: 100",
];
const VLANS = ["", "vlan: 100", "vlans: [{id: 200, address: 10.21.0.7/24, router: 10.21.0.1}, {id: 300}]"];
const DISKS = [
  "{layout: plain}",
  "{layout: lvm, device: /dev/sda}",
  "{layout: raid1}",
  "{layout: raid1, device: [/dev/sda, /dev/sdb]}",
  "{layout: plain, keep: [{partition: 3, mount: /srv}]}",
];

/** 45 hosts: every bond with every kind of VLAN, and the disk layouts and ways to an address spread over them. */
export function matrixSite({ family, release }: MatrixTree): Site {
  const profiles = DISKS.map((disk, index) => profileText(index, disk));
  const cases = BONDS.flatMap((bond) => (bond === undefined ? [undefined] : VLANS.map((vlan) => joined(bond, vlan))));
  const more = DISKS.map(() => undefined);
  const hosts = [...cases, ...more].map((bond, index) => hostText(index, bond));
  return siteOf(`site: matrix
subnets:
  - {cidr: 10.20.0.0/16, router: 10.20.0.1, dns: [10.20.0.2, 10.20.0.3], domain: rack.example}
servers:
  one: {address: 10.20.0.2}
  two: {address: 10.20.0.3}
trees:
  tree: {family: ${family}, release: "${release}", path: /srv/tree}
profiles:
${profiles.join("")}hosts:
${hosts.join("")}`);
}

export function matrixHosts(tree: MatrixTree): readonly Host[] {
  return [...matrixSite(tree).hosts.values()];
}

function joined(bond: string, vlan: string): string {
  return vlan === "" ? bond : `${bond}, ${vlan}`;
}

function profileText(index: number, disk: string): string {
  return `  p${index}:
    tree: tree
    language: de_DE.UTF-8
    keyboard: de
    timezone: Europe/Berlin
    ntp: [10.20.0.2]
    root: {password: "$6$salt$hash", ssh_keys: ["ssh-ed25519 AAAA root's key"]}
    users: [{name: ada, full_name: "Ada L'Ovelace & \\"Co\\" <x>", password: "$6$salt$hash", ssh_keys: ["ssh-ed25519 BBBB ada"], sudo: true}]
    disk: ${disk}
    packages: [chrony, tmux]
    kernel_arguments: ["note=two words"]
    installed_kernel_arguments: [quiet]
    early: ["echo early"]
    late: ["echo late 'quoted' > /root/late", "echo two\\necho lines"]
    first_boot: ["echo first"]
`;
}

function hostText(index: number, bond: string | undefined): string {
  const mac = (nic: number) => `52:54:00:20:${index.toString(16).padStart(2, "0")}:0${nic}`;
  const second = JSON.stringify(mac(2));
  const lines = [
    `  h${index}:`,
    `    nics: [${JSON.stringify(mac(1))}, ${second}]`,
    `    address: 10.20.1.${index + 1}`,
    `    network: ${index % 2 === 0 ? "static" : "dhcp"}`,
    `    profile: p${index % DISKS.length}`,
    ...(bond === undefined ? [] : [`    bond: {${bond.replace("@", second)}}`]),
  ];
  return `${lines.join("\n")}\n`;
}
