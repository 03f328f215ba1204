/** A bond as declared beside the bond as found: what is drawn and listed. Pure. */
import type { ProcMember } from "../../src/bond/proc-bonding.ts";
import { compareSettings, type SettingRow } from "../../src/bond/setting-rows.ts";
import type { BondAnswer } from "./shapes.ts";

export interface BondMember {
  readonly mac?: string;
  /** As the machine calls it; `NIC 2` where it has not told. */
  readonly name: string;
  /** `missing`: declared, not found; `foreign`: found, not declared; `awaited`: nothing is reported yet. */
  readonly presence: "found" | "missing" | "foreign" | "awaited";
  readonly isUp?: boolean;
  readonly isActive?: boolean;
  readonly isPrimary: boolean;
  /** Mb/s. */
  readonly speed?: number;
  /** LACP partner of this member's port. */
  readonly partner?: string;
  /** It takes part in the aggregator that carries the traffic. */
  readonly inAggregator?: boolean;
  readonly failures?: number;
}

export interface BondRows {
  readonly name: string;
  readonly members: readonly BondMember[];
  readonly settings: readonly SettingRow[];
}

/** None for a host without a bond. */
export function bondRows({ declared: { bond }, found }: Pick<BondAnswer, "declared" | "found">): BondRows | undefined {
  if (bond === undefined) return undefined;
  const read = found?.bond?.kind === "bond" ? found.bond : undefined;
  const members = read?.members ?? [];
  const ofBond = { active: read?.active, aggregator: aggregatorId(read?.lacp?.aggregator) };
  const declared = bond.members.map((mac, place): BondMember => {
    const member = members.find((each) => each.mac === mac);
    const isPrimary = mac === bond.primary;
    if (member) return { ...foundMember(member, ofBond), mac, isPrimary, presence: "found" };
    return { mac, name: `NIC ${place + 1}`, isPrimary, presence: read ? "missing" : "awaited" };
  });
  const foreign = members
    .filter(({ mac }) => mac === undefined || !bond.members.includes(mac))
    .map((member): BondMember => ({ ...foundMember(member, ofBond), isPrimary: false, presence: "foreign" }));
  return { name: bond.device, members: [...declared, ...foreign], settings: compareSettings(bond, read?.settings) };
}

interface OfBond {
  readonly active: string | undefined;
  readonly aggregator: number | undefined;
}

function foundMember(member: ProcMember, { active, aggregator }: OfBond): Omit<BondMember, "presence" | "isPrimary"> {
  const { name, status, mac, speed, failures, partner } = member;
  return {
    name,
    isUp: status === "up",
    ...(mac !== undefined && { mac }),
    ...(speed !== undefined && { speed }),
    ...(failures !== undefined && { failures }),
    ...(partner?.system !== undefined && { partner: partner.system }),
    ...(active !== undefined && { isActive: name === active }),
    ...(aggregator !== undefined && { inAggregator: member.aggregator === aggregator }),
  };
}

function aggregatorId(aggregator: { readonly id: number } | "none" | undefined): number | undefined {
  return typeof aggregator === "object" ? aggregator.id : undefined;
}
