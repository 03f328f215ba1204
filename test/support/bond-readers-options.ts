/** What the readers of network files share: the options of a bond, from their texts back to typed settings. */
import { type Mac, parseMac } from "../../src/base/address.ts";
import type { BondSettings, Nic } from "../../src/bond/model.ts";

const NUMBERS = ["miimon", "updelay", "downdelay", "arp_interval", "min_links", "num_grat_arp"];
const WORDS = [
  ...["mode", "arp_validate", "primary_reselect", "fail_over_mac"],
  ...["lacp_rate", "xmit_hash_policy", "ad_select"],
];

/**
 * Options under the driver's names, all but `primary`; throws at one that the driver does not have. Several addresses
 * are separated by `separator`.
 */
export function bondSettings(options: ReadonlyMap<string, string>, separator: string = ","): BondSettings {
  const entries = [...options].filter(([name]) => name !== "primary");
  return Object.fromEntries(
    entries.map(([name, value]) => [name, optionValue(name, value, separator)]),
  ) as unknown as BondSettings;
}

function optionValue(name: string, value: string, separator: string): string | number | string[] {
  if (name === "arp_ip_target") return value.split(separator);
  if (NUMBERS.includes(name) && /^\d+$/.test(value)) return Number(value);
  if (WORDS.includes(name)) return value;
  throw new Error(`not an option of the bonding driver: ${name}=${value}`);
}

/** `mode=802.3ad miimon=100` */
export function optionMap(text: string, separator: string): Map<string, string> {
  return new Map(text.split(separator).map((option) => splitOnce(option, "=")));
}

/** Throws when the separator is not there. */
export function splitOnce(text: string, separator: string): [before: string, after: string] {
  const at = text.indexOf(separator);
  if (at < 0) throw new Error(`no "${separator}" in ${JSON.stringify(text)}`);
  return [text.slice(0, at), text.slice(at + separator.length)];
}

export function nicNamed(nics: readonly Nic[], name: string): Nic {
  const nic = nics.find((candidate) => candidate.name === name);
  if (!nic) throw new Error(`no port is called ${name}`);
  return nic;
}

export function readMac(text: string): Mac {
  const mac = parseMac(text);
  if (!mac) throw new Error(`not a MAC address: ${text}`);
  return mac;
}
