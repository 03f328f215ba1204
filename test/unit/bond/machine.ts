/** A machine with two NICs of which one is in use, for tests of `everboot bond`. */
import type { Ipv4, Mac } from "../../../src/base/address.ts";
import type { MachineAddress, MachineLink, MachineNetwork } from "../../../src/bond/machine-network.ts";
import type { NetworkPlan, PlannedBond } from "../../../src/bond/model.ts";

export const ADDRESS = "10.0.0.5" as Ipv4;
export const ROUTER = "10.0.0.1" as Ipv4;

export function ipv4(address: string, more: Partial<MachineAddress> = {}): MachineAddress {
  return { version: 4, address, prefix: 24, broadcast: "10.0.0.255", dynamic: false, ...more };
}

export function link(name: string, more: Partial<MachineLink> = {}): MachineLink {
  const mac = `52:54:00:00:00:0${name.at(-1)}` as Mac;
  return { name, mac, up: true, carrier: true, mtu: 1500, addresses: [], ...more };
}

/** `eth0` carries the address and the default route; `eth1` is up and idle. */
export function machineOf(links: readonly MachineLink[] = [], more: Partial<MachineNetwork> = {}): MachineNetwork {
  const usual = [link("eth0", { addresses: [ipv4(ADDRESS)] }), link("eth1")];
  const others = links.filter(({ name }) => !usual.some((own) => own.name === name));
  return {
    hostname: "h1",
    links: [...usual.map((own) => links.find(({ name }) => name === own.name) ?? own), ...others],
    routes: [
      {
        to: "default",
        via: ROUTER,
        device: "eth0",
        words: ["default", "via", ROUTER, "proto", "static", "metric", "100"],
      },
      { to: "10.9.0.0/16", device: "eth0", words: ["10.9.0.0/16", "via", "10.0.0.2"] },
    ],
    dns: ["10.0.0.53" as Ipv4],
    ...more,
  };
}

/** `bond0` of both, with the address that `eth0` has. */
export function planOf(bond: Partial<PlannedBond> = {}, more: Partial<NetworkPlan> = {}) {
  const nics = [link("eth0"), link("eth1")].map(({ name, mac }) => ({ name, mac: mac ?? ("" as Mac) }));
  const plan: NetworkPlan & { readonly bond: PlannedBond } = {
    ...{ hostname: "h1", nics },
    bond: {
      name: "bond0",
      members: nics,
      mode: "active-backup",
      miimon: 100,
      mac: "52:54:00:00:00:00" as Mac,
      ...bond,
    },
    devices: [{ name: "bond0", addressing: { kind: "static", address: ADDRESS, prefix: 24, router: ROUTER, dns: [] } }],
    ...more,
  };
  return plan;
}
