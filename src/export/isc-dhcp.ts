/**
 * ISC DHCP 4.4: a main file with the subnets and the classes of boot clients, and a file of the machines to include
 * (seeds: "classes pxe and etherboot on the first 9 bytes of option 60, registered machines in an included file").
 */
import { cidrBroadcast, cidrNetmask } from "../base/address.ts";
import { OPTION, type OptionName } from "../wire/dhcp-options.ts";
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
import { braces, type Export, origin } from "./exports.ts";

/** Where Debian's dhcpd looks for its configuration; dhcpd has no relative includes. */
const HOSTS_FILE = "/etc/dhcp/hosts.inc";

export const iscDhcp: Export = {
  name: "isc-dhcp",
  givesAddresses: true,
  summary: "dhcpd.conf and hosts.inc for ISC DHCP 4.4",
  render: (site, server) => {
    const facts = dhcpFacts(site, server);
    const title = `# ${origin(site, server, "isc-dhcp")}`;
    return [
      { kind: "text", path: "dhcpd.conf", text: joined([[title], ...mainBlocks(facts)]) },
      { kind: "text", path: "hosts.inc", text: joined([[title], ...hostBlocks(facts)]) },
    ];
  },
};

const IS_IPXE = 'exists ipxe or option user-class ~= "iPXE"';

const vendorClassIs = (text: string) => `substring(option vendor-class-identifier, 0, ${text.length}) = "${text}"`;

/**
 * dhcpd sends of the options it has those that the client asks for. With a list of our own the answer is the same
 * whatever is asked for, and a class may set options that only hosts are sent.
 */
const NETWORK_OPTIONS: readonly OptionName[] = [
  "netmask",
  "router",
  "dns",
  "host-name",
  "domain",
  "broadcast",
  "renewal-time",
  "rebinding-time",
  "client-id",
  "client-uuid",
];

const BOOT_OPTIONS: Readonly<Record<Asker, readonly OptionName[]>> = {
  ipxe: ["tftp-server", "boot-file", "ipxe"],
  http: ["tftp-server", "boot-file", "vendor-class"],
  pxe: ["tftp-server", "boot-file", "vendor-class", "vendor-options"],
};

function sentOptions(names: readonly OptionName[]): string {
  return `option dhcp-parameter-request-list ${names.map((name) => OPTION[name]).join(",")};`;
}

function mainBlocks({ subnets, lendsToStrangers }: DhcpFacts): string[][] {
  return [
    [
      `option client-arch code ${OPTION["client-arch"]} = string;`,
      `option client-uuid code ${OPTION["client-uuid"]} = string;`,
      `option ipxe code ${OPTION.ipxe} = string;`,
    ],
    // A server that is authoritative refuses the wishes of machines that it does not know, in place of silence.
    [
      lendsToStrangers ? "authoritative;" : "not authoritative;",
      "ddns-update-style none;",
      "ignore-client-uids true;",
      "echo-client-id true;",
      sentOptions(NETWORK_OPTIONS),
      "option client-uuid = option client-uuid;",
    ],
    braces('class "pxe"', [
      `match if ${vendorClassIs(PXE_CLASS)};`,
      `option vendor-class-identifier "${PXE_CLASS}";`,
      `option vendor-encapsulated-options ${hex(pxeSkipDiscovery(), ":")};`,
    ]),
    ["# Etherboot and its heir iPXE, which says PXEClient.", ...etherbootClass()],
    braces('class "http"', [
      `match if ${vendorClassIs(HTTP_CLASS)};`,
      `option vendor-class-identifier "${HTTP_CLASS}";`,
    ]),
    ...subnets.map(subnetBlock),
    [`include "${HOSTS_FILE}";`],
  ];
}

function etherbootClass(): string[] {
  return braces('class "etherboot"', [
    `match if ${vendorClassIs("Etherboot")} or ${IS_IPXE};`,
    `option ipxe ${hex(ipxeNoProxy(), ":")};`,
  ]);
}

function subnetBlock({ subnet, dns, ranges }: SubnetFacts): string[] {
  const { cidr, router, domain, lease } = subnet;
  const { renew, rebind } = renewalTimes(subnet);
  return braces(`subnet ${cidr.base} netmask ${cidrNetmask(cidr)}`, [
    // Hosts have addresses of their own, or they are in another subnet's network by mistake.
    ...(ranges.length === 0
      ? []
      : braces("pool", ["deny known-clients;", ...ranges.map(({ first, last }) => `range ${first} ${last};`)])),
    ...(router ? [`option routers ${router};`] : []),
    `option domain-name-servers ${dns.join(", ")};`,
    ...(domain === undefined ? [] : [`option domain-name "${domain}";`]),
    `option broadcast-address ${cidrBroadcast(cidr)};`,
    `default-lease-time ${lease};`,
    `min-lease-time ${lease};`,
    `max-lease-time ${lease};`,
    `option dhcp-renewal-time ${renew};`,
    `option dhcp-rebinding-time ${rebind};`,
  ]);
}

function hostBlocks({ server, subnets, loaders }: DhcpFacts): string[][] {
  const hosts = subnets.flatMap((subnet) => subnet.hosts);
  const entries = (loader: HostFacts["loader"]) => hosts.filter((host) => host.loader === loader).flatMap(hostEntries);
  const withoutBoot = entries(undefined);
  return [
    ...loaders.map((facts) => [
      `# loader: ${facts.loader}`,
      ...braces("group", [...bootStatements(facts, server.address), ...entries(facts.loader)]),
    ]),
    ...(withoutBoot.length === 0 ? [] : [["# dhcp: proxy, so Everboot itself tells the boot files", ...withoutBoot]]),
  ];
}

/** One entry a NIC. Names of hosts have no underscores, so those of further entries are free. */
function hostEntries({ name, nics, address }: HostFacts): string[] {
  return nics.map((mac, index) => {
    const entry = index === 0 ? name : `${name}_nic${index + 1}`;
    return `host ${entry} { hardware ethernet ${mac}; fixed-address ${address}; option host-name "${name}"; }`;
  });
}

/** iPXE is asked about first: it says PXEClient too. */
const ASKER_TESTS: ReadonlyArray<readonly [Asker, test: string]> = [
  ["ipxe", IS_IPXE],
  ["http", vendorClassIs(HTTP_CLASS)],
  ["pxe", vendorClassIs(PXE_CLASS)],
];

function bootStatements({ cases }: LoaderFacts, server: string): string[] {
  return ASKER_TESTS.flatMap(([asker, test], index) =>
    braces(
      `${index === 0 ? "if" : "elsif"} ${test}`,
      cases.filter((each) => each.asker === asker).flatMap((each) => caseStatements(each, server)),
    ),
  );
}

function caseStatements({ asker, archCodes, file }: BootCase, server: string): string[] {
  const answer = [
    `next-server ${server};`,
    `server-name "${server}";`,
    `option tftp-server-name "${server}";`,
    `filename "${file}";`,
    `option bootfile-name "${file}";`,
    sentOptions([...NETWORK_OPTIONS, ...BOOT_OPTIONS[asker]]),
  ];
  return archCodes === "any" ? answer : braces(`if ${archTest(archCodes)}`, answer);
}

function archTest(codes: readonly number[]): string {
  const tests = codes.map((code) => `substring(option client-arch, 0, 2) = 00:${hex(Uint8Array.of(code))}`);
  return [...tests, ...(codes.includes(0) ? ["not exists client-arch"] : [])].join(" or ");
}

function joined(blocks: readonly string[][]): string {
  return blocks.map((lines) => `${lines.join("\n")}\n`).join("\n");
}
