/**
 * What the configurations of all DHCP servers have in common: who gets which address, and which file is for whom. The
 * boot plan itself is asked for every kind of client, so that another server cannot answer otherwise than our own.
 */
import {
  type AddressRange,
  type Ipv4,
  ipv4FromNumber,
  ipv4ToNumber,
  type Mac,
  macWithDashes,
} from "../base/address.ts";
import { type ClientOptions, classifyClient } from "../boot/client.ts";
import { planBoot } from "../boot/plan.ts";
import { reservedAddresses } from "../server/dhcp/exchange.ts";
import { type Host, LOADER_CHOICES, type LoaderChoice, type Site, type Subnet } from "../site/model.ts";
import { baseUrl, type ServerView } from "../site/server-view.ts";
import { HTTP_CLASS, PXE_CLASS } from "../wire/dhcp-pxe.ts";

export interface DhcpFacts {
  /** The install server: what boot clients are sent to. */
  readonly server: ServerView;
  /** Machines that the site file does not list get an address of the ranges; else silence. */
  readonly lendsToStrangers: boolean;
  readonly subnets: readonly SubnetFacts[];
  /** For each choice of `loader` that a host with boot files has. */
  readonly loaders: readonly LoaderFacts[];
}

export interface SubnetFacts {
  readonly subnet: Subnet;
  /** Never empty: installers stop and ask when they are told of no name server. */
  readonly dns: readonly Ipv4[];
  /** The pool without the addresses that are never lent; empty unless strangers get any. */
  readonly ranges: readonly AddressRange[];
  readonly hosts: readonly HostFacts[];
}

export interface HostFacts {
  readonly name: string;
  /** Each of them gets the host's address. */
  readonly nics: readonly Mac[];
  readonly address: Ipv4;
  /** Absent in a subnet with `dhcp: proxy`: Everboot adds the boot files there. */
  readonly loader?: LoaderChoice;
}

export interface LoaderFacts {
  readonly loader: LoaderChoice;
  /** No client is in two of them. */
  readonly cases: readonly BootCase[];
}

/**
 * What asks: iPXE (option 175, or `iPXE` in option 77; it says PXEClient too), UEFI HTTP boot (option 60 begins with
 * HTTPClient), other PXE firmware (PXEClient).
 */
export type Asker = "ipxe" | "http" | "pxe";

export interface BootCase {
  /** Unique in the site, in letters, digits and hyphens: `auto-pxe-7-9`. */
  readonly name: string;
  readonly asker: Asker;
  /** First value of option 93; clients that send none count as 0, a BIOS. */
  readonly archCodes: readonly number[] | "any";
  /** A URL, or a path on the install server's TFTP server. */
  readonly file: string;
}

/**
 * iPXE puts its settings into the file name that it is given (usr/autoboot.c, expand_settings): here the MAC address of
 * the NIC that it last opened, with dashes. So one text serves all NICs of all hosts.
 */
export const IPXE_MAC = `\${netX/mac:hexhyp}`;

/** Subnets with `dhcp: off` are there as if they were authoritative: it is the other server that answers there. */
export function dhcpFacts(site: Site, server: ServerView): DhcpFacts {
  const hosts = [...site.hosts.values()];
  const booted = hosts.filter(({ subnet }) => subnet.dhcp !== "proxy");
  return {
    server,
    lendsToStrangers: site.unknown.kind !== "ignore",
    subnets: site.subnets.map((subnet) => ({
      subnet,
      dns: subnet.dns.length > 0 ? subnet.dns : [server.address],
      ranges: lentRanges(site, subnet),
      hosts: hosts.filter((host) => host.subnet === subnet).map(hostFacts),
    })),
    loaders: LOADER_CHOICES.flatMap((loader) => {
      const host = booted.find((each) => each.loader === loader);
      return host ? [{ loader, cases: bootCases(site, host, server) }] : [];
    }),
  };
}

function hostFacts({ name, nics, address, subnet, loader }: Host): HostFacts {
  return { name, nics, address, ...(subnet.dhcp !== "proxy" && { loader }) };
}

function lentRanges(site: Site, { pool }: Subnet): AddressRange[] {
  if (site.unknown.kind === "ignore" || !pool) return [];
  const ranges: AddressRange[] = [];
  let first = ipv4ToNumber(pool.first);
  const end = ipv4ToNumber(pool.last) + 1;
  const taken = [...reservedAddresses(site, [])].map(ipv4ToNumber).filter((value) => value >= first && value < end);
  for (const stop of [...taken.sort((a, b) => a - b), end]) {
    if (stop > first) ranges.push({ first: ipv4FromNumber(first), last: ipv4FromNumber(stop - 1) });
    first = stop + 1;
  }
  return ranges;
}

const ASKERS: Readonly<Record<Asker, Omit<ClientOptions, "archCodes">>> = {
  ipxe: { vendorClass: PXE_CLASS, userClass: "iPXE", hasIpxeOptions: true },
  http: { vendorClass: HTTP_CLASS, hasIpxeOptions: false },
  pxe: { vendorClass: PXE_CLASS, hasIpxeOptions: false },
};

/** More than IANA's "Processor Architecture Types" has (41 at the end of 2025). */
const ARCH_CODES = Array.from({ length: 64 }, (_, code) => code);

function bootCases(site: Site, host: Host, server: ServerView): BootCase[] {
  return (["ipxe", "http", "pxe"] as const).flatMap((asker) => {
    const byFile = new Map<string, number[]>();
    for (const code of ARCH_CODES) {
      const file = fileFor(site, host, server, asker, code);
      if (file !== undefined) byFile.set(file, [...(byFile.get(file) ?? []), code]);
    }
    return Array.from(byFile, ([file, codes]): BootCase => {
      const archCodes = codes.length === ARCH_CODES.length ? "any" : codes;
      const name = [host.loader, asker, ...(archCodes === "any" ? [] : archCodes)].join("-");
      return { name, asker, archCodes, file };
    });
  });
}

function fileFor(site: Site, host: Host, server: ServerView, asker: Asker, code: number): string | undefined {
  const [mac] = host.nics;
  const client = classifyClient(mac, { ...ASKERS[asker], archCodes: [code] });
  // Firmware that boots by HTTP says HTTPClient: an HTTP architecture with PXEClient does not exist.
  if (asker === "pxe" && client.transport === "http") return undefined;
  const plan = planBoot(site, client, () => ({ kind: "none", why: "the file is the same" }));
  if (plan.kind === "refusal" || !plan.file) return undefined;
  const path = plan.file.path.replace(macWithDashes(mac), IPXE_MAC);
  return plan.file.as === "url" ? `${baseUrl(server)}/${path}` : path;
}

/** Bytes as `060108ff`, with `separator` between them. */
export function hex(bytes: Uint8Array, separator = ""): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(separator);
}

/** Options 58 and 59, in seconds, as our own server sets them. */
export function renewalTimes({ lease }: Subnet): { readonly renew: number; readonly rebind: number } {
  return { renew: Math.floor(lease / 2), rebind: Math.floor((lease * 7) / 8) };
}
