/** This machine's addresses and interfaces, those without a link among them. */
import { type Ipv4, ipv4FromNumber, ipv4ToNumber, parseIpv4 } from "../base/address.ts";
import { EverbootError } from "../base/errors.ts";
import type { MachineLink } from "../bond/machine-network.ts";
import { type LocalInterface, localInterfaces } from "../net/interfaces.ts";
import { readMachineNetwork } from "../net/machine-network.ts";

export interface OwnNetwork {
  readonly interfaces: readonly LocalInterface[];
  readonly links: readonly MachineLink[];
}

/** By iproute2, as Node leaves out what has no link; without it by Node, and `links` is empty. */
export async function machineLinks(): Promise<OwnNetwork> {
  try {
    const { links } = await readMachineNetwork();
    return { links, interfaces: links.flatMap(interfacesOf) };
  } catch (error) {
    if (error instanceof EverbootError && error.code === "tool-missing")
      return { links: [], interfaces: localInterfaces() };
    throw error;
  }
}

export function interfacesOf({ name, mac, addresses }: MachineLink): readonly LocalInterface[] {
  return addresses.flatMap(({ address: text, prefix }) => {
    const address = parseIpv4(text);
    if (!address || !mac) return [];
    return [{ name, address, mac, cidr: { base: baseOf(address, prefix), prefix } }];
  });
}

function baseOf(address: Ipv4, prefix: number): Ipv4 {
  const value = ipv4ToNumber(address);
  return ipv4FromNumber(value - (value % 2 ** (32 - prefix)));
}
