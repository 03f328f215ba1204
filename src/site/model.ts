/** The site as every room sees it: checked, with defaults filled in and names resolved. Built by `load.ts` alone. */
import type { AddressRange, Cidr, Ipv4, Mac } from "../base/address.ts";
import type { Bond } from "../bond/model.ts";
import type { HookEvent } from "./schema.ts";

export interface Site {
  readonly name: string;
  /** SHA-256 (hex) of the site file's text: the same on every server that runs the same file. */
  readonly revision: string;
  readonly subnets: readonly Subnet[];
  readonly unknown: UnknownPolicy;
  readonly balance: string;
  /** Names handed out in place of addresses, e.g. `install`. */
  readonly names: Readonly<Record<string, string>>;
  readonly servers: ReadonlyMap<string, Server>;
  /** URLs of the etcd cluster that holds the common state; absent = SQLite, for one server. */
  readonly etcd?: readonly string[];
  /** Absent = by the control socket alone. */
  readonly api?: ApiPlace;
  /** Absent = no server answers for names. */
  readonly dns?: DnsPlace;
  readonly hooks?: readonly Hook[];
  /** Absent = as fast as may be. */
  readonly replication?: Replication;
  readonly trees: ReadonlyMap<string, Tree>;
  readonly profiles: ReadonlyMap<string, Profile>;
  readonly hosts: ReadonlyMap<string, Host>;
  /** Every MAC of every host, and each host's own address. */
  readonly hostByMac: ReadonlyMap<Mac, Host>;
  readonly hostByAddress: ReadonlyMap<Ipv4, Host>;
}

/** Where the API and the dashboard are to be had. */
export interface ApiPlace {
  readonly port: number;
  /** Absent = each server's own address, and 127.0.0.1. */
  readonly listen?: readonly Ipv4[];
  /** Who may read `/metrics`: those with a token, or anyone. */
  readonly metrics: "token" | "open";
}

/** How the servers copy versions of trees to each other. */
export interface Replication {
  /** Bytes a second that a server fetches. */
  readonly rate: number;
  /** Bytes a second that it reads of its own in search of bit rot. */
  readonly scrub: number;
}

export interface DnsPlace {
  /** Name servers that are asked for other names, best first; empty = other names are refused. */
  readonly forward: readonly Ipv4[];
}

/** Who is told when a host comes into one of some states. */
export interface Hook {
  readonly url: string;
  readonly events: readonly HookEvent[];
  /** Absolute path of the file whose text signs what is sent. */
  readonly secretFile?: string;
}

/** What machines get that the site file does not list. */
export type UnknownPolicy =
  | { readonly kind: "ignore" }
  | { readonly kind: "discover" }
  | { readonly kind: "profile"; readonly profile: Profile };

export type DhcpMode = "authoritative" | "proxy" | "off";

export interface Subnet {
  readonly cidr: Cidr;
  readonly router?: Ipv4;
  readonly dns: readonly Ipv4[];
  readonly domain?: string;
  readonly pool?: AddressRange;
  /** Seconds. */
  readonly lease: number;
  readonly dhcp: DhcpMode;
  /** Installs that run here at a time; absent = no limit. */
  readonly installs?: number;
}

export interface Server {
  readonly name: string;
  readonly address: Ipv4;
  readonly floating?: Ipv4;
  /** Interfaces to listen on; empty = every interface that has an address in a subnet of the site. */
  readonly interfaces: readonly string[];
  readonly links: readonly Ipv4[];
  readonly serves?: "odd" | "even";
  /** Share of the hosts against the other servers': 1 to 100. */
  readonly weight: number;
  readonly httpPort: number;
  /** It serves by FTP too; absent = not. */
  readonly ftp?: boolean;
  /** Installs that it serves at a time; absent = no limit. */
  readonly installs?: number;
  /** Path of a serial device whose line ends at another server. */
  readonly serial?: string;
}

export interface Tree {
  readonly name: string;
  readonly family: string;
  /** Release as the family names it: `bookworm`, `9`. */
  readonly release: string;
  readonly arch: string;
  /** Absolute path of the folder. */
  readonly path: string;
  /**
   * Base URL of a mirror (with `dists/` and `pool/` below it) whose files are fetched when first asked for, verified
   * against its signed Release file and kept in `path`; `apt` = the mirror that apt on this server uses. Absent = the
   * folder holds everything.
   */
  readonly upstream?: string;
  /** Of a mirror of rpm packages: folders with `repodata/` below the upstream. Absent = those of the family's media. */
  readonly repositories?: readonly string[];
  /** Bytes of packages that a mirror keeps; absent = no bound. */
  readonly cache?: number;
  /**
   * Absolute path of the OpenPGP keyring (binary, as in /usr/share/keyrings) that signs the tree's Release file, for a
   * tree that the distribution itself did not sign. Installer and installed system are made to trust it.
   */
  readonly keyring?: string;
}

/** How a machine gets from its firmware to the installer's kernel. */
export const LOADER_CHOICES = ["auto", "ipxe", "ipxe-full", "pxelinux", "grub"] as const;
export type LoaderChoice = (typeof LOADER_CHOICES)[number];

export interface Profile {
  readonly name: string;
  readonly tree: Tree;
  readonly via: "http" | "ftp" | "nfs";
  readonly loader: LoaderChoice;
  readonly language: string;
  readonly keyboard: string;
  readonly timezone: string;
  readonly ntp: readonly string[];
  readonly root?: Account;
  readonly users: readonly User[];
  readonly disk: Disk;
  readonly network: NetworkMethod;
  readonly packages: readonly string[];
  /** Package of the kernel to install; absent = the family's default. */
  readonly kernel?: string;
  /** Recommended packages too? */
  readonly recommends: boolean;
  /** Base system of required packages alone, in place of the family's standard one. */
  readonly minimal: boolean;
  /** Shell commands run in the installer, before it looks at the disks. */
  readonly early: readonly string[];
  /** Shell commands run in the installed system at the end of the installation. */
  readonly late: readonly string[];
  /** Shell commands run once by the installed system when it first starts, before it reports. */
  readonly firstBoot: readonly string[];
  /** More arguments for the installer's kernel, and those that stay on the installed system's kernel. */
  readonly kernelArguments: readonly string[];
  readonly installedKernelArguments: readonly string[];
  /** Added to the answer file in the family's own format: lines, or a fragment to merge. */
  readonly answers: readonly string[];
  /** Package repositories of the installed system, other than the tree. */
  readonly mirrors: readonly string[];
}

export interface Account {
  /** crypt(5) hash; absent = no password log-in. */
  readonly password?: string;
  readonly sshKeys: readonly string[];
}

export interface User extends Account {
  readonly name: string;
  readonly fullName: string;
  readonly sudo: boolean;
}

export interface Disk {
  /** `raid1`: every partition on both of two disks. */
  readonly layout: "plain" | "lvm" | "raid1";
  /** Device paths: two for `raid1`, else one. Empty = the first fixed disk, or the first two. */
  readonly devices: readonly string[];
  /** Partitions of the disk that stay as they are, with what they hold; never with `raid1`. */
  readonly keep: readonly KeptPartition[];
}

export interface KeptPartition {
  /** Number on its disk, from 1. */
  readonly partition: number;
  /** Where it is mounted. */
  readonly mount: string;
}

export type NetworkMethod = "static" | "dhcp";

/** A bond and what lies on it. */
export interface HostBond extends Bond {
  /** `bond0` */
  readonly device: string;
  /** Bytes; absent = the default of the NICs. */
  readonly mtu?: number;
  /** Tag of the network that holds the host's own address, in the installed system; absent = untagged. */
  readonly vlan?: number;
  /** Further networks, tagged. */
  readonly vlans: readonly Vlan[];
}

export interface Vlan {
  /** 1 to 4094. */
  readonly id: number;
  /** The host's address there, with the bits of its network; absent = by DHCP. */
  readonly address?: { readonly address: Ipv4; readonly prefix: number };
  readonly router?: Ipv4;
}

export interface Host {
  readonly name: string;
  readonly nics: readonly [Mac, ...Mac[]];
  readonly address: Ipv4;
  readonly subnet: Subnet;
  /** Made of its own settings, its profile's and the site's. */
  readonly bond?: HostBond;
  /** How the installed system gets its address. */
  readonly network: NetworkMethod;
  readonly profile: Profile;
  /** The host's own choice if it has one, else its profile's. */
  readonly loader: LoaderChoice;
}
