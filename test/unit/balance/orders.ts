/** What tests ask of orders. */
import type { BalancePolicy, Client, Loads, ServerShare } from "../../../src/balance/policy.ts";

export const UNTOLD: Loads = new Map();

/** `server1`, `server2`, ... with these weights. */
export function weighted(...weights: number[]): ServerShare[] {
  return weights.map((weight, index) => ({ name: `server${index + 1}`, weight }));
}

/** Each host's order, by its name. */
export function ordersOf(
  policy: BalancePolicy,
  hosts: readonly Client[],
  servers: readonly ServerShare[],
  loads = UNTOLD,
): Map<string, readonly string[]> {
  const orders = policy.prepare(hosts, servers);
  return new Map(hosts.map((host) => [host.name, orders(host, loads)]));
}

/** How many hosts each server has that is not dead; servers sorted by name. */
export function countFirst(
  orders: ReadonlyMap<string, readonly string[]>,
  dead: readonly string[] = [],
): Record<string, number> {
  const firsts = [...orders.values()].map((order) => order.find((name) => !dead.includes(name)) ?? "");
  const groups = Map.groupBy(firsts.sort(), (name) => name);
  return Object.fromEntries([...groups].map(([name, { length }]) => [name, length]));
}
