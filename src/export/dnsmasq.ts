/** dnsmasq 2.90 as a DHCP server alone: one file, for /etc/dnsmasq.d. */
import { cidrNetmask } from "../base/address.ts";
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
  renewalTimes,
  type SubnetFacts,
} from "./dhcp-facts.ts";
import { type Export, origin } from "./exports.ts";

export const dnsmasq: Export = {
  name: "dnsmasq",
  givesAddresses: true,
  summary: "everboot.conf for dnsmasq 2.90, without DNS",
  render: (site, server) => {
    const facts = dhcpFacts(site, server);
    const blocks = [[`# ${origin(site, server, "dnsmasq")}`], ...confBlocks(facts)];
    return [{ kind: "text", path: "everboot.conf", text: blocks.map((lines) => `${lines.join("\n")}\n`).join("\n") }];
  },
};

function confBlocks(facts: DhcpFacts): string[][] {
  const server = facts.server.address;
  const allCases = facts.loaders.flatMap(({ cases }) => cases);
  return [
    [
      "port=0",
      "dhcp-authoritative",
      // Known by its MAC alone: the client identifier changes from firmware to installer to system.
      "dhcp-ignore-clid",
      // The boot file stays in its field of the packet, where old firmware looks for it.
      "dhcp-no-override",
      ...(facts.lendsToStrangers ? [] : ["dhcp-ignore=tag:!known"]),
    ],
    ...facts.subnets.map((subnet, index) => subnetLines(subnet, `net${index + 1}`)),
    ...(allCases.length === 0 ? [] : [[...ASKER_LINES, ...archLines(allCases)]]),
    ...facts.loaders.flatMap(({ loader, cases }) => cases.map((each) => caseLines(each, loader, server))),
  ];
}

const force = (tag: string, code: number, value: string) => `dhcp-option-force=tag:${tag},${code},${value}`;

function subnetLines({ subnet, dns, ranges, hosts }: SubnetFacts, tag: string): string[] {
  const { cidr, router, domain, lease } = subnet;
  const { renew, rebind } = renewalTimes(subnet);
  const ending = `${cidrNetmask(cidr)},${lease}`;
  return [
    `dhcp-range=set:${tag},${cidr.base},static,${ending}`,
    ...ranges.map(({ first, last }) => {
      return `dhcp-range=set:${tag},tag:!known,tag:!known-othernet,${first},${last},${ending}`;
    }),
    // Without a value the option is not sent; else dnsmasq names itself.
    router ? force(tag, OPTION.router, router) : `dhcp-option=tag:${tag},${OPTION.router}`,
    force(tag, OPTION.dns, dns.join(",")),
    ...(domain === undefined ? [] : [force(tag, OPTION.domain, domain)]),
    force(tag, OPTION["renewal-time"], String(renew)),
    force(tag, OPTION["rebinding-time"], String(rebind)),
    ...hosts.flatMap(hostLines),
  ];
}

function hostLines({ name, nics, address, loader }: HostFacts): string[] {
  const tags = [`set:host-${name}`, ...(loader ? [`set:loader-${loader}`] : [])];
  return [
    `dhcp-host=${[...nics, ...tags, address].join(",")}`,
    // Not in the line above: a name like `ignore` or `12` means something else there.
    force(`host-${name}`, OPTION["host-name"], `"${name}"`),
  ];
}

/** Tags `ipxe`, `http`, `pxe`: a client has at most one of them. */
const ASKER_LINES = [
  `dhcp-match=set:ipxe,${OPTION.ipxe}`,
  "dhcp-userclass=set:ipxe,iPXE",
  `dhcp-vendorclass=set:pxe-class,${PXE_CLASS}`,
  `dhcp-vendorclass=set:http-class,${HTTP_CLASS}`,
  "tag-if=set:pxe,tag:pxe-class,tag:!ipxe",
  "tag-if=set:http,tag:http-class,tag:!ipxe",
];

/** `arch-7-9`: the client's architecture is one of these. */
const archTag = (codes: readonly number[]) => `arch-${codes.join("-")}`;

function archLines(cases: readonly BootCase[]): string[] {
  const lists = cases.flatMap(({ archCodes }) => (archCodes === "any" ? [] : [archCodes]));
  const byTag = new Map(lists.map((codes) => [archTag(codes), codes]));
  const code = OPTION["client-arch"];
  return [
    `dhcp-match=set:arch,${code}`,
    ...Array.from(byTag).flatMap(([tag, codes]) => [
      ...codes.map((arch) => `dhcp-match=set:${tag},option:client-arch,${arch}`),
      ...(codes.includes(0) ? [`tag-if=set:${tag},tag:!arch`] : []),
    ]),
  ];
}

const ASKER_OPTIONS: Readonly<Record<Asker, ReadonlyArray<readonly [code: number, value: string]>>> = {
  ipxe: [[OPTION.ipxe, hex(ipxeNoProxy(), ":")]],
  http: [[OPTION["vendor-class"], HTTP_CLASS]],
  pxe: [
    [OPTION["vendor-class"], PXE_CLASS],
    [OPTION["vendor-options"], hex(pxeSkipDiscovery(), ":")],
  ],
};

function caseLines(bootCase: BootCase, loader: LoaderChoice, server: string): string[] {
  const { name, asker, archCodes, file } = bootCase;
  const needed = [`loader-${loader}`, asker, ...(archCodes === "any" ? [] : [archTag(archCodes)])];
  return [
    `tag-if=set:${name},${needed.map((each) => `tag:${each}`).join(",")}`,
    `dhcp-boot=tag:${name},${file},${server},${server}`,
    // In quotes it is text, else an address of four bytes.
    force(name, OPTION["tftp-server"], `"${server}"`),
    force(name, OPTION["boot-file"], `"${file}"`),
    ...ASKER_OPTIONS[asker].map(([code, value]) => force(name, code, value)),
  ];
}
