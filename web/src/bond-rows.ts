/** A bond as declared beside the bond as found: what is drawn and listed. Pure. */
import type { BondSettings } from "../../src/bond/model.ts";
import type { ProcMember } from "../../src/bond/proc-bonding.ts";
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

export interface BondSetting {
  readonly key: string;
  readonly declared: string;
  readonly found: string;
  readonly isUnlike: boolean;
}

export interface BondRows {
  readonly name: string;
  readonly members: readonly BondMember[];
  readonly settings: readonly BondSetting[];
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
  return { name: bond.device, members: [...declared, ...foreign], settings: settingRows(bond, read?.settings) };
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

const SETTINGS = [
  "mode",
  "miimon",
  "updelay",
  "downdelay",
  "arp_interval",
  "arp_ip_target",
  "arp_validate",
  "primary_reselect",
  "fail_over_mac",
  "lacp_rate",
  "xmit_hash_policy",
  "ad_select",
  "min_links",
] as const satisfies readonly (keyof BondSettings)[];

/** Those that are declared, and those that are found. What is not declared is the driver's own business: never unlike. */
function settingRows(declared: BondSettings, found: BondSettings | undefined): BondSetting[] {
  return SETTINGS.flatMap((key) => {
    const [want, have] = [settingText(declared[key]), settingText(found?.[key])];
    if (want === "" && have === "") return [];
    const isUnlike = want !== "" && have !== "" && !isSame(key, declared, want, have);
    return [{ key, declared: want, found: have, isUnlike }];
  });
}

/** The kernel rounds the delays down to multiples of `miimon`. */
function isSame(key: string, { miimon }: BondSettings, want: string, have: string): boolean {
  if ((key !== "updelay" && key !== "downdelay") || !miimon) return want === have;
  return Number(want) - (Number(want) % miimon) === Number(have);
}

function settingText(value: string | number | readonly string[] | undefined): string {
  return typeof value === "object" ? value.join(", ") : (value?.toString() ?? "");
}
