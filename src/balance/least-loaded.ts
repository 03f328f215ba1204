/**
 * Where least is going on comes first. What counts is how many installs a server has for its weight; and, among servers about equal in that, how many bytes a second it sends.
 *
 * Figures are a moment old, and many clients may ask in that moment: if all went to the one least loaded server they
 * would trample it. So each client draws among the servers by its name, with better chances for those that have less to
 * do; who orders one client after the other adds to `installs` what was ordered since the last count.
 */
import { type BalancePolicy, byName, type Loads, type ServerShare } from "./policy.ts";
import { rankByDraw, type Weighted } from "./score.ts";

export const leastLoaded: BalancePolicy = {
  name: "least-loaded",
  isByLoad: true,
  prepare(_hosts, servers) {
    const sorted = servers.toSorted(byName);
    return ({ name }, loads) => rankByDraw(name, chancesOf(sorted, loads));
  },
};

/**
 * How a server's chances fall with its installs L for a server of mean weight: as (L + START) ** -EAGERNESS. More eager
 * keeps queues closer together, less eager stands older figures. With these, 34 installs against 30 have 21 % of the
 * next clients, and one against none 27 %.
 */
const EAGERNESS = 16;
const START = 16;

/** Servers with their chances as weight; one that tells nothing has none. While nobody tells anything: their weights. */
function chancesOf(servers: readonly ServerShare[], loads: Loads): readonly Weighted[] {
  const told = servers.flatMap(({ name, weight }) => {
    const load = loads.get(name);
    return load ? [{ name, weight, ...load }] : [];
  });
  if (told.length === 0) return servers;
  const meanWeight = mean(told.map(({ weight }) => weight));
  const meanRate = mean(told.map(({ rate }) => rate));
  const chances = new Map(
    told.map(({ name, weight, installs, rate }) => {
      const size = weight / meanWeight;
      const calm = (START + installs / size) ** -EAGERNESS;
      const sending = meanRate > 0 ? rate / size / meanRate : 0;
      return [name, (weight * calm) / (1 + sending)];
    }),
  );
  return servers.map(({ name }) => ({ name, weight: chances.get(name) ?? 0 }));
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
