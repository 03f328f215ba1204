/** Where an installer finds each server of the site: made for one install, with its token in them. */
import type { Server, Tree } from "../site/model.ts";
import { baseUrl, type ServerView } from "../site/server-view.ts";
import type { FamilyInput, ServerUrls } from "./family.ts";

/** The files of one boot: `version` of `tree`, or of a plain tree and of a mirror what lies there. */
export interface TreeOfInstall {
  readonly tree: Tree;
  readonly version?: string;
}

export function serverUrls(view: ServerView, { tree, version }: TreeOfInstall, token: string): ServerUrls {
  const base = baseUrl(view);
  const lastingTree = `${base}/trees/${tree.name}`;
  return {
    view,
    tree: version === undefined ? lastingTree : `${lastingTree}@${version}`,
    lastingTree,
    report: `${base}/report/${token}`,
  };
}

/**
 * The servers in the order given, each by the address that outlives it, if it has one; but `own`, the one that answers,
 * comes first and as it is: of the others nobody here knows whether they live.
 */
export function orderedServers(
  servers: readonly Server[],
  own: ServerView,
  tree: TreeOfInstall,
  token: string,
): FamilyInput["servers"] {
  const others = servers.filter(
    ({ name, address, floating }) => name !== own.name && address !== own.address && floating !== own.address,
  );
  const urls = (view: ServerView) => serverUrls(view, tree, token);
  return [urls(own), ...others.map((server) => urls(lastingView(server)))];
}

/** A server by its floating address, or by its own if it has none. */
export function lastingView({ name, address, floating, httpPort }: Server): ServerView {
  return { address: floating ?? address, httpPort, name };
}
