/** The bond that the options of `everboot bond render` and `apply` ask for, on the machine that they are given on. */
import { z } from "zod";
import type { Ipv4, Mac } from "../base/address.ts";
import type { Finding } from "../bond/health.ts";
import { type MachineLink, type MachineNetwork, portNames } from "../bond/machine-network.ts";
import { type Addressing, type BondSettings, type NetworkPlan, type PlannedBond, vlanName } from "../bond/model.ts";
import { isDeviceName } from "../bond/proc-lines.ts";
import { bondFaults } from "../bond/rules.ts";
import { bondPolicySchema } from "../site/bond-schema.ts";
import { findingsOf } from "../site/messages.ts";
import * as scalars from "../site/values.ts";
import { parseOptions, wantPositionals } from "./options.ts";

export const WISH_USAGE = `  NAME                  the bond's device; left out: bond0
  --members A,B         the NICs to join
  --mode M              by name or by the kernel's number; left out: active-backup
  --miimon N            milliseconds between two looks at the links; left out: 100, unless --arp-interval
  --arp-interval N --arp-ip-target A,B   watch by ARP requests instead
  --primary NIC         prefer this one
  --updelay --downdelay --arp-validate --primary-reselect --fail-over-mac --lacp-rate --xmit-hash-policy --ad-select
  --min-links --num-grat-arp --mtu       as the kernel knows them
  --vlan N              the address is in this tagged network
  --address A/PREFIX --router R --dns A,B, or --dhcp   left out: what the members have now`;

const { device: _device, ...settingShape } = bondPolicySchema.shape;
const schema = z.strictObject({
  ...settingShape,
  address: scalars.interfaceAddress.exactOptional(),
  router: scalars.ipv4.exactOptional(),
  dns: z.array(scalars.ipv4).exactOptional(),
});
const LISTS = ["arp_ip_target", "dns"];

const SETTING_OPTIONS = Object.fromEntries(
  Object.keys(schema.shape).map((key) => [optionOf(key), { type: "string" as const }]),
);
const OPTIONS = {
  members: { type: "string" },
  primary: { type: "string" },
  dhcp: { type: "boolean" },
} as const;

/** What was asked for, by itself in order. */
export interface BondWish {
  readonly name: string;
  readonly members: readonly string[];
  readonly primary?: string;
  readonly settings: BondSettings;
  readonly mtu?: number;
  readonly vlan?: number;
  readonly dhcp: boolean;
  readonly address?: { readonly address: Ipv4; readonly prefix: number };
  readonly router?: Ipv4;
  readonly dns?: readonly Ipv4[];
}

/** Options as they were given, by name; those that were not are not in it. */
export type GivenOptions = ReadonlyMap<string, string | boolean>;
export type BondPlan = NetworkPlan & { readonly bond: PlannedBond };
export type Refusable<T> = { readonly faults: readonly Finding[] } | T;

interface OwnOption {
  readonly type: "string" | "boolean";
}

/** The bond's options, and the `own` ones of the command. Throws EverbootError `usage` for options that there are not. */
export function readWish(
  args: readonly string[],
  own: Readonly<Record<string, OwnOption>>,
  usage: string,
): Refusable<{ readonly wish: BondWish; readonly values: GivenOptions }> {
  const parsed = parseOptions(args, { ...SETTING_OPTIONS, ...OPTIONS, ...own });
  const values: GivenOptions = new Map(
    Object.entries(parsed.values).flatMap(([key, value]) => (value === undefined ? [] : [[key, value]])),
  );
  const [name = "bond0"] = wantPositionals(parsed.positionals, 0, 1, usage);
  const raw = rawSettings(values);
  const result = schema.safeParse(raw);
  if (!result.success) {
    const findings = result.error.issues.flatMap((issue) => findingsOf(issue, raw, {}));
    return { faults: findings.map(({ what, todo = "see everboot help bond" }) => ({ what, todo })) };
  }
  const { mode: said = "active-backup", mtu, vlan, address, router, dns, ...rest } = result.data;
  if (said === "none") return { faults: [{ what: "mode none is no bond", todo: "choose a mode from 0 to 6" }] };
  const watched = rest.miimon === undefined && rest.arp_interval === undefined ? { miimon: 100 } : {};
  const primary = values.get("primary");
  const wish: BondWish = {
    ...{ name, members: list(values.get("members")), settings: { mode: said, ...watched, ...rest } },
    ...(primary !== undefined && { primary: String(primary) }),
    ...(mtu !== undefined && { mtu }),
    ...(vlan !== undefined && { vlan }),
    dhcp: values.has("dhcp"),
    ...(address && { address }),
    ...(router && { router }),
    ...(dns && { dns }),
  };
  const faults = wishFaults(wish);
  return faults.length > 0 ? { faults } : { wish, values };
}

function optionOf(key: string): string {
  return key.replaceAll("_", "-");
}

/** As they would stand in a site file: numbers as numbers, lists as lists. */
function rawSettings(values: GivenOptions): Record<string, unknown> {
  const given = Object.keys(schema.shape).map((key) => [key, values.get(optionOf(key))] as const);
  const said = given.filter(([, value]) => value !== undefined);
  return Object.fromEntries(said.map(([key, value]) => [key, LISTS.includes(key) ? list(value) : scalar(value)]));
}

function scalar(value: string | boolean | undefined): string | number | boolean | undefined {
  return typeof value === "string" && /^\d{1,9}$/.test(value) ? Number(value) : value;
}

function list(value: string | boolean | undefined): string[] {
  return typeof value === "string" ? value.split(",").filter((part) => part !== "") : [];
}

function wishFaults({ name, members, primary, settings, dhcp, address, router }: BondWish): Finding[] {
  const findings: Finding[] = [];
  const add = (what: string, todo: string) => findings.push({ what, todo });
  if (!isDeviceName(name)) add(`${name} is no name of a device`, "use up to 15 letters and digits, as in bond0");
  if (members.length < 2) add("a bond joins two NICs or more", "name them: --members eth0,eth1");
  if (new Set(members).size < members.length) add("a NIC is named twice in --members", "name it once");
  if (primary !== undefined && !members.includes(primary)) {
    add(`${primary} is no member of this bond`, `choose one of ${members.join(", ")}`);
  }
  if (dhcp && (address || router)) add("with --dhcp the server tells address and router", "leave one of them out");
  return [...findings, ...bondFaults({ ...settings, ...(primary !== undefined && { primary }) }, members.length)];
}

/** What the wish means on this machine. */
export function planBond(wish: BondWish, machine: MachineNetwork): Refusable<{ readonly plan: BondPlan }> {
  const links = wish.members.map((name) => machine.links.find((link) => link.name === name));
  const nics = links.flatMap((link) => (link?.mac ? [{ name: link.name, mac: link.mac, link }] : []));
  const missing = wish.members.filter((name) => !nics.some((nic) => nic.name === name));
  if (missing.length > 0) {
    const todo = `name some of ${portNames(machine).join(", ") || "those that there are (`ip link`)"}`;
    return { faults: missing.map((name) => ({ what: `there is no NIC ${name}`, todo })) };
  }
  const holders = machine.links.filter(({ name }) => [wish.name, ...wish.members].includes(name));
  const addressing = addressingOf(wish, machine, holders);
  if ("faults" in addressing) return addressing;
  const carrier = nics.find(({ link }) => link.addresses.length > 0) ?? nics[0];
  const { hostname } = machine;
  const members = nics.map(({ name, mac }) => ({ name, mac }));
  const mtu = wish.mtu ?? largerMtu(carrier?.link);
  return {
    plan: {
      ...{ hostname, nics: members, bond: plannedBond(wish, members, carrier?.mac) },
      devices: devicesOf(wish, addressing, mtu),
    },
  };
}

/** Neighbours know the machine by the address of the member that carries it now. */
function plannedBond(wish: BondWish, members: PlannedBond["members"], mac: Mac | undefined): PlannedBond {
  const { name, settings } = wish;
  const primary = members.find((nic) => nic.name === wish.primary);
  return {
    ...{ ...settings, name, members },
    ...(primary && { primary }),
    ...(mac && settings.fail_over_mac !== "active" && { mac }),
  };
}

const DEFAULT_MTU = 1500;

function largerMtu(link: MachineLink | undefined): number | undefined {
  return link === undefined || link.mtu === DEFAULT_MTU ? undefined : link.mtu;
}

function devicesOf({ name, vlan }: BondWish, addressing: Addressing, mtu: number | undefined): BondPlan["devices"] {
  const size = mtu === undefined ? {} : { mtu };
  if (vlan === undefined) return [{ name, addressing, ...size }];
  const tagged = { name: vlanName(name, vlan), vlan: { id: vlan, parent: name }, addressing, ...size };
  return [{ name, addressing: { kind: "none" }, ...size }, tagged];
}

function addressingOf(
  wish: BondWish,
  machine: MachineNetwork,
  holders: readonly MachineLink[],
): Refusable<Addressing & { readonly kind: "static" | "dhcp" }> {
  if (wish.dhcp) return { kind: "dhcp" };
  const own = holders.flatMap(({ addresses }) => addresses.filter(({ version }) => version === 4));
  const found = own.map(({ address, prefix, dynamic }) => ({ address: address as Ipv4, prefix, dynamic }));
  const [address, second] = wish.address ? [{ ...wish.address, dynamic: false }] : found;
  if (!address) return { faults: [noAddress(wish, machine)] };
  if (second) {
    const what = `${wish.members.join(" and ")} have several addresses (${own.map((each) => each.address).join(", ")})`;
    return { faults: [{ what, todo: "name one with --address" }] };
  }
  if (address.dynamic) return { kind: "dhcp" };
  const current = machine.routes.find((route) => route.to === "default" && holders.some(isDeviceOf(route.device)));
  const router = wish.router ?? current?.via;
  return {
    ...{ kind: "static", address: address.address, prefix: address.prefix, dns: wish.dns ?? machine.dns },
    ...(router && { router }),
    ...(machine.domain !== undefined && { domain: machine.domain }),
  };
}

function isDeviceOf(device: string): (link: MachineLink) => boolean {
  return ({ name }) => name === device;
}

function noAddress({ members }: BondWish, { links }: MachineNetwork): Finding {
  const what = `${members.join(" and ")} have no address`;
  const other = links.find(({ mac, addresses }) => mac && addresses.some(({ version }) => version === 4));
  if (!other) return { what, todo: "give one with --address, or --dhcp" };
  const [own] = other.addresses.filter(({ version }) => version === 4);
  return { what: `${what}, and ${other.name} has ${own?.address}`, todo: "name it in --members, or give --address" };
}
