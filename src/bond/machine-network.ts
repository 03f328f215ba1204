/** The network of a running machine, as iproute2 tells it in JSON (`ip -json`, versions 5.5 and later). */
import { type Ipv4, type Mac, parseIpv4, parseMac } from "../base/address.ts";
import { isDeviceName } from "./proc-lines.ts";

export interface MachineNetwork {
  readonly hostname: string;
  readonly links: readonly MachineLink[];
  /** Of IPv4 in the main table, without those that come with an address. */
  readonly routes: readonly MachineRoute[];
  readonly dns: readonly Ipv4[];
  /** Domain to search. */
  readonly domain?: string;
}

export interface MachineLink {
  readonly name: string;
  /** Permanent address; absent = no Ethernet. */
  readonly mac?: Mac;
  readonly up: boolean;
  /** Seen by ports that are up only. */
  readonly carrier: boolean;
  /** Bytes. */
  readonly mtu: number;
  /** `bond`, `vlan`, `bridge`, ...; absent = a physical port. */
  readonly kind?: string;
  /** The bond or bridge that it belongs to. */
  readonly master?: string;
  /** What it lies on: of a VLAN and its likes. */
  readonly parent?: string;
  /** Those that other machines can use, so none of scope link or host. */
  readonly addresses: readonly MachineAddress[];
}

export interface MachineAddress {
  readonly version: 4 | 6;
  readonly address: string;
  readonly prefix: number;
  readonly broadcast?: string;
  /** It has a lifetime: by DHCP or by a router's advertisement. */
  readonly dynamic: boolean;
}

export interface MachineRoute {
  /** `default`, or a network as `ip route` writes it. */
  readonly to: string;
  readonly via?: Ipv4;
  readonly device: string;
  /** The same route in words of `ip route add`, without its device. */
  readonly words: readonly string[];
}

/** What of `ip -json -details address show` is read. */
interface IpLink {
  readonly ifname: string;
  readonly flags: readonly string[];
  readonly mtu: number;
  readonly link_type: string;
  readonly address?: string;
  readonly permaddr?: string;
  readonly master?: string;
  readonly link?: string;
  readonly linkinfo?: { readonly info_kind?: string };
  readonly addr_info: readonly IpAddress[];
}

interface IpAddress {
  readonly family: string;
  readonly local?: string;
  readonly prefixlen: number;
  readonly broadcast?: string;
  readonly scope: string;
  readonly dynamic?: boolean;
}

interface IpRoute {
  readonly dst: string;
  readonly dev?: string;
  readonly gateway?: string;
  readonly protocol?: string;
  readonly scope?: string;
  readonly prefsrc?: string;
  readonly metric?: number;
  readonly flags: readonly string[];
}

/** `json`: output of `ip -json -details address show`. Throws SyntaxError when it is no JSON. */
export function readLinks(json: string): MachineLink[] {
  // iproute2 writes an empty object for a device that it was not asked for.
  const links = (JSON.parse(json) as readonly Partial<IpLink>[]).filter((link): link is IpLink => "ifname" in link);
  return links.map((link) => {
    const mac = link.link_type === "ether" ? parseMac(link.permaddr ?? link.address ?? "") : undefined;
    const kind = link.linkinfo?.info_kind;
    return {
      name: link.ifname,
      ...(mac && { mac }),
      up: link.flags.includes("UP"),
      carrier: link.flags.includes("LOWER_UP"),
      mtu: link.mtu,
      ...(kind !== undefined && { kind }),
      ...(link.master !== undefined && { master: link.master }),
      // Of a veth it is the other end, on which nothing lies.
      ...(link.link !== undefined && kind !== "veth" && { parent: link.link }),
      addresses: link.addr_info.flatMap(readAddress),
    };
  });
}

function readAddress({ family, local, prefixlen, broadcast, scope, dynamic }: IpAddress): MachineAddress[] {
  if (local === undefined || scope !== "global") return [];
  return [
    {
      version: family === "inet" ? 4 : 6,
      ...{ address: local, prefix: prefixlen, dynamic: dynamic === true },
      ...(broadcast !== undefined && { broadcast }),
    },
  ];
}

/** `json`: output of `ip -json -4 route show`. Routes of several paths are left out: they have no device of their own. */
export function readRoutes(json: string): MachineRoute[] {
  return (JSON.parse(json) as readonly IpRoute[]).flatMap((route) => {
    const { dst, dev, gateway, protocol } = route;
    if (dev === undefined || protocol === "kernel") return [];
    const via = parseIpv4(gateway ?? "");
    return [{ to: dst, ...(via && { via }), device: dev, words: routeWords(route) }];
  });
}

function routeWords({ dst, gateway, protocol, scope, prefsrc, metric, flags }: IpRoute): string[] {
  const pair = (key: string, value: string | number | undefined) => (value === undefined ? [] : [key, `${value}`]);
  return [
    dst,
    ...pair("via", gateway),
    ...pair("proto", protocol),
    ...pair("scope", scope),
    ...pair("src", prefsrc),
    ...pair("metric", metric),
    ...(flags.includes("onlink") ? ["onlink"] : []),
  ];
}

/** resolv.conf(5): servers of IPv4, and the first domain to search. */
export function readResolver(text: string): Pick<MachineNetwork, "dns" | "domain"> {
  const lines = text.split("\n").map((line) => line.trim().split(/\s+/));
  const dns = lines.flatMap(([key, value = ""]) => (key === "nameserver" ? (parseIpv4(value) ?? []) : []));
  const [, domain] = lines.findLast(([key]) => key === "search" || key === "domain") ?? [];
  return { dns, ...(domain !== undefined && domain !== "." && { domain }) };
}

/** The interface that has an address. */
export function holderOf({ links }: Pick<MachineNetwork, "links">, address: string): MachineLink | undefined {
  return links.find((link) => link.addresses.some((own) => own.address === address));
}

/** Interfaces that could be members, for a message. */
export function portNames({ links }: Pick<MachineNetwork, "links">): string[] {
  return links.filter(({ name, mac, kind }) => mac && kind === undefined && isDeviceName(name)).map(({ name }) => name);
}
