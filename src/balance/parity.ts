/**
 * As in the papers: clients with an odd address are served by the server that `serves` odd ones, clients with an even
 * address by the other, and each by the other when its own is dead. Several servers of one half share it by the remainder
 * of what is left of the number, and all servers share a half that none of them serves. Weights do not count.
 */
import { ipv4ToBytes } from "../base/address.ts";
import { type BalancePolicy, byName, type ServerShare } from "./policy.ts";

export const parity: BalancePolicy = {
  name: "parity",
  isByLoad: false,
  prepare(_hosts, servers) {
    const sorted = servers.toSorted(byName);
    return ({ address }) => orderFor(ipv4ToBytes(address).at(-1) ?? 0, sorted).map(({ name }) => name);
  },
};

/** `number` is the last of the address: 129 of 192.168.0.129. */
function orderFor(number: number, servers: readonly ServerShare[]): readonly ServerShare[] {
  if (servers.every(({ serves }) => serves === undefined)) return takeTurns(number, servers);
  const half = number % 2 === 1 ? "odd" : "even";
  const own = servers.filter(({ serves }) => serves === half);
  return takeTurns(Math.ceil(number / 2), servers, own.length > 0 ? own : servers);
}

/**
 * `first` are those that the first one is taken from: remainder 1 is the first server's of them, 2 the second's, 0 the
 * last's. The quotient finds the next one among all that are left, so that a dead server's clients are spread over them.
 */
function takeTurns(number: number, servers: readonly ServerShare[], first = servers): readonly ServerShare[] {
  const chosen = first.at((number % first.length) - 1);
  if (!chosen) return [];
  const others = servers.filter((server) => server !== chosen);
  return [chosen, ...takeTurns(Math.floor(number / first.length), others)];
}
