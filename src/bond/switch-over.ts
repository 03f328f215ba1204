/**
 * Making a bond of NICs that are in use, as a list of commands with their way back. The standby members join first, so
 * that the bond has a link when it gets the address; the member that carries the traffic joins last. The hole lasts
 * from the moment that member goes down until the bond is up and has its routes: three commands.
 */
import { type Cidr, type Ipv4, ipv4FromNumber, ipv4ToNumber } from "../base/address.ts";
import type { MachineAddress, MachineLink, MachineNetwork, MachineRoute } from "./machine-network.ts";
import type { Addressing, Device, NetworkPlan, PlannedBond } from "./model.ts";
import { driverOptions } from "./options.ts";
import type { StackName } from "./stacks.ts";

export interface SwitchStep {
  /** In words, for the operator. */
  readonly what: string;
  /** Program and its arguments. Empty with `awaits`. */
  readonly command: readonly string[];
  /** Takes back what the command did, also when it failed half-way. */
  readonly undo?: readonly string[];
  /** Ports of which one should have a link before it goes on; it goes on without, too. */
  readonly awaits?: readonly string[];
}

/** A daemon that would put the old network back while it is changed by hand. */
export const MANAGERS = {
  NetworkManager: ["NetworkManager.service"],
  // Its socket would start it again.
  "systemd-networkd": ["systemd-networkd.socket", "systemd-networkd.service"],
} as const;
export type Manager = keyof typeof MANAGERS;

/** A file of the network stack, with its new text and its old one on the disk. */
export interface FileMove {
  readonly path: string;
  /** Path of the new one; absent = it is taken away. */
  readonly staged?: string;
  /** Path of a copy of the old one; absent = there was none. */
  readonly backup?: string;
}

export interface SwitchOver {
  readonly plan: NetworkPlan & { readonly bond: PlannedBond };
  readonly machine: MachineNetwork;
  readonly files: readonly FileMove[];
  readonly stack: StackName;
  readonly manager?: Manager;
  /** Is the bonding driver loaded? */
  readonly loaded: boolean;
}

/** Undone from the last one to the first. */
export function switchOverSteps(change: SwitchOver): readonly SwitchStep[] {
  const { plan, machine, files, loaded } = change;
  const carrier = carryingMember(plan, machine);
  const standby = membersOf(plan, machine).filter((link) => link !== carrier);
  return [
    ...managerStops(change),
    ...files.map(fileStep),
    ...(loaded ? [] : [{ what: "load the bonding driver", command: ["modprobe", "bonding", "max_bonds=0"] }]),
    createStep(plan),
    ...standby.flatMap((link) => [...downSteps(link, machine), joinStep(link, plan.bond)]),
    ...standbyWait(standby),
    ...deviceSteps(plan, carrier),
    ...(carrier ? downSteps(carrier, machine) : []),
    ...upSteps(plan, carrier, machine),
    ...(carrier ? [joinStep(carrier, plan.bond)] : []),
    ...managerStarts(change),
  ];
}

/** The member that has an address now. */
export function carryingMember(plan: NetworkPlan, machine: MachineNetwork): MachineLink | undefined {
  return membersOf(plan, machine).find(({ addresses }) => addresses.length > 0);
}

/** The network that an address is in. */
export function networkOf({ address, prefix }: { readonly address: Ipv4; readonly prefix: number }): Cidr {
  const value = ipv4ToNumber(address);
  return { base: ipv4FromNumber(value - (value % 2 ** (32 - prefix))), prefix };
}

/** The device that gets the address: the bond, or a VLAN on it. */
export function addressedDevice({ devices }: NetworkPlan): Device | undefined {
  return devices.find(({ addressing }) => addressing.kind !== "none");
}

function membersOf({ nics }: NetworkPlan, { links }: MachineNetwork): MachineLink[] {
  return nics.flatMap(({ name }) => links.find((link) => link.name === name) ?? []);
}

/** Its way back is last of all: when the old files are there again. */
function managerStops({ manager, stack }: SwitchOver): SwitchStep[] {
  if (!manager) return [];
  const start = ["systemctl", "start", ...MANAGERS[manager]];
  const undo = stack === "netplan" ? ["sh", "-c", `netplan generate; ${start.join(" ")}`] : start;
  return [{ what: `stop ${manager} for a moment`, command: ["systemctl", "stop", ...MANAGERS[manager]], undo }];
}

function managerStarts({ manager, stack }: SwitchOver): SwitchStep[] {
  const generate = { what: "let netplan read its files", command: ["netplan", "generate"] };
  if (!manager) return stack === "netplan" ? [generate] : [];
  const [stop, start] = ["stop", "start"].map((verb) => ["systemctl", verb, ...MANAGERS[manager]]);
  return [
    ...(stack === "netplan" ? [generate] : []),
    { what: `start ${manager}`, command: start ?? [], ...(stop && { undo: stop }) },
  ];
}

/** `cp` keeps the mode of the copy, and a link where there is one. */
function fileStep({ path, staged, backup }: FileMove): SwitchStep {
  const undo = backup === undefined ? ["rm", "-f", path] : ["cp", "-p", backup, path];
  if (staged === undefined) return { what: `take ${path} away`, command: ["rm", path], undo };
  return { what: `write ${path}`, command: ["cp", "-p", staged, path], undo };
}

/** The driver has its own order for options that come together (bond_changelink() in bond_netlink.c). */
function createStep({ bond, devices }: SwitchOver["plan"]): SwitchStep {
  const { name, mac } = bond;
  const mtu = devices.find((device) => device.name === name)?.mtu;
  const link = [...(mac ? ["address", mac] : []), ...(mtu === undefined ? [] : ["mtu", `${mtu}`])];
  const options = driverOptions(bond).flatMap(([key, values]) => [key, values.join(",")]);
  return {
    what: `make ${name} (${bond.mode})`,
    command: ["ip", "link", "add", "name", name, ...link, "type", "bond", ...options],
    undo: ["ip", "link", "del", name],
  };
}

/** The driver takes ports that are down only. Flushing does no harm where a manager has taken something away already. */
function downSteps({ name, up, addresses }: MachineLink, { routes }: MachineNetwork): SwitchStep[] {
  const lostRoutes = routes.filter(({ device }) => device === name);
  const lostAddresses = addresses.filter(({ version }) => version === 4);
  return [
    ...(lostRoutes.length > 0 ? [routesStep(name, lostRoutes)] : []),
    ...(up ? [downStep(name)] : []),
    ...(lostAddresses.length > 0 ? [addressesStep(name, lostAddresses)] : []),
  ];
}

function routesStep(name: string, lost: readonly MachineRoute[]): SwitchStep {
  return {
    what: `take the routes (${lost.map(({ to }) => to).join(", ")}) from ${name}`,
    command: ["ip", "-4", "route", "flush", "dev", name],
    undo: allOf(lost.map(({ words }) => ["ip", "route", "add", ...words, "dev", name])),
  };
}

function downStep(name: string): SwitchStep {
  return {
    what: `put ${name} down`,
    command: ["ip", "link", "set", "dev", name, "down"],
    undo: ["ip", "link", "set", "dev", name, "up"],
  };
}

function addressesStep(name: string, lost: readonly MachineAddress[]): SwitchStep {
  return {
    what: `take ${lost.map(({ address }) => address).join(", ")} from ${name}`,
    command: ["ip", "-4", "address", "flush", "dev", name],
    undo: allOf(lost.map((address) => addressCommand(address, name))),
  };
}

/** One command that runs all of them, also when one fails. Words of addresses and routes mean nothing to a shell. */
function allOf(commands: readonly (readonly string[])[]): readonly string[] {
  const [only, ...more] = commands;
  if (only && more.length === 0) return only;
  return ["sh", "-c", commands.map((words) => words.join(" ")).join("; ")];
}

type AddressWords = Pick<MachineAddress, "address" | "prefix" | "broadcast">;

function addressCommand({ address, prefix, broadcast = "+" }: AddressWords, device: string): string[] {
  return ["ip", "address", "add", `${address}/${prefix}`, "broadcast", broadcast, "dev", device];
}

/** The driver brings the port up, and gives it its own MAC address back when it leaves, down. */
function joinStep({ name }: MachineLink, bond: PlannedBond): SwitchStep {
  return {
    what: `let ${name} join ${bond.name}`,
    command: ["ip", "link", "set", "dev", name, "master", bond.name],
    undo: ["ip", "link", "set", "dev", name, "nomaster"],
  };
}

function standbyWait(standby: readonly MachineLink[]): SwitchStep[] {
  const names = standby.map(({ name }) => name);
  return [{ what: `wait for a link of ${names.join(", ")}`, command: [], awaits: names }];
}

/** While the bond is still down: nothing is sent from two places. */
function deviceSteps(plan: NetworkPlan, carrier: MachineLink | undefined): SwitchStep[] {
  const vlans = plan.devices.flatMap(({ name, vlan }) => (vlan ? [{ name, vlan }] : []));
  const device = addressedDevice(plan);
  const addresses = device ? newAddresses(device.addressing, carrier) : [];
  return [
    ...vlans.map(({ name, vlan: { id, parent } }) => ({
      what: `make ${name}`,
      command: ["ip", "link", "add", "link", parent, "name", name, "type", "vlan", "id", `${id}`],
    })),
    ...(device && addresses.length > 0 ? [announceStep(device.name)] : []),
    ...addresses.map((address) => ({
      what: `give ${address.address} to ${device?.name}`,
      command: addressCommand(address, device?.name ?? ""),
    })),
  ];
}

/** With DHCP the lease goes along, until the bond's own client renews it. */
function newAddresses(addressing: Addressing, carrier: MachineLink | undefined): readonly AddressWords[] {
  if (addressing.kind === "static") return [addressing];
  return carrier?.addresses.filter(({ version }) => version === 4) ?? [];
}

/** The kernel sends a gratuitous ARP when the device comes up: switches learn the port, neighbours the MAC address. */
function announceStep(device: string): SwitchStep {
  return {
    what: `let ${device} announce its address`,
    command: ["sh", "-c", `echo 1 >/proc/sys/net/ipv4/conf/${device}/arp_notify`],
  };
}

function upSteps(plan: SwitchOver["plan"], carrier: MachineLink | undefined, machine: MachineNetwork): SwitchStep[] {
  const { name } = plan.bond;
  const others = plan.devices.filter((device) => device.name !== name).map((device) => device.name);
  return [
    {
      what: `put ${name} up`,
      command: ["ip", "link", "set", "dev", name, "up"],
      undo: ["ip", "link", "set", "dev", name, "down"],
    },
    ...others.map((other) => ({ what: `put ${other} up`, command: ["ip", "link", "set", "dev", other, "up"] })),
    ...routeSteps(plan, carrier, machine),
  ];
}

/** The default route as it is planned, with its old metric; the others as they were. */
function routeSteps(plan: NetworkPlan, carrier: MachineLink | undefined, { routes }: MachineNetwork): SwitchStep[] {
  const device = addressedDevice(plan);
  if (!device) return [];
  const own = routes.filter((route) => route.device === carrier?.name);
  const words = own
    .filter(({ to }) => to !== "default" || device.addressing.kind === "dhcp")
    .map((route) => route.words);
  const router = device.addressing.kind === "static" ? device.addressing.router : undefined;
  const old = own.find(({ to, via }) => to === "default" && via === router);
  const planned = router ? [old?.words ?? ["default", "via", router]] : [];
  return [...planned, ...words].map((route) => ({
    what: `give ${device.name} the route ${route[0]}`,
    command: ["ip", "route", "add", ...route, "dev", device.name],
  }));
}
