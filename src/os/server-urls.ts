/** Where an installer finds each server of the site: made for one install, with its token in them. */
import type { Profile, Server, Tree } from "../site/model.ts";
import { baseUrl, type ServerView } from "../site/server-view.ts";
import { nfsPath, treePath } from "../site/tree-places.ts";
import type { FamilyInput, ServerUrls } from "./family.ts";

/** The files of one boot: `version` of `tree`, or of a plain tree and of a mirror what lies there. */
export interface TreeOfInstall {
  readonly tree: Tree;
  readonly version?: string;
}

export function serverUrls(view: ServerView, { tree, version }: TreeOfInstall, token: string): ServerUrls {
  const base = baseUrl(view);
  return {
    view,
    tree: `${base}${treePath(tree.name, version)}`,
    lastingTree: `${base}${treePath(tree.name)}`,
    ftpTree: `ftp://${view.address}${treePath(tree.name, version)}`,
    nfsTree: `nfs://${view.address}${nfsPath(tree.name, version)}`,
    report: `${base}/report/${token}`,
  };
}

/** Where an installer of a profile with this `via` fetches the tree. */
export function installTree(server: ServerUrls, via: Profile["via"]): string {
  const { tree: http, ftpTree: ftp, nfsTree: nfs } = server;
  return { http, ftp, nfs }[via];
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
