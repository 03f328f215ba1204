/** BIND 9.18: the site's names for name servers of your own, as zone files and the lines of named.conf that name them. */
import type { Ipv4 } from "../base/address.ts";
import { soaRecord } from "../server/dns/authority.ts";
import { type NameRecords, siteZones, ZONE_TTL, type Zones, zoneOf } from "../server/dns/zones.ts";
import type { Site } from "../site/model.ts";
import { braces, type Export, type ExportedFile } from "./exports.ts";

/** Where Debian's BIND has its files. */
const FOLDER = "/etc/bind";

export const bind: Export = {
  name: "bind",
  givesAddresses: false,
  summary: "named.conf.everboot and zone files for BIND 9.18",
  render: (site) => {
    const zones = siteZones(site);
    const byZone = namesByZone(site, zones);
    // A zone of addresses that no machine has would be an empty file.
    const apexes = [...zones.apexes].filter((apex) => byZone.has(apex));
    const head = `Site ${site.name}. Made by: everboot export bind`;
    const statements = apexes.map((apex) => braces(`zone "${apex}"`, zoneStatement(apex)).join("\n").concat(";"));
    return [
      textFile("named.conf.everboot", [`// ${head}`, ...statements]),
      ...apexes.map((apex) => textFile(fileOf(apex), [`; ${head}`, ...zoneLines(zones, apex, byZone.get(apex) ?? [])])),
    ];
  },
};

type NamedRecords = readonly [name: string, records: NameRecords];

/** The install name stands for the addresses that stay when their servers die: BIND cannot know who lives. */
function namesByZone(site: Site, zones: Zones): Map<string, NamedRecords[]> {
  const floating = [...site.servers.values()].map((server): Ipv4 => server.floating ?? server.address);
  const install: NamedRecords[] = zones.install === undefined ? [] : [[zones.install, { a: floating }]];
  const others = [...zones.names].filter(([name]) => name !== zones.install);
  return Map.groupBy([...install, ...others], ([name]) => zoneOf(zones, name) ?? "");
}

function fileOf(apex: string): string {
  return `db.${apex}`;
}

/** No transfers: both servers have the same files. */
function zoneStatement(apex: string): string[] {
  return ["type primary;", `file "${FOLDER}/${fileOf(apex)}";`, "allow-transfer { none; };"];
}

function zoneLines(zones: Zones, apex: string, names: readonly NamedRecords[]): string[] {
  const { mname, rname, serial, refresh, retry, expire, minimum } = soaRecord(zones, apex).data;
  return [
    `$TTL ${ZONE_TTL}`,
    `@ IN SOA ${mname}. ${rname}. ${serial} ${refresh} ${retry} ${expire} ${minimum}`,
    ...zones.nameServers.map((server) => `@ IN NS ${server}.`),
    ...names.flatMap(([name, { a, ptr }]) => [
      ...a.map((address) => `${name}. IN A ${address}`),
      ...(ptr === undefined ? [] : [`${name}. IN PTR ${ptr}.`]),
    ]),
  ];
}

function textFile(path: string, lines: readonly string[]): ExportedFile {
  return { kind: "text", path, text: `${lines.join("\n")}\n` };
}
