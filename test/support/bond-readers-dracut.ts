/** Reads network arguments by dracut.cmdline(7), and the profiles that nm-initrd-generator makes of them. */
import { type Ipv4, ipv4ToNumber } from "../../src/base/address.ts";
import type { Addressing, Device, NetworkPlan, Nic, PlannedBond } from "../../src/bond/model.ts";
import type { ReadPlan } from "./bond-readers-networkd.ts";
import { readNmconnections } from "./bond-readers-nm.ts";
import { bondSettings, nicNamed, optionMap, readMac, splitOnce } from "./bond-readers-options.ts";

/** What of a plan an installer's network can have: the first address, one ARP target, no search domain. */
export function installerPlan(plan: NetworkPlan): ReadPlan | undefined {
  const { nics, bond, devices } = plan;
  const device = devices.find(({ addressing }) => addressing.kind !== "none");
  if (!device) return undefined;
  const addressing = installerAddressing(device.addressing);
  const parent = devices.find(({ name }) => name === device.vlan?.parent);
  const below: Device[] = parent ? [underVlan(parent, bond)] : [];
  return { nics, ...(bond && { bond: installerBond(bond, device) }), devices: [...below, { ...device, addressing }] };
}

function installerAddressing(addressing: Addressing): Addressing {
  if (addressing.kind !== "static") return addressing;
  const { domain: _domain, ...rest } = addressing;
  return rest;
}

function underVlan({ name, mtu }: Device, bond: PlannedBond | undefined): Device {
  return { name, addressing: { kind: "none" }, ...(bond && mtu !== undefined && { mtu }) };
}

function installerBond({ mac, arp_ip_target, ...bond }: PlannedBond, device: Device): PlannedBond {
  return {
    ...bond,
    ...(arp_ip_target && { arp_ip_target: arp_ip_target.slice(0, 1) }),
    ...(mac && device.name === bond.name && { mac }),
  };
}

interface IpArgument {
  readonly device: string;
  readonly addressing: Addressing;
  readonly mtu: string;
  readonly mac: string;
}

export function readDracut(args: readonly string[]): ReadPlan {
  const values = (name: string) =>
    args.filter((arg) => arg.startsWith(`${name}=`)).map((arg) => splitOnce(arg, "=")[1]);
  const nics = values("ifname").map(readPort);
  const [bondText, vlanText, ipText = ""] = [values("bond")[0], values("vlan")[0], values("ip")[0]];
  const ip = readIp(ipText, values("nameserver") as Ipv4[]);
  const read = bondText === undefined ? undefined : readBond(bondText, nics);
  const bond = read && { ...read.bond, ...(ip.mac !== "" && { mac: readMac(ip.mac) }) };
  const [, parent] = vlanText?.split(":") ?? [];
  const vlan = parent === undefined ? {} : { vlan: { id: Number(ip.device.split(".").at(-1)), parent } };
  const mtu = ip.device === bond?.name ? read?.mtu : ip.mtu;
  const below: Device[] =
    parent === undefined ? [] : [{ name: parent, addressing: { kind: "none" }, ...mtuOf(read?.mtu) }];
  return {
    ...{ nics, ...(bond && { bond }) },
    devices: [...below, { name: ip.device, ...vlan, addressing: ip.addressing, ...mtuOf(mtu) }],
  };
}

/** `<interface>:<MAC>` */
function readPort(text: string): Nic {
  const [name, mac] = splitOnce(text, ":");
  return { name, mac: readMac(mac) };
}

/** `<bondname>:<bondslaves>:<options>[:<mtu>]` */
function readBond(text: string, nics: readonly Nic[]): { bond: PlannedBond; mtu: string | undefined } {
  const [name = "", slaves = "", options = "", mtu] = text.split(":");
  const driver = optionMap(options, ",");
  const primary = driver.get("primary");
  const members = slaves.split(",").map((slave) => nicNamed(nics, slave));
  const bond = { ...bondSettings(driver, ";"), name, members };
  return { bond: primary === undefined ? bond : { ...bond, primary: nicNamed(nics, primary) }, mtu };
}

/** `<interface>:dhcp[:[<mtu>][:<macaddr>]]`, or the seven fields of a fixed address and the same two after them. */
function readIp(text: string, dns: readonly Ipv4[]): IpArgument {
  const fields = text.split(":");
  if (fields[1] === "dhcp") {
    const [device = "", , mtu = "", ...mac] = fields;
    return { device, addressing: { kind: "dhcp" }, mtu, mac: mac.join(":") };
  }
  const [address, , router, mask, , device = "", method, mtu = "", ...mac] = fields;
  if (method !== "none") throw new Error(`not a fixed address: ${text}`);
  const prefix = 32 - Math.log2(2 ** 32 - ipv4ToNumber(mask as Ipv4));
  const own = { kind: "static", address: address as Ipv4, prefix, dns } as const;
  return { device, addressing: router ? { ...own, router: router as Ipv4 } : own, mtu, mac: mac.join(":") };
}

function mtuOf(mtu: string | undefined): { mtu?: number } {
  return mtu ? { mtu: Number(mtu) } : {};
}

/**
 * `output` is what `nm-initrd-generator -s` prints: keyfiles in any order, with ports by their names alone and bonds by
 * their UUIDs. Both are resolved here; a VLAN's name is longer than that of the device below it.
 */
export function readInitrdProfiles(output: string, nics: readonly Nic[]): ReadPlan {
  const profiles = output.split(/^\*\*\* Connection .*$/m).slice(1);
  const names = new Map(profiles.map((profile) => [settingOf(profile, "uuid"), settingOf(profile, "interface-name")]));
  const keyfiles = profiles.map((profile) => {
    const text = profile.replace(/^master=(.*)$/m, (_, uuid) => `master=${names.get(uuid)}`);
    const place = nics.findIndex(({ name }) => name === settingOf(profile, "interface-name"));
    return { place, text: text.replace("[ethernet]", `[ethernet]\nmac-address=${nics[place]?.mac}`) };
  });
  const read = readNmconnections(keyfiles.toSorted((one, other) => one.place - other.place));
  return { ...read, devices: read.devices.toSorted((one, other) => one.name.length - other.name.length) };
}

function settingOf(profile: string, key: string): string {
  return new RegExp(`^${key}=(.*)$`, "m").exec(profile)?.[1] ?? "";
}
