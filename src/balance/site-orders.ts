/** The orders of one site, by the policy that its file names. */
import type { Server, Site } from "../site/model.ts";
import type { BalancePolicy, Client, Loads } from "./policy.ts";

/** Every server of the site once, in this client's order; dead ones too. */
export type OrderServers = (client: Client) => readonly Server[];

type Ordered = Pick<Site, "balance" | "hosts" | "servers">;
type Policies = ReadonlyMap<string, BalancePolicy>;

/** Figures of a site whose servers tell none. */
const UNTOLD: Loads = new Map();

/** Orders that all servers know alike; what goes by load is ordered by rendezvous here, as figures differ. */
export function agreedOrders(site: Ordered, policies: Policies): OrderServers {
  const balance = policyOf(site, policies).isByLoad ? "rendezvous" : site.balance;
  return siteOrders({ ...site, balance }, policies);
}

/** Makes orders by the figures that it asks for at each; absent = the site's policy needs none. */
export function ordersByLoad(site: Ordered, policies: Policies): ((loads: () => Loads) => OrderServers) | undefined {
  return policyOf(site, policies).isByLoad ? (loads) => siteOrders(site, policies, loads) : undefined;
}

/** `loads` is asked at each order: what the servers told last. */
export function siteOrders(site: Ordered, policies: Policies, loads: () => Loads = () => UNTOLD): OrderServers {
  const orders = policyOf(site, policies).prepare([...site.hosts.values()], [...site.servers.values()]);
  return (client) => orders(client, loads()).flatMap((name) => site.servers.get(name) ?? []);
}

function policyOf({ balance }: Ordered, policies: Policies): BalancePolicy {
  const policy = policies.get(balance);
  if (!policy) throw new Error(`no balance policy ${balance}`);
  return policy;
}
