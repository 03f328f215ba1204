/** Reads ifcfg files: Red Hat's by sysconfig.txt of initscripts, SUSE's by ifcfg(5), ifcfg-bonding(5), routes(5). */
import { basename } from "node:path";
import { type Ipv4, ipv4ToNumber } from "../../src/base/address.ts";
import type { Addressing, ConfigFile, Device, Nic, PlannedBond } from "../../src/bond/model.ts";
import type { ReadPlan } from "./bond-readers-networkd.ts";
import { bondSettings, nicNamed, optionMap, readMac, splitOnce } from "./bond-readers-options.ts";

type Variables = ReadonlyMap<string, string>;

/** Devices that are not started at boot do not count. */
export function readIfcfgRedhat(files: readonly ConfigFile[]): ReadPlan {
  const all = files.map(variables).filter((file) => file.get("ONBOOT") === "yes");
  for (const [index, file] of all.entries()) {
    if (basename(files[index]?.path ?? "") !== `ifcfg-${file.get("DEVICE")}`)
      throw new Error("named for another device");
  }
  const nics = all.filter((file) => file.has("HWADDR")).map(redhatPort);
  const masters = all.filter((file) => file.get("BONDING_MASTER") === "yes");
  const bond = masters.map((file) => redhatBond(file, all)).at(0);
  const devices = all.filter((file) => file.get("SLAVE") !== "yes").map(redhatDevice);
  return { nics, ...(bond && { bond }), devices };
}

function redhatPort(file: Variables): Nic {
  return { name: the(file, "DEVICE"), mac: readMac(the(file, "HWADDR")) };
}

function redhatBond(file: Variables, all: readonly Variables[]): PlannedBond {
  const name = the(file, "DEVICE");
  const slaves = all.filter((other) => other.get("SLAVE") === "yes" && other.get("MASTER") === name);
  return planned(name, the(file, "BONDING_OPTS"), slaves.map(redhatPort), file.get("MACADDR"));
}

function redhatDevice(file: Variables): Device {
  const name = the(file, "DEVICE");
  const vlan = file.get("VLAN") === "yes" && { id: Number(name.split(".").at(-1)), parent: the(file, "PHYSDEV") };
  return { name, ...(vlan && { vlan }), addressing: redhatAddressing(file), ...mtuOf(file) };
}

function redhatAddressing(file: Variables): Addressing {
  if (the(file, "BOOTPROTO") === "dhcp") return { kind: "dhcp" };
  const [address, router, domain] = [file.get("IPADDR"), file.get("GATEWAY"), file.get("DOMAIN")];
  if (address === undefined) return { kind: "none" };
  const mask = ipv4ToNumber(the(file, "NETMASK") as Ipv4);
  return {
    ...{ kind: "static", address: address as Ipv4, prefix: 32 - Math.log2(2 ** 32 - mask) },
    ...(router !== undefined && { router: router as Ipv4 }),
    dns: [1, 2, 3].flatMap((number) => (file.get(`DNS${number}`) as Ipv4 | undefined) ?? []),
    ...(domain !== undefined && { domain }),
  };
}

/** `nics` are the machine's ports: the files have their names alone. Name servers are not in these files. */
export function readIfcfgSuse(files: readonly ConfigFile[], nics: readonly Nic[]): ReadPlan {
  const named = files.map((file) => [...splitOnce(basename(file.path), "-"), file] as const);
  const routes = new Map(named.filter(([kind]) => kind === "ifroute").map(([, name, { text }]) => [name, text]));
  const all = named.filter(([kind]) => kind === "ifcfg").map(([, name, file]) => [name, variables(file)] as const);
  const started = all.filter(([, file]) => file.get("STARTMODE") === "auto");
  const masters = started.filter(([, file]) => file.get("BONDING_MASTER") === "yes");
  const bond = masters.map(([name, file]) => suseBond(name, file, nics)).at(0);
  for (const slave of bond?.members ?? []) {
    if (!all.some(([name, file]) => name === slave.name && file.get("BOOTPROTO") === "none"))
      throw new Error(slave.name);
  }
  const ports = started.filter(([, file]) => !file.has("ETHERDEVICE")).map(([name]) => name);
  return {
    nics: bond?.members ?? ports.map((name) => nicNamed(nics, name)),
    ...(bond && { bond }),
    devices: started.map(([name, file]) => suseDevice(name, file, routes.get(name))),
  };
}

function suseBond(name: string, file: Variables, nics: readonly Nic[]): PlannedBond {
  const slaves = [...file].filter(([key]) => /^BONDING_SLAVE\d+$/.test(key)).map(([, slave]) => nicNamed(nics, slave));
  return planned(name, the(file, "BONDING_MODULE_OPTS"), slaves, file.get("LLADDR"));
}

function suseDevice(name: string, file: Variables, routes: string | undefined): Device {
  const parent = file.get("ETHERDEVICE");
  return {
    name,
    ...(parent !== undefined && { vlan: { id: Number(the(file, "VLAN_ID")), parent } }),
    addressing: suseAddressing(name, file, routes),
    ...mtuOf(file),
  };
}

function suseAddressing(name: string, file: Variables, routes = ""): Addressing {
  const method = the(file, "BOOTPROTO");
  if (method !== "static") return { kind: method as "dhcp" | "none" };
  const [destination, router, , device] = routes.trim().split(/\s+/);
  return {
    ...{ kind: "static", address: the(file, "IPADDR") as Ipv4, prefix: Number(the(file, "PREFIXLEN")) },
    ...(destination === "default" && device === name && { router: router as Ipv4 }),
    dns: [],
  };
}

function planned(name: string, options: string, members: Nic[], pinned: string | undefined): PlannedBond {
  const driver = optionMap(options, " ");
  const primary = driver.get("primary");
  return {
    ...{ ...bondSettings(driver), name, members },
    ...(primary !== undefined && { primary: nicNamed(members, primary) }),
    ...(pinned !== undefined && { mac: readMac(pinned) }),
  };
}

function mtuOf(file: Variables): { mtu?: number } {
  const mtu = file.get("MTU");
  return mtu === undefined ? {} : { mtu: Number(mtu) };
}

/** Assignments of a shell without expansions. */
function variables({ text }: ConfigFile): Variables {
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(lines.map((line) => splitOnce(line, "=")).map(([key, value]) => [key, unquoted(value)]));
}

function unquoted(value: string): string {
  const [, single, double, bare] = /^(?:'([^']*)'|"([^"\\$`]*)"|([^\s'"\\$`;&|<>()]*))$/.exec(value) ?? [];
  const text = single ?? double ?? bare;
  if (text === undefined) throw new Error(`not one word: ${value}`);
  return text;
}

function the(file: Variables, key: string): string {
  const value = file.get(key);
  if (value === undefined) throw new Error(`no ${key} in the file`);
  return value;
}
