/** Reads files of systemd-networkd and udev back into a plan, by systemd.link(5), systemd.netdev(5), systemd.network(5). */
import assert from "node:assert/strict";
import type { Ipv4 } from "../../src/base/address.ts";
import type { Addressing, ConfigFile, Device, NetworkPlan, Nic, PlannedBond } from "../../src/bond/model.ts";
import { bondSettings, nicNamed, readMac } from "./bond-readers-options.ts";

/** What a network stack's files say of a machine. */
export type ReadPlan = Omit<NetworkPlan, "hostname">;

/** Keys of the section Bond and the kernel's names for them. */
const BOND_KEYS = new Map([
  ["Mode", "mode"],
  ["TransmitHashPolicy", "xmit_hash_policy"],
  ["LACPTransmitRate", "lacp_rate"],
  ["MIIMonitorSec", "miimon"],
  ["UpDelaySec", "updelay"],
  ["DownDelaySec", "downdelay"],
  ["AdSelect", "ad_select"],
  ["FailOverMACPolicy", "fail_over_mac"],
  ["ARPValidate", "arp_validate"],
  ["ARPIntervalSec", "arp_interval"],
  ["ARPIPTargets", "arp_ip_target"],
  ["PrimaryReselectPolicy", "primary_reselect"],
  ["GratuitousARP", "num_grat_arp"],
  ["MinLinks", "min_links"],
]);

/** One INI file. Sections of the same name, and keys of the same name, add up. */
export class Ini {
  readonly #lines: ReadonlyArray<readonly [section: string, key: string, value: string]>;

  constructor(text: string) {
    let section = "";
    this.#lines = text.split("\n").flatMap((line) => {
      const header = /^\[(.+)\]$/.exec(line)?.[1];
      section = header ?? section;
      if (header !== undefined || line === "" || line.startsWith("#")) return [];
      const [, key, value] = /^([^=]+)=(.*)$/.exec(line) ?? assert.fail(`not a line of an INI file: ${line}`);
      return [[section, key ?? "", value ?? ""] as const];
    });
  }

  all(section: string, key: string): string[] {
    return this.#lines.filter((line) => line[0] === section && line[1] === key).map((line) => line[2]);
  }

  /** The last one counts. */
  one(section: string, key: string): string | undefined {
    return this.all(section, key).at(-1);
  }

  entries(section: string): Array<[key: string, value: string]> {
    return this.#lines.filter((line) => line[0] === section).map(([, key, value]) => [key, value]);
  }
}

/** The object without what is undefined in it. */
export function said<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
}

/** Of files in /etc/systemd/network or /run/systemd/network: names from the `.link` files, the rest by MAC address. */
export function readNetworkd(files: readonly Pick<ConfigFile, "path" | "text">[]): ReadPlan {
  const parsed = (ending: string) => files.filter(({ path }) => path.endsWith(ending)).map(({ text }) => new Ini(text));
  const netdevs = parsed(".netdev");
  const nics = parsed(".link").map(
    (link): Nic => ({
      name: link.one("Link", "Name") ?? "",
      mac: readMac(link.one("Match", "PermanentMACAddress") ?? ""),
    }),
  );
  const networks = parsed(".network").map((network) => ({ network, name: matchedName(network, nics) }));
  const bondFile = netdevs.find((netdev) => netdev.one("NetDev", "Kind") === "bond");
  const devices = networks
    .filter(({ network }) => network.one("Network", "Bond") === undefined)
    .map(({ name, network }) => readDevice(name, network, networks, netdevs))
    .sort((a, b) => Number(a.vlan !== undefined) - Number(b.vlan !== undefined));
  return { nics, devices, ...(bondFile && { bond: readBond(bondFile, networks, nics) }) };
}

interface NamedNetwork {
  readonly name: string;
  readonly network: Ini;
}

function matchedName(network: Ini, nics: readonly Nic[]): string {
  const mac = network.one("Match", "PermanentMACAddress");
  const nic = nics.find((one) => one.mac === mac);
  return nic?.name ?? network.one("Match", "Name") ?? assert.fail("a .network file that matches nothing known");
}

function readBond(netdev: Ini, networks: readonly NamedNetwork[], nics: readonly Nic[]): PlannedBond {
  const name = netdev.one("NetDev", "Name") ?? "";
  const own = networks.filter(({ network }) => network.one("Network", "Bond") === name);
  const primary = own.find(({ network }) => /^(yes|true)$/.test(network.one("Network", "PrimarySlave") ?? ""));
  const mac = netdev.one("NetDev", "MACAddress");
  return {
    ...bondSettings(new Map(netdev.entries("Bond").map(readOption)), " "),
    ...{ name, members: own.map((member) => nicNamed(nics, member.name)) },
    ...(mac !== undefined && { mac: readMac(mac) }),
    ...(primary && { primary: nicNamed(nics, primary.name) }),
  };
}

function readOption([key, value]: readonly [string, string]): [string, string] {
  const name = BOND_KEYS.get(key) ?? assert.fail(`no key of the section Bond: ${key}`);
  return [name, key.endsWith("Sec") ? String(milliseconds(value)) : value];
}

/** systemd.time(7): without a unit, seconds. */
function milliseconds(text: string): number {
  const [, digits, unit] = /^(\d+)(ms|s|)$/.exec(text) ?? assert.fail(`not a time: ${text}`);
  return Number(digits) * (unit === "ms" ? 1 : 1000);
}

function readDevice(name: string, network: Ini, networks: readonly NamedNetwork[], netdevs: readonly Ini[]): Device {
  const netdev = netdevs.find((one) => one.one("NetDev", "Name") === name);
  const id = netdev?.one("VLAN", "Id");
  const parent = networks.find((one) => one.network.all("Network", "VLAN").includes(name))?.name;
  const mtu = network.one("Link", "MTUBytes");
  if (netdev) assert.equal(netdev.one("NetDev", "MTUBytes"), mtu, "both files of a device give it the same MTU");
  assert.equal(parent === undefined, id === undefined, "a VLAN is made on its parent");
  return {
    ...{ name, addressing: readAddressing(network) },
    ...said({
      vlan: id === undefined || parent === undefined ? undefined : { id: Number(id), parent },
      mtu: mtu === undefined ? undefined : Number(mtu),
    }),
  };
}

function readAddressing(network: Ini): Addressing {
  if (network.one("Network", "DHCP") === "ipv4") return { kind: "dhcp" };
  const [address, prefix] = network.one("Network", "Address")?.split("/") ?? [];
  if (address === undefined) return { kind: "none" };
  return {
    ...{
      kind: "static",
      address: address as Ipv4,
      prefix: Number(prefix),
      dns: network.all("Network", "DNS") as Ipv4[],
    },
    ...said({
      router: (network.one("Network", "Gateway") ?? network.one("Route", "Gateway")) as Ipv4 | undefined,
      domain: network.one("Network", "Domains"),
    }),
  };
}
