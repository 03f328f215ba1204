/** Subnets: apart from each other, with router and pool inside. */
import { cidrContains, cidrsOverlap, formatCidr, formatRange, type Ipv4, rangeContains } from "../base/address.ts";
import { type Claim, claimServerAddresses } from "./check-servers.ts";
import type { SiteDraft } from "./draft.ts";
import type { Finding } from "./problem.ts";
import type { SubnetEntry } from "./schema.ts";
import { reservedUse } from "./span.ts";

export function checkSubnets(draft: SiteDraft): Finding[] {
  const { claims } = claimServerAddresses(draft);
  return draft.subnets.flatMap((subnet, index) => [
    ...checkOverlap(draft.subnets, index),
    ...checkRouter(subnet, index),
    ...checkPool(subnet, index, claims),
    ...checkPoolIsThere(draft, subnet, index),
  ]);
}

function checkOverlap(subnets: readonly Partial<SubnetEntry>[], index: number): Finding[] {
  const cidr = subnets[index]?.cidr;
  const first = subnets.findIndex((other, at) => at < index && cidr && other.cidr && cidrsOverlap(cidr, other.cidr));
  const other = subnets[first]?.cidr;
  if (!cidr || !other) return [];
  const what = `subnet ${formatCidr(cidr)} overlaps subnet ${formatCidr(other)}`;
  const todo = "make them one, or correct one of them";
  return [{ path: ["subnets", index, "cidr"], what, other: ["subnets", first, "cidr"], todo }];
}

function checkRouter({ cidr, router }: Partial<SubnetEntry>, index: number): Finding[] {
  if (!cidr || !router) return [];
  const path = ["subnets", index, "router"];
  const use = reservedUse(cidr, router);
  if (use) return [{ path, what: `${router} is the ${use} of ${formatCidr(cidr)}`, todo: "name the router's own" }];
  if (cidrContains(cidr, router)) return [];
  return [{ path, what: `router ${router} is outside ${formatCidr(cidr)}`, todo: "name one that machines can reach" }];
}

function checkPool(subnet: Partial<SubnetEntry>, index: number, servers: ReadonlyMap<Ipv4, Claim>): Finding[] {
  const { cidr, pool } = subnet;
  if (!cidr || !pool) return [];
  const path = ["subnets", index, "pool"];
  if (!cidrContains(cidr, pool.first) || !cidrContains(cidr, pool.last)) {
    const what = `pool ${formatRange(pool)} is not inside ${formatCidr(cidr)}`;
    return [{ path, what, todo: "keep both ends inside the subnet" }];
  }
  const used = new Map(servers);
  if (subnet.router) used.set(subnet.router, { use: "the router", path: ["subnets", index, "router"] });
  const todo = "leave it out of the pool";
  return [
    ...[...new Set([pool.first, pool.last])]
      .filter((address) => reservedUse(cidr, address))
      .map((address) => ({ path, what: `the pool holds ${address}, the ${reservedUse(cidr, address)}`, todo })),
    ...[...used]
      .filter(([address]) => rangeContains(pool, address))
      .map(([address, { use, path: other }]) => ({ path, what: `the pool holds ${address}, ${use}`, other, todo })),
  ];
}

function checkPoolIsThere({ unknown }: SiteDraft, subnet: Partial<SubnetEntry>, index: number): Finding[] {
  if (unknown === undefined || unknown === "ignore" || subnet.dhcp !== "authoritative" || subnet.pool) return [];
  const what = `this subnet has no pool, from which \`unknown: ${unknown}\` gives addresses`;
  return [{ path: ["subnets", index, "pool"], what, todo: "add `pool`, or set `unknown: ignore`" }];
}
