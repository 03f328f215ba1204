/** What the commands show of a site file without asking a daemon: as the site's first server would answer. */
import { siteOrders } from "../balance/site-orders.ts";
import { createShowHost } from "../export/show-host.ts";
import { lastingView } from "../os/server-urls.ts";
import { FAMILIES, POLICIES } from "../registry.ts";
import type { Site } from "../site/model.ts";
import type { ServerView } from "../site/server-view.ts";

export function showHostOf(site: Site) {
  return createShowHost({
    site,
    families: FAMILIES,
    order: siteOrders(site, POLICIES),
    serverFor: () => firstServer(site),
  });
}

/** The schema asks for one server at least. */
export function firstServer(site: Site): ServerView {
  const [server] = site.servers.values();
  if (!server) throw new Error("a site without servers");
  return lastingView(server);
}
