/** The schema of `bond`, in a host, a profile or for the whole site: the kernel's options under the kernel's names. */
import { z } from "zod";
import {
  AD_SELECT,
  ARP_VALIDATE,
  BOND_MODES,
  type BondMode,
  FAIL_OVER_MAC,
  LACP_RATES,
  PRIMARY_RESELECT,
  XMIT_HASH_POLICIES,
} from "../bond/model.ts";
import * as values from "./values.ts";

const milliseconds = (min: number) => z.int().min(min).max(60_000).exactOptional();

/** Left out = said by nobody: what is inherited, and the defaults, come when the levels are put together. */
const settings = {
  mode: z
    .literal([...BOND_MODES, 0, 1, 2, 3, 4, 5, 6, "none"])
    .transform((mode): BondMode | "none" => (typeof mode === "number" ? (BOND_MODES[mode] ?? "none") : mode))
    .exactOptional()
    .describe("Mode, by its name or the kernel's number for it; left out: `active-backup`. `none`: no bond after all."),
  miimon: milliseconds(1).describe("Milliseconds between two looks at the link; left out: 100, unless `arp_interval`."),
  updelay: milliseconds(0).describe("Milliseconds that a link must be up to be used; a multiple of `miimon`."),
  downdelay: milliseconds(0).describe("Milliseconds that a link must be down to be left; a multiple of `miimon`."),
  arp_interval: milliseconds(1).describe(
    "Milliseconds between ARP requests that watch the links, in place of `miimon`.",
  ),
  arp_ip_target: z
    .union([values.ipv4, z.array(values.ipv4).min(1)])
    .transform((target) => (typeof target === "string" ? [target] : target))
    .exactOptional()
    .describe("Address, or a list of them, that the ARP requests ask for: the router, the servers."),
  arp_validate: z.enum(ARP_VALIDATE).exactOptional().describe("Which ARP answers count, on which members."),
  primary_reselect: z.enum(PRIMARY_RESELECT).exactOptional().describe("When a repaired `primary` takes over again."),
  fail_over_mac: z.enum(FAIL_OVER_MAC).exactOptional().describe("What becomes of MAC addresses at a switch-over."),
  lacp_rate: z.enum(LACP_RATES).exactOptional().describe("How often the switch is asked to speak LACP: 30 s or 1 s."),
  xmit_hash_policy: z.enum(XMIT_HASH_POLICIES).exactOptional().describe("What spreads the traffic over the members."),
  ad_select: z.enum(AD_SELECT).exactOptional().describe("Which group of members is used, if the switch makes several."),
  min_links: z.int().min(0).max(16).exactOptional().describe("Members that must be up for the bond to be up."),
  num_grat_arp: z.int().min(0).max(255).exactOptional().describe("Gratuitous ARPs sent after a switch-over."),
  mtu: z.int().min(576).max(65_535).exactOptional().describe("Bytes of the largest packet; the switch must take it."),
  vlan: values.vlanId
    .exactOptional()
    .describe(
      "Tag of the network that holds the host's address, for the installed system; firmware and installer use the port untagged.",
    ),
  device: values.interfaceName.exactOptional().describe("Name of the bond's device; left out: `bond0`."),
};

const vlanSchema = z.strictObject({
  id: values.vlanId.describe("Tag, 1 to 4094."),
  address: values.interfaceAddress.exactOptional().describe("The host's address there; left out: by DHCP."),
  router: values.ipv4.exactOptional().describe("Default gateway there, in place of that of the host's own network."),
});

export const bondPolicySchema = z.strictObject(settings);

export const bondSchema = z.strictObject({
  ...settings,
  primary: values.mac.exactOptional().describe("NIC to prefer; for `active-backup`, `balance-tlb` and `balance-alb`."),
  members: z.array(values.mac).exactOptional().describe("NICs to join; left out: all NICs of the host."),
  vlans: z.array(vlanSchema).exactOptional().describe("Further tagged networks on the bond."),
});

export type BondPolicyEntry = z.output<typeof bondPolicySchema>;
export type BondEntry = z.output<typeof bondSchema>;
