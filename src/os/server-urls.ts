/** Where an installer finds each server of the site: made for one install, with its token in them. */
import { type Mac, macWithDashes } from "../base/address.ts";
import type { Server, Site, Tree } from "../site/model.ts";
import { baseUrl, type ServerView } from "../site/server-view.ts";
import type { FamilyInput, ServerUrls } from "./family.ts";

export function serverUrls(view: ServerView, tree: Tree, token: string, mac: Mac): ServerUrls {
  const base = baseUrl(view);
  return {
    view,
    tree: `${base}/trees/${tree.name}`,
    report: `${base}/report/${token}`,
    files: `${base}/boot/${token}/${macWithDashes(mac)}/files`,
  };
}

/** Every server of the site by the address that outlives it, if it has one; `own` as it is, and first. */
export function orderedServers(
  site: Site,
  own: ServerView,
  tree: Tree,
  token: string,
  mac: Mac,
): FamilyInput["servers"] {
  const others = [...site.servers.values()].filter(
    ({ name, address, floating }) => name !== own.name && address !== own.address && floating !== own.address,
  );
  const urls = (view: ServerView) => serverUrls(view, tree, token, mac);
  return [urls(own), ...others.map((server) => urls(lastingView(server)))];
}

/** A server by its floating address, or by its own if it has none. */
export function lastingView({ name, address, floating, httpPort }: Server): ServerView {
  return { address: floating ?? address, httpPort, name };
}
