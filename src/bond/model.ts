/** A bond as it is declared, and the network of one machine as every renderer of this room takes it. */
import type { Ipv4, Mac } from "../base/address.ts";

/** By the kernel's number: 0 to 6 (Documentation/networking/bonding.rst). */
export const BOND_MODES = [
  "balance-rr",
  "active-backup",
  "balance-xor",
  "broadcast",
  "802.3ad",
  "balance-tlb",
  "balance-alb",
] as const;
export type BondMode = (typeof BOND_MODES)[number];

export const ARP_VALIDATE = ["none", "active", "backup", "all", "filter", "filter_active", "filter_backup"] as const;
export const PRIMARY_RESELECT = ["always", "better", "failure"] as const;
export const FAIL_OVER_MAC = ["none", "active", "follow"] as const;
export const LACP_RATES = ["slow", "fast"] as const;
export const AD_SELECT = ["stable", "bandwidth", "count"] as const;
export const XMIT_HASH_POLICIES = ["layer2", "layer3+4", "layer2+3", "encap2+3", "encap3+4", "vlan+srcmac"] as const;

/**
 * Settings by the names that the kernel, the site file and most tools use. Absent = the driver's default. What fits
 * together, rules.ts knows; a `Bond` has passed them.
 */
export interface BondSettings {
  readonly mode: BondMode;
  /** Milliseconds between two looks at the link; `updelay` and `downdelay` too, rounded down to multiples of it. */
  readonly miimon?: number;
  readonly updelay?: number;
  readonly downdelay?: number;
  /** Milliseconds between two ARP requests to each target, in place of `miimon`. */
  readonly arp_interval?: number;
  readonly arp_ip_target?: readonly Ipv4[];
  readonly arp_validate?: (typeof ARP_VALIDATE)[number];
  readonly primary_reselect?: (typeof PRIMARY_RESELECT)[number];
  readonly fail_over_mac?: (typeof FAIL_OVER_MAC)[number];
  readonly lacp_rate?: (typeof LACP_RATES)[number];
  readonly xmit_hash_policy?: (typeof XMIT_HASH_POLICIES)[number];
  readonly ad_select?: (typeof AD_SELECT)[number];
  /** Members that must be up for the bond to be up. */
  readonly min_links?: number;
  /** Gratuitous ARPs after a switch-over. */
  readonly num_grat_arp?: number;
}

/** What a host declares: members by their permanent addresses. Exactly one of `miimon` and `arp_interval` is there. */
export interface Bond extends BondSettings {
  readonly members: readonly Mac[];
  readonly primary?: Mac;
}

/** A physical port. The name is what the machine calls it, or will once the file that names it is read. */
export interface Nic {
  readonly name: string;
  /** Permanent address. */
  readonly mac: Mac;
}

/** A bond whose members have names. */
export interface PlannedBond extends BondSettings {
  readonly name: string;
  readonly members: readonly Nic[];
  readonly primary?: Nic;
  /** Address that the bond is pinned to; absent with `fail_over_mac: active`, where it moves with the active member. */
  readonly mac?: Mac;
}

export type Addressing =
  | {
      readonly kind: "static";
      readonly address: Ipv4;
      /** Bits of the network. */
      readonly prefix: number;
      readonly router?: Ipv4;
      readonly dns: readonly Ipv4[];
      /** Domain to search. */
      readonly domain?: string;
    }
  | { readonly kind: "dhcp" }
  /** Carries VLANs or nothing. */
  | { readonly kind: "none" };

/** A device that may have an address: the NIC, the bond, or a VLAN over one of them. Parents come before their VLANs. */
export interface Device {
  /** `nic0`, `bond0`, `bond0.100`. */
  readonly name: string;
  readonly vlan?: { readonly id: number; readonly parent: string };
  readonly addressing: Addressing;
  /** Bytes. */
  readonly mtu?: number;
}

/** The network of one machine, whole: every renderer of this room writes it for one network stack. */
export interface NetworkPlan {
  readonly hostname: string;
  /** Ports that are used; those of the bond, in the order of its members, or the one that has the address. */
  readonly nics: readonly Nic[];
  readonly bond?: PlannedBond;
  readonly devices: readonly Device[];
}

/** A file of a network stack, to be put in its place. */
export interface ConfigFile {
  /** Absolute. */
  readonly path: string;
  readonly mode: number;
  readonly text: string;
}

/** Writes the plan for one network stack; the same plan gives the same bytes. */
export type StackRenderer = (plan: NetworkPlan) => readonly ConfigFile[];

/** A VLAN's device name as all stacks accept it. */
export function vlanName(parent: string, id: number): string {
  return `${parent}.${id}`;
}
