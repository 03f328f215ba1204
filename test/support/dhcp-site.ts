/** Sites for the DHCP tests, in as few words as possible; the rest of a site means nothing to DHCP. */
import { type Ipv4, type Mac, parseCidr, parseIpv4, parseMac, parseRange } from "../../src/base/address.ts";
import type { DhcpMode, Host, Profile, Server, Site, Subnet, Tree } from "../../src/site/model.ts";

export interface SiteSketch {
  readonly subnets: readonly SubnetSketch[];
  readonly unknown?: "ignore" | "discover";
  readonly server: { readonly address: string; readonly interfaces?: readonly string[]; readonly httpPort?: number };
  readonly hosts?: Readonly<
    Record<string, { readonly nics: readonly [string, ...string[]]; readonly address: string }>
  >;
}

export interface SubnetSketch {
  readonly cidr: string;
  readonly router?: string;
  readonly dns?: readonly string[];
  readonly domain?: string;
  readonly pool?: string;
  readonly lease?: number;
  readonly dhcp?: DhcpMode;
}

export function dhcpSite(sketch: SiteSketch): Site {
  const subnets = sketch.subnets.map(subnetOf);
  const hosts = Object.entries(sketch.hosts ?? {}).map(([name, { nics, address }]): Host => {
    const [first, ...others] = nics;
    const subnet = must(subnets[0], "a subnet");
    return {
      name,
      nics: [mac(first), ...others.map(mac)],
      address: ip(address),
      subnet,
      network: "static",
      profile: PROFILE,
      loader: "auto",
    };
  });
  return {
    name: "test",
    revision: "0",
    subnets,
    unknown: { kind: sketch.unknown ?? "ignore" },
    balance: "rendezvous",
    names: {},
    servers: new Map([["one", serverOf(sketch)]]),
    trees: new Map([[TREE.name, TREE]]),
    profiles: new Map([[PROFILE.name, PROFILE]]),
    hosts: new Map(hosts.map((host) => [host.name, host])),
    hostByMac: new Map(hosts.flatMap((host) => host.nics.map((nic) => [nic, host] as const))),
    hostByAddress: new Map(hosts.map((host) => [host.address, host])),
  };
}

/** The only server of a `dhcpSite`. */
export function onlyServer(site: Site): Server {
  return must(site.servers.get("one"), "server one");
}

export function ip(text: string): Ipv4 {
  return must(parseIpv4(text), text);
}

export function mac(text: string): Mac {
  return must(parseMac(text), text);
}

function subnetOf(sketch: SubnetSketch): Subnet {
  return {
    cidr: must(parseCidr(sketch.cidr), sketch.cidr),
    dns: (sketch.dns ?? []).map(ip),
    lease: sketch.lease ?? 14_400,
    dhcp: sketch.dhcp ?? "authoritative",
    ...(sketch.router !== undefined && { router: ip(sketch.router) }),
    ...(sketch.domain !== undefined && { domain: sketch.domain }),
    ...(sketch.pool !== undefined && { pool: must(parseRange(sketch.pool), sketch.pool) }),
  };
}

function serverOf({ server }: SiteSketch): Server {
  const { address, interfaces = [], httpPort = 80 } = server;
  return { name: "one", address: ip(address), interfaces, links: [], weight: 1, httpPort };
}

function must<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new Error(`not understood: ${what}`);
  return value;
}

const TREE: Tree = { name: "debian-12", family: "debian", release: "bookworm", arch: "amd64", path: "/srv/debian-12" };

const PROFILE: Profile = {
  name: "plain",
  tree: TREE,
  via: "http",
  loader: "auto",
  language: "en_US.UTF-8",
  keyboard: "us",
  timezone: "UTC",
  ntp: [],
  users: [],
  disk: { layout: "plain", devices: [], keep: [] },
  network: "static",
  packages: [],
  recommends: false,
  minimal: true,
  early: [],
  late: [],
  firstBoot: [],
  kernelArguments: [],
  installedKernelArguments: [],
  answers: [],
  mirrors: [],
};
