/** Kea 2.2 DHCPv4: one JSON file. */
import { cidrBroadcast, formatCidr, formatRange } from "../base/address.ts";
import type { LoaderChoice } from "../site/model.ts";
import { OPTION } from "../wire/dhcp-options.ts";
import { HTTP_CLASS, ipxeNoProxy, PXE_CLASS, pxeSkipDiscovery } from "../wire/dhcp-pxe.ts";
import {
  type Asker,
  type BootCase,
  type DhcpFacts,
  dhcpFacts,
  type HostFacts,
  hex,
  type LoaderFacts,
  renewalTimes,
  type SubnetFacts,
} from "./dhcp-facts.ts";
import { type Export, origin } from "./exports.ts";

export const kea: Export = {
  name: "kea",
  givesAddresses: true,
  summary: "kea-dhcp4.conf for Kea 2.2",
  render: (site, server) => {
    const facts = dhcpFacts(site, server);
    const config = { Dhcp4: { comment: origin(site, server, "kea"), ...dhcp4(facts) } };
    return [{ kind: "text", path: "kea-dhcp4.conf", text: `${JSON.stringify(config, null, 2)}\n` }];
  },
};

interface OptionData {
  readonly name: string;
  readonly data: string;
  /** Kea sends an option only to those who ask for it, else. */
  readonly "always-send": true;
  /** `data` is the value in hexadecimal digits. */
  readonly "csv-format"?: false;
}

function option(name: string, data: string): OptionData {
  return { name, data, "always-send": true };
}

function rawOption(name: string, bytes: Uint8Array): OptionData {
  return { name, data: hex(bytes), "always-send": true, "csv-format": false };
}

function dhcp4(facts: DhcpFacts) {
  return {
    "interfaces-config": { interfaces: ["*"] },
    "lease-database": { type: "memfile" },
    authoritative: true,
    // A machine is known by its MAC alone: its client identifier changes from firmware to installer to system.
    "match-client-id": false,
    "host-reservation-identifiers": ["hw-address"],
    // Each NIC of a host has a reservation of the host's one address.
    "ip-reservations-unique": false,
    "option-def": [{ name: "ipxe", code: OPTION.ipxe, type: "binary" }],
    "client-classes": clientClasses(facts),
    subnet4: facts.subnets.map((subnet, index) => ({ id: index + 1, ...subnet4(subnet, facts) })),
  };
}

const IPXE_CLASS = "ipxe";
const loaderClass = (loader: LoaderChoice) => `loader-${loader}`;

function clientClasses({ loaders, server, lendsToStrangers }: DhcpFacts) {
  return [
    // Kea drops what is in the class of this name.
    ...(lendsToStrangers ? [] : [{ name: "DROP", test: "member('UNKNOWN')" }]),
    { name: IPXE_CLASS, test: `option[${OPTION.ipxe}].exists or ${isText(OPTION["user-class"], "iPXE")}` },
    ...loaders.flatMap((facts) => [{ name: loaderClass(facts.loader) }, ...bootClasses(facts, server.address)]),
  ];
}

function bootClasses({ loader, cases }: LoaderFacts, server: string) {
  return cases.map((bootCase) => ({
    name: bootCase.name,
    // Classes of reservations are known to tests that ask for KNOWN: those are made after the reservation is found.
    test: ["member('KNOWN')", `member('${loaderClass(loader)}')`, ...conditions(bootCase)].join(" and "),
    "next-server": server,
    "server-hostname": server,
    "boot-file-name": bootCase.file,
    ...(bootCase.asker === "pxe" && { "option-def": [RAW_VENDOR_OPTIONS] }),
    "option-data": [
      option("tftp-server-name", server),
      option("boot-file-name", bootCase.file),
      ...ASKER_OPTIONS[bootCase.asker],
    ],
  }));
}

/** Without it Kea takes option 43 apart into options of a vendor, and so that of the client. */
const RAW_VENDOR_OPTIONS = { name: "vendor-encapsulated-options", code: OPTION["vendor-options"], type: "binary" };

const ASKER_OPTIONS: Readonly<Record<Asker, readonly OptionData[]>> = {
  ipxe: [rawOption("ipxe", ipxeNoProxy())],
  http: [option("vendor-class-identifier", HTTP_CLASS)],
  pxe: [option("vendor-class-identifier", PXE_CLASS), rawOption("vendor-encapsulated-options", pxeSkipDiscovery())],
};

const ASKER_TESTS: Readonly<Record<Asker, readonly string[]>> = {
  ipxe: [`member('${IPXE_CLASS}')`],
  http: [`not member('${IPXE_CLASS}')`, isText(OPTION["vendor-class"], HTTP_CLASS)],
  pxe: [`not member('${IPXE_CLASS}')`, isText(OPTION["vendor-class"], PXE_CLASS)],
};

function conditions({ asker, archCodes }: BootCase): string[] {
  if (archCodes === "any") return [...ASKER_TESTS[asker]];
  const arch = `option[${OPTION["client-arch"]}]`;
  const codes = archCodes.map((code) => `substring(${arch}.hex, 0, 2) == 0x00${hex(Uint8Array.of(code))}`);
  const tests = archCodes.includes(0) ? [`not ${arch}.exists`, ...codes] : codes;
  return [...ASKER_TESTS[asker], `(${tests.join(" or ")})`];
}

/** The option begins with the text. */
function isText(code: number, text: string): string {
  return `substring(option[${code}].hex, 0, ${text.length}) == '${text}'`;
}

function subnet4(facts: SubnetFacts, { subnets }: DhcpFacts) {
  const { subnet, hosts, ranges } = facts;
  const { renew, rebind } = renewalTimes(subnet);
  const guests = ranges.length === 0 ? [] : subnets.flatMap((other) => (other === facts ? [] : other.hosts));
  return {
    subnet: formatCidr(subnet.cidr),
    "valid-lifetime": subnet.lease,
    "renew-timer": renew,
    "rebind-timer": rebind,
    "option-data": networkOptions(facts),
    pools: ranges.map((range) => ({ pool: formatRange(range), "client-class": "UNKNOWN" })),
    reservations: [
      ...hosts.flatMap((host) => reservations(host, boundTo(host))),
      // Known here without an address: the pool is not for hosts of other subnets.
      ...guests.flatMap((host) => reservations(host, {})),
    ],
  };
}

function networkOptions({ subnet, dns }: SubnetFacts): OptionData[] {
  const { cidr, router, domain } = subnet;
  return [
    ...(router ? [option("routers", router)] : []),
    option("domain-name-servers", dns.join(", ")),
    ...(domain === undefined ? [] : [option("domain-name", domain)]),
    option("broadcast-address", cidrBroadcast(cidr)),
  ];
}

function reservations({ name, nics }: HostFacts, more: object) {
  return nics.map((mac) => ({ "hw-address": mac, ...more, "option-data": [option("host-name", name)] }));
}

function boundTo({ address, loader }: HostFacts) {
  return { "ip-address": address, ...(loader && { "client-classes": [loaderClass(loader)] }) };
}
