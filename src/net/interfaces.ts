/** The IPv4 addresses of this machine, by interface. */
import { networkInterfaces } from "node:os";
import { type Cidr, type Ipv4, ipv4FromNumber, ipv4ToNumber, type Mac, parseIpv4, parseMac } from "../base/address.ts";

/** One address of one interface; an interface with two addresses comes twice. */
export interface LocalInterface {
  /** The device, without the `:label` of an alias address. */
  readonly name: string;
  readonly address: Ipv4;
  /** The subnet on the link. */
  readonly cidr: Cidr;
  readonly mac: Mac;
}

type NodeInterfaces = ReturnType<typeof networkInterfaces>;

/** In the kernel's order. Interfaces that are down or have no IPv4 address are not listed. */
export function localInterfaces(from: () => NodeInterfaces = networkInterfaces): LocalInterface[] {
  return Object.entries(from()).flatMap(([name, addresses]) =>
    (addresses ?? []).flatMap((info) => {
      const address = info.family === "IPv4" ? parseIpv4(info.address) : undefined;
      const mac = parseMac(info.mac);
      if (!address || !mac) return [];
      return [{ name: name.replace(/:.*$/, ""), address, cidr: subnetOf(address, prefixOf(info.netmask)), mac }];
    }),
  );
}

function prefixOf(netmask: string): number {
  const address = parseIpv4(netmask);
  return address ? ipv4ToNumber(address).toString(2).replaceAll("0", "").length : 32;
}

function subnetOf(address: Ipv4, prefix: number): Cidr {
  const value = ipv4ToNumber(address);
  return { base: ipv4FromNumber(value - (value % 2 ** (32 - prefix))), prefix };
}
