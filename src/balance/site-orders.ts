/** The orders of one site, by the policy that its file names. */
import type { Server, Site } from "../site/model.ts";
import type { BalancePolicy, Client, Loads } from "./policy.ts";

/** Every server of the site once, in this client's order; dead ones too. */
export type OrderServers = (client: Client) => readonly Server[];

/** Figures of a site whose servers tell none. */
const UNTOLD: Loads = new Map();

/** `loads` is asked at each order: what the servers told last. */
export function siteOrders(
  site: Pick<Site, "balance" | "hosts" | "servers">,
  policies: ReadonlyMap<string, BalancePolicy>,
  loads: () => Loads = () => UNTOLD,
): OrderServers {
  const policy = policies.get(site.balance);
  if (!policy) throw new Error(`no balance policy ${site.balance}`);
  const orders = policy.prepare([...site.hosts.values()], [...site.servers.values()]);
  return (client) => orders(client, loads()).flatMap((name) => site.servers.get(name) ?? []);
}
