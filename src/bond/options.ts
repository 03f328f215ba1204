/** A bond as options of the kernel's bonding driver: the one list from which most network stacks are written. */
import type { BondSettings, Nic } from "./model.ts";

/** Option and value; several values for `arp_ip_target` alone. */
export type DriverOption = readonly [name: string, values: readonly string[]];

/** `mode` first. */
export const OPTIONS = [
  "mode",
  "miimon",
  "updelay",
  "downdelay",
  "arp_interval",
  "arp_ip_target",
  "arp_validate",
  "primary_reselect",
  "fail_over_mac",
  "lacp_rate",
  "xmit_hash_policy",
  "ad_select",
  "min_links",
  "num_grat_arp",
] as const satisfies readonly (keyof BondSettings)[];

/** In a fixed order, `mode` first: the driver refuses options that its present mode does not have. */
export function driverOptions(bond: BondSettings & { readonly primary?: Pick<Nic, "name"> }): DriverOption[] {
  const options = OPTIONS.flatMap((name): DriverOption[] => {
    const value = bond[name];
    if (value === undefined) return [];
    return [[name, typeof value === "object" ? value : [String(value)]]];
  });
  return bond.primary ? [...options, ["primary", [bond.primary.name]]] : options;
}

/** `mode=active-backup miimon=100`: words with `separator` between; several values are joined by `inner`. */
export function joinOptions(options: readonly DriverOption[], separator: string, inner = ","): string {
  return options.map(([name, values]) => `${name}=${values.join(inner)}`).join(separator);
}
