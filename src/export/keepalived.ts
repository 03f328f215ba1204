/** keepalived 2.2 for those who run their own: a configuration for each server. */
import { cidrContains, type Ipv4 } from "../base/address.ts";
import { EverbootError } from "../base/errors.ts";
import { keepalivedConfig, type Place } from "../cluster/floating/keepalived-config.ts";
import type { Server, Site } from "../site/model.ts";
import type { Export } from "./exports.ts";

export const keepalived: Export = {
  name: "keepalived",
  givesAddresses: false,
  summary: "keepalived.conf for each server: floating addresses without Everboot's part",
  render: (site) => {
    const servers = [...site.servers.values()];
    demandFloating(site);
    return servers.map((server) => {
      const head = `# Site ${site.name}, server ${server.name}. Made by: everboot export keepalived\n\n`;
      const text = head + keepalivedConfig({ site, server, place: (address) => placeBySite(site, server, address) });
      return { kind: "text", path: `${server.name}/keepalived.conf`, text };
    });
  },
};

/** @throws EverbootError `usage` when no server has a floating address */
export function demandFloating(site: Site): void {
  if ([...site.servers.values()].some(({ floating }) => floating !== undefined)) return;
  throw new EverbootError("usage", { what: `no server of site ${site.name} has a \`floating\` address: add them` });
}

/** @throws EverbootError `usage` when the site file does not tell the server's interface */
export function deviceOf(server: Server): string {
  const [device] = server.interfaces;
  if (device !== undefined) return device;
  const what = `server ${server.name} has no \`interface\`: name the one that is to get floating addresses`;
  throw new EverbootError("usage", { what });
}

function placeBySite({ subnets }: Site, server: Server, address: Ipv4): Place {
  const subnet = subnets.find(({ cidr }) => cidrContains(cidr, address));
  return { device: deviceOf(server), prefix: subnet?.cidr.prefix ?? 32 };
}
