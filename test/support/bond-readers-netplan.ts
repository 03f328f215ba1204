/** Reads netplan's YAML back into a plan, by netplan's reference of its format. */
import assert from "node:assert/strict";
import { parse } from "yaml";
import type { Ipv4, Mac } from "../../src/base/address.ts";
import type { Addressing, Device, Nic, PlannedBond } from "../../src/bond/model.ts";
import { type ReadPlan, said } from "./bond-readers-networkd.ts";
import { nicNamed } from "./bond-readers-options.ts";

/** Netplan's words and the kernel's names for them. */
const PARAMETERS: Readonly<Record<string, string>> = {
  mode: "mode",
  "lacp-rate": "lacp_rate",
  "mii-monitor-interval": "miimon",
  "min-links": "min_links",
  "transmit-hash-policy": "xmit_hash_policy",
  "ad-select": "ad_select",
  "arp-interval": "arp_interval",
  "arp-ip-targets": "arp_ip_target",
  "arp-validate": "arp_validate",
  "up-delay": "updelay",
  "down-delay": "downdelay",
  "fail-over-mac-policy": "fail_over_mac",
  "gratuitous-arp": "num_grat_arp",
  "primary-reselect-policy": "primary_reselect",
};

interface Definition {
  readonly match?: { readonly macaddress: Mac };
  readonly "set-name"?: string;
  readonly macaddress?: Mac;
  readonly interfaces?: readonly string[];
  readonly parameters?: Readonly<Record<string, unknown>>;
  readonly id?: number;
  readonly link?: string;
  readonly mtu?: number;
  readonly dhcp4?: boolean;
  readonly "dhcp-identifier"?: string;
  readonly addresses?: readonly string[];
  readonly routes?: ReadonlyArray<{ readonly to: string; readonly via: Ipv4 }>;
  readonly nameservers?: { readonly addresses?: readonly Ipv4[]; readonly search?: readonly string[] };
}
type Definitions = Readonly<Record<string, Definition>>;

interface Network {
  readonly version: number;
  readonly ethernets: Definitions;
  readonly bonds?: Definitions;
  readonly vlans?: Definitions;
}

/** By the rules of YAML 1.1, as netplan's own readers have them. */
export function readNetplan(text: string): ReadPlan {
  const { network } = parse(text, { version: "1.1" }) as { network: Network };
  assert.equal(network.version, 2);
  const nics = Object.entries(network.ethernets).map(([id, { match, "set-name": name = id }]): Nic => {
    return { name, mac: match?.macaddress ?? assert.fail(`${id} is matched by no address`) };
  });
  const [bond] = Object.entries(network.bonds ?? {});
  const based: Definitions = bond ? { [bond[0]]: bond[1] } : network.ethernets;
  return {
    nics,
    devices: [...Object.entries(based), ...Object.entries(network.vlans ?? {})].map(readDevice),
    ...(bond && { bond: readBond(bond[0], bond[1], nics) }),
  };
}

function readBond(
  name: string,
  { parameters = {}, macaddress, interfaces = [] }: Definition,
  nics: Nic[],
): PlannedBond {
  const { primary, ...others } = parameters;
  const settings = Object.entries(others).map(([word, value]) => [
    PARAMETERS[word] ?? assert.fail(`netplan has no ${word}`),
    value,
  ]);
  return {
    ...(Object.fromEntries(settings) as Pick<PlannedBond, "mode">),
    ...said({ mac: macaddress, primary: primary === undefined ? undefined : nicNamed(nics, String(primary)) }),
    ...{ name, members: interfaces.map((id) => nicNamed(nics, id)) },
  };
}

function readDevice([name, own]: readonly [string, Definition]): Device {
  const { id, link, mtu } = own;
  return {
    ...{ name, addressing: readAddressing(own) },
    ...said({ mtu, vlan: id === undefined || link === undefined ? undefined : { id, parent: link } }),
  };
}

function readAddressing({ dhcp4, addresses, routes, nameservers, ...own }: Definition): Addressing {
  if (dhcp4 === true) {
    assert.equal(own["dhcp-identifier"], "mac");
    return { kind: "dhcp" };
  }
  const [address, prefix] = addresses?.[0]?.split("/") ?? [];
  if (address === undefined) return { kind: "none" };
  return {
    ...{ kind: "static", address: address as Ipv4, prefix: Number(prefix), dns: nameservers?.addresses ?? [] },
    ...said({ router: routes?.find(({ to }) => to === "0.0.0.0/0")?.via, domain: nameservers?.search?.[0] }),
  };
}
