/** Heartbeat 3.0 with its own resource manager (`crm off`), as in the papers: the files of /etc/ha.d but the key. */
import { EverbootError } from "../base/errors.ts";
import type { Server, Site } from "../site/model.ts";
import type { Export } from "./exports.ts";
import { demandFloating, deviceOf } from "./keepalived.ts";

export const haresources: Export = {
  name: "haresources",
  givesAddresses: false,
  summary: "haresources and ha.cf for Heartbeat, for a pair of servers",
  render: (site) => {
    demandFloating(site);
    const servers = [...site.servers.values()];
    demandPair(site, servers);
    const head = `# Site ${site.name}. Made by: everboot export haresources`;
    const owned = servers.flatMap(({ name, floating }) => (floating ? [`${name} ${floating}`] : []));
    return [
      { kind: "text", path: "haresources", text: `${[head, ...owned].join("\n")}\n` },
      { kind: "text", path: "ha.cf", text: `${[head, ...clusterLines(servers)].join("\n")}\n` },
    ];
  },
};

/** The papers' `nice_failback off` is today's `auto_failback on`: each takes its own address back after a repair. */
function clusterLines(servers: readonly Server[]): string[] {
  const devices = [...new Set(servers.map(deviceOf))];
  const links = servers.flatMap((server) => server.links);
  return [
    "crm off",
    "keepalive 500ms",
    "deadtime 3",
    "initdead 60",
    "auto_failback on",
    ...devices.map((device) => `bcast ${device}`),
    ...(links.length === 0 ? [] : [`# Add the devices of the links ${links.join(" and ")}: bcast DEVICE`]),
    `node ${servers.map(({ name }) => name).join(" ")}`,
  ];
}

/** Without Pacemaker, Heartbeat manages the resources of two nodes. */
function demandPair({ name }: Site, servers: readonly Server[]): void {
  if (servers.length === 2) return;
  const what = `site ${name} has ${servers.length} servers, and haresources is for two: use \`everboot export keepalived\``;
  throw new EverbootError("usage", { what });
}
