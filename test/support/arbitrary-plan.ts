/** Any network of one machine that the site file could ask for, for properties over the network stacks' renderers. */
import fc from "fast-check";
import { ipv4FromNumber, ipv4ToNumber, macFromBytes } from "../../src/base/address.ts";
import {
  AD_SELECT,
  type Addressing,
  ARP_VALIDATE,
  BOND_MODES,
  type BondMode,
  type BondSettings,
  type Device,
  FAIL_OVER_MAC,
  LACP_RATES,
  type NetworkPlan,
  type Nic,
  type PlannedBond,
  PRIMARY_RESELECT,
  vlanName,
  XMIT_HASH_POLICIES,
} from "../../src/bond/model.ts";
import { type BondKey, hasEffect } from "../../src/bond/rules.ts";

const milliseconds = (min: number) => fc.integer({ min, max: 60_000 });
const mtu = (max: number) => fc.integer({ min: 576, max });

/** Unicast: what a port can have for its permanent address. */
const mac = fc.uint8Array({ minLength: 5, maxLength: 5 }).map((tail) => macFromBytes(Uint8Array.of(0x52, ...tail)));
/** Unicast, neither "this network" nor loopback. */
const address = fc
  .integer({ min: 0x01_00_00_01, max: 0xdf_ff_ff_fe })
  .filter((number) => number >>> 24 !== 127)
  .map(ipv4FromNumber);
const nicName = fc.constantFrom("nic", "eth", "enp3s0f", "eno");
const domain = fc.constantFrom("rack.example", "lab.example.org", "example");

/** Two to four members joined, or one port; up to three VLANs on top; with and without addresses. */
export function arbitraryPlan(): fc.Arbitrary<NetworkPlan> {
  return fc.oneof(
    { weight: 4, arbitrary: ports(2, 4).chain(bonded) },
    { weight: 1, arbitrary: ports(1, 1).chain(single) },
  );
}

function ports(minLength: number, maxLength: number): fc.Arbitrary<Nic[]> {
  return fc
    .tuple(nicName, fc.uniqueArray(mac, { minLength, maxLength }))
    .map(([name, macs]) => macs.map((own, index) => ({ name: `${name}${index}`, mac: own })));
}

function single(nics: Nic[]): fc.Arbitrary<NetworkPlan> {
  const [nic] = nics;
  if (!nic) throw new Error("a machine has a port");
  return devices(nic.name).map((own) => ({ hostname: "h1", nics, devices: own }));
}

function bonded(nics: Nic[]): fc.Arbitrary<NetworkPlan> {
  return fc
    .constantFrom("bond0", "uplink")
    .chain((name) => fc.tuple(plannedBond(name, nics), devices(name)))
    .map(([bond, own]) => ({ hostname: "h1", nics, bond, devices: own }));
}

function plannedBond(name: string, members: Nic[]): fc.Arbitrary<PlannedBond> {
  return fc.constantFrom(...BOND_MODES).chain((mode) => {
    const parts = { settings: settings(mode, members.length), pinned: fc.constantFrom(...members) };
    const primary = when("primary", mode, fc.constantFrom(...members));
    return fc.record({ ...parts, primary }).map(({ settings, pinned, primary }) => ({
      ...{ ...settings, name, members },
      ...(primary && { primary }),
      ...(settings.fail_over_mac !== "active" && { mac: pinned.mac }),
    }));
  });
}

function settings(mode: BondMode, members: number): fc.Arbitrary<BondSettings> {
  const others = fc.record({
    primary_reselect: when("primary_reselect", mode, fc.constantFrom(...PRIMARY_RESELECT)),
    fail_over_mac: when("fail_over_mac", mode, fc.constantFrom(...FAIL_OVER_MAC)),
    lacp_rate: when("lacp_rate", mode, fc.constantFrom(...LACP_RATES)),
    xmit_hash_policy: when("xmit_hash_policy", mode, fc.constantFrom(...XMIT_HASH_POLICIES)),
    ad_select: when("ad_select", mode, fc.constantFrom(...AD_SELECT)),
    min_links: when("min_links", mode, fc.integer({ min: 0, max: members })),
    num_grat_arp: when("num_grat_arp", mode, fc.integer({ min: 0, max: 255 })),
  });
  return fc.tuple(monitor(mode), others).map(([watch, more]) => ({ mode, ...said({ ...watch, ...more }) }));
}

function monitor(mode: BondMode): fc.Arbitrary<Partial<BondSettings>> {
  const delay = fc.option(milliseconds(0), { nil: undefined });
  const mii = fc.record({ miimon: milliseconds(1), updelay: delay, downdelay: delay }).map(said);
  const arp = fc
    .record({
      arp_interval: milliseconds(1),
      arp_ip_target: fc.uniqueArray(address, { minLength: 1, maxLength: 16 }),
      arp_validate: when("arp_validate", mode, fc.constantFrom(...ARP_VALIDATE)),
    })
    .map(said);
  return hasEffect("arp_interval", mode) ? fc.oneof<fc.Arbitrary<Partial<BondSettings>>[]>(mii, arp) : mii;
}

/** Said or not, in modes that have it; never said in the others. */
function when<T>(key: BondKey, mode: BondMode, value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> {
  return hasEffect(key, mode) ? fc.option(value, { nil: undefined }) : fc.constant(undefined);
}

type Said<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

function said<T extends object>(wish: T): Said<T> {
  return Object.fromEntries(Object.entries(wish).filter(([, value]) => value !== undefined)) as Said<T>;
}

/** The base device and its VLANs; no larger packets on a VLAN than below it, and one router in all. */
function devices(base: string): fc.Arbitrary<Device[]> {
  const ids = fc.uniqueArray(fc.integer({ min: 1, max: 4094 }), { maxLength: 3 });
  return fc.tuple(fc.option(mtu(9216), { nil: undefined }), ids).chain(([largest, vlans]) => {
    const parent = device(base, addressing, fc.constant(largest));
    const tagged = vlans.map((id) =>
      device(vlanName(base, id), addressing, fc.option(mtu(largest ?? 1500), { nil: undefined })).map((own) => ({
        ...own,
        vlan: { id, parent: base },
      })),
    );
    return fc.tuple(parent, ...tagged).map(oneRouter);
  });
}

function device(
  name: string,
  own: fc.Arbitrary<Addressing>,
  largest: fc.Arbitrary<number | undefined>,
): fc.Arbitrary<Device> {
  return fc.tuple(own, largest).map(([addressing, mtu]) => ({ name, addressing, ...(mtu !== undefined && { mtu }) }));
}

function oneRouter(all: Device[]): Device[] {
  const first = all.find(({ addressing }) => addressing.kind === "static" && addressing.router);
  return all.map((own) => {
    if (own === first || own.addressing.kind !== "static") return own;
    const { router: _router, ...addressing } = own.addressing;
    return { ...own, addressing };
  });
}

/** Address and router are two different ones of the same network, and neither its first nor its last. */
const fixed: fc.Arbitrary<Addressing> = fc
  .record({
    near: address,
    prefix: fc.integer({ min: 8, max: 29 }),
    hosts: fc.uniqueArray(fc.integer({ min: 1, max: 6 }), { minLength: 2, maxLength: 2 }),
    routed: fc.boolean(),
    dns: fc.uniqueArray(address, { maxLength: 3 }),
    search: fc.option(domain, { nil: undefined }),
  })
  .map(({ near, prefix, hosts: [own = 1, other = 2], routed, dns, search }) => {
    const size = 2 ** (32 - prefix);
    const base = ipv4ToNumber(near) - (ipv4ToNumber(near) % size);
    return {
      ...{ kind: "static", address: ipv4FromNumber(base + own), prefix, dns },
      ...(routed && { router: ipv4FromNumber(base + other) }),
      ...(search !== undefined && { domain: search }),
    };
  });

const addressing: fc.Arbitrary<Addressing> = fc.oneof(
  { weight: 3, arbitrary: fixed },
  { weight: 1, arbitrary: fc.constant<Addressing>({ kind: "dhcp" }) },
  { weight: 1, arbitrary: fc.constant<Addressing>({ kind: "none" }) },
);
