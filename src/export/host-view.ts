/** Everything that one host would be told and given for one install: for those who look, not for the machine. */
import { readFile } from "node:fs/promises";
import type { OrderServers } from "../balance/site-orders.ts";
import type { Mac } from "../base/address.ts";
import { EverbootError } from "../base/errors.ts";
import type { NetworkPlan } from "../bond/model.ts";
import { type InstallScript, installScript } from "../boot/script.ts";
import { type Family, familyOf, type Rendered } from "../os/family.ts";
import { hostNetwork } from "../os/network.ts";
import { orderedServers } from "../os/server-urls.ts";
import type { Host, Site } from "../site/model.ts";
import type { ServerView } from "../site/server-view.ts";

/** Stands for the token where an answer is shown, not served. */
export const SHOWN_TOKEN = "TOKEN";

export interface HostView {
  readonly host: Host;
  readonly rendered: Rendered;
  /** The installed system's, with the NICs named in their order. */
  readonly network: NetworkPlan;
  readonly script: InstallScript;
}

export interface ViewOptions {
  readonly site: Site;
  readonly host: Host;
  readonly family: Family;
  readonly order: OrderServers;
  /** The server that answers. */
  readonly server: ServerView;
  /** The NIC that booted; left out: the first. */
  readonly mac?: Mac;
  /** Bytes of the tree's own keyring, if it has one. */
  readonly keyring?: Uint8Array;
}

export function viewHost({ site, host, family, order, server, mac = host.nics[0], keyring }: ViewOptions): HostView {
  const { profile } = host;
  const servers = orderedServers(order(host), server, { tree: profile.tree }, SHOWN_TOKEN);
  const input = { site, host, profile, tree: profile.tree, mac, servers, ...(keyring && { keyring }) };
  const rendered = family.render(input);
  const title = `${host.name} installs ${profile.tree.name} with profile ${profile.name}`;
  return {
    host,
    rendered,
    network: hostNetwork(host, mac),
    script: installScript({ title, server, arguments: rendered.kernelArguments }, SHOWN_TOKEN, mac),
  };
}

interface OpenOptions extends Pick<ViewOptions, "site" | "host" | "order" | "server"> {
  readonly families: ReadonlyMap<string, Family>;
}

/** The view of a host of this site file. Throws EverbootError `tree-incomplete` when its keyring is not there. */
export async function openHostView(options: OpenOptions): Promise<HostView> {
  const { families, ...view } = options;
  const { tree } = view.host.profile;
  const keyring = tree.keyring === undefined ? undefined : await readKeyring(tree.name, tree.keyring);
  return viewHost({ ...view, family: familyOf(families, tree), ...(keyring && { keyring }) });
}

async function readKeyring(tree: string, path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (error) {
    throw new EverbootError("tree-incomplete", { tree, what: `its keyring ${path}`, todo: "put it there" }, error);
  }
}
