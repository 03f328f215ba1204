/**
 * The default. Each host ranks the servers by highest random weight and takes the first that has room; the servers'
 * rooms are their exact shares. So with two servers 64 hosts are 32 and 32, and nearly every host has the server that it
 * would have with any other set of hosts. In the same way the hosts of each server share the others as their second, so
 * that a dead server's load is spread by weight too. From the third on chance alone is even enough.
 */
import { type BalancePolicy, byName, type Client, type ServerShare } from "./policy.ts";
import { rankByDraw } from "./score.ts";

export const rendezvous: BalancePolicy = {
  name: "rendezvous",
  isByLoad: false,
  prepare(hosts, servers) {
    const sorted = servers.toSorted(byName);
    const orders = new Map(settle(wishesOf(hosts, sorted), sorted));
    return ({ name }) => orders.get(name) ?? rankByDraw(name, sorted);
  },
};

/** A host's name and all servers, the dearest first. */
interface Wish {
  readonly host: string;
  readonly ranked: readonly string[];
}

function wishesOf(hosts: readonly Client[], servers: readonly ServerShare[]): readonly Wish[] {
  return hosts.toSorted(byName).map(({ name }) => ({ host: name, ranked: rankByDraw(name, servers) }));
}

/** Places of an order that are given by share; those after them are as the host wishes. */
const SHARED_PLACES = 2;

function settle(
  wishes: readonly Wish[],
  servers: readonly ServerShare[],
  settled: readonly string[] = [],
): Array<[string, readonly string[]]> {
  if (settled.length === SHARED_PLACES || servers.length === 0) {
    return wishes.map(({ host, ranked }) => [host, [...settled, ...ranked.filter((name) => !settled.includes(name))]]);
  }
  const groups = Map.groupBy(giveServers(wishes, servers), ({ server }) => server);
  return [...groups].flatMap(([server, group]) =>
    settle(
      group.map(({ wish }) => wish),
      servers.filter(({ name }) => name !== server),
      [...settled, server],
    ),
  );
}

/** In the order of the hosts' names, which bounds what one host more moves: see docs/balance.md. */
function giveServers(wishes: readonly Wish[], servers: readonly ServerShare[]) {
  const room = sharesOf(wishes.length, servers);
  return wishes.map((wish) => {
    const server = wish.ranked.find((name) => (room.get(name) ?? 0) > 0);
    if (server === undefined) throw new Error("the shares add up to less than there are hosts");
    room.set(server, (room.get(server) ?? 0) - 1);
    return { wish, server };
  });
}

/**
 * Whole shares by weight that add up to `count`: one after the other goes to the server with the most weight for each
 * that it has (Sainte-Lague's method). One host more never takes from a server's share, as rounding by largest remainder
 * would. The first by name wins a tie.
 */
function sharesOf(count: number, servers: readonly ServerShare[]): Map<string, number> {
  const seats = servers.map(({ name, weight }) => ({ name, weight, taken: 0 }));
  for (let given = 0; given < count; given++) {
    const next = seats.reduce((best, seat) => (claim(seat) > claim(best) ? seat : best));
    next.taken++;
  }
  return new Map(seats.map(({ name, taken }) => [name, taken]));
}

function claim({ weight, taken }: { readonly weight: number; readonly taken: number }): number {
  return weight / (2 * taken + 1);
}
