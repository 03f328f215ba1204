/** The servers of a site as an installer is told of them, with a token for tests. */
import type { FamilyInput } from "../../src/os/family.ts";
import { orderedServers } from "../../src/os/server-urls.ts";
import type { Host, Site } from "../../src/site/model.ts";

export function serverUrls(site: Site, host: Host, token = "t0ken"): FamilyInput["servers"] {
  const servers = [...site.servers.values()];
  const [first] = servers;
  if (!first) throw new Error("the site has no server");
  return orderedServers(servers, first, { tree: host.profile.tree }, token);
}
