/** Is a running bond well? Said in plain words, each trouble with its remedy. */
import type { Mac } from "../base/address.ts";
import type { BondMode } from "./model.ts";
import type { ProcBonding, ProcMember } from "./proc-bonding.ts";

export interface Finding {
  readonly what: string;
  readonly todo: string;
}

export interface Health {
  /** No reasons against it. */
  readonly healthy: boolean;
  /** Why it is degraded. */
  readonly reasons: readonly Finding[];
  /** Worth a look, and no harm now. */
  readonly remarks: readonly Finding[];
}

/** What the machine knows of a member beside the bond's text. */
export interface MemberFacts {
  readonly counters?: Counters;
  /** In modes with one active member. */
  readonly role?: "active" | "backup";
  /** LACP states, which the bond's text shows to root alone. */
  readonly actorState?: number;
  readonly partnerState?: number;
}

/** Since the NIC's driver was loaded. */
export interface Counters {
  readonly rxPackets: number;
  readonly txPackets: number;
  readonly rxErrors: number;
  readonly txErrors: number;
}

export type FactsOf = ReadonlyMap<string, MemberFacts>;

/** Bits of an LACP port state, IEEE 802.1AX-2014 section 6.4.2.3. */
export const LACP_STATE = {
  activity: 0x01,
  timeout: 0x02,
  aggregation: 0x04,
  synchronization: 0x08,
  collecting: 0x10,
  distributing: 0x20,
  /** No partner has answered: its values are made up. */
  defaulted: 0x40,
  /** The partner has fallen silent. */
  expired: 0x80,
} as const;
const CARRIES = LACP_STATE.synchronization | LACP_STATE.collecting | LACP_STATE.distributing;
const NO_MAC = "00:00:00:00:00:00" as Mac;

const ONE_ACTIVE: readonly BondMode[] = ["active-backup", "balance-tlb", "balance-alb"];
/** Packets that a member must have seen before its share says anything. */
const ENOUGH_PACKETS = 1000;
/** A sound cable loses far less. */
const MOST_ERRORS_PER_PACKET = 1 / 1000;

export function judgeBond(bond: ProcBonding, facts: FactsOf = new Map()): Health {
  const reasons = [
    ...wholeFindings(bond),
    ...downFindings(bond),
    ...lastFindings(bond),
    ...watchFindings(bond),
    ...activeFindings(bond),
    ...lacpFindings(bond, facts),
    ...portFindings(bond, facts),
    ...sendingFindings(bond, facts),
  ];
  return { healthy: reasons.length === 0, reasons, remarks: remarksOn(bond, facts) };
}

function wholeFindings({ truncated, members, status }: ProcBonding): Finding[] {
  const findings: Finding[] = [];
  const add = (what: string, todo: string) => findings.push({ what, todo });
  if (truncated !== undefined) add(`what is known of it ends early (no ${truncated})`, "read it again");
  if (members.length === 0) add("it has no members", "see the network configuration, and why no NIC joined");
  else if (status === "down") add("it is down", "nothing passes: see to its members, the first reason first");
  return findings;
}

/** Members that are not up. */
export function downFindings({ members }: Pick<ProcBonding, "members">): Finding[] {
  const down = members.filter(({ status }) => status !== "up" && status !== "unknown");
  return down.map((member) => ({ what: statusText(member), todo: STATUS_TODO[member.status] }));
}

function lastFindings({ members }: ProcBonding): Finding[] {
  const up = members.filter(({ status }) => status === "up");
  if (up.length !== 1 || members.length === 1 || members.some(({ status }) => status === "unknown")) return [];
  return [{ what: `only ${namesOf(up)} is up`, todo: "mend the others soon: the next failure cuts this machine off" }];
}

const STATUS_TODO: Readonly<Record<ProcMember["status"], string>> = {
  up: "",
  unknown: "",
  down: "see to its cable and the port of the switch, and that it is switched on (`ip link set NIC up`)",
  "going down": "see to its cable; it counts as up until `downdelay` is over",
  "going back": "wait: it is used again when `updelay` is over",
};

function statusText({ name, status }: ProcMember): string {
  if (status === "going down") return `${name} has just lost its link`;
  return status === "going back" ? `${name} has just got its link back` : `${name} is down`;
}

function watchFindings({ settings: { miimon, arp_interval } }: ProcBonding): Finding[] {
  if (miimon !== 0 || arp_interval) return [];
  const what =
    "nobody watches the links (miimon is 0, and there is no arp_interval), so a dead cable would go unnoticed";
  return [{ what, todo: "set `miimon=100`, or `arp_interval=1000` with the router in `arp_ip_target`" }];
}

function activeFindings({ settings, primary, active, members }: ProcBonding): Finding[] {
  const isUp = (name: string | undefined) => members.some((each) => each.name === name && each.status === "up");
  if (!ONE_ACTIVE.includes(settings.mode) || !members.some(({ status }) => status === "up")) return [];
  if (active === undefined) return [{ what: "no member is active, though one is up", todo: "see the kernel's log" }];
  // Drivers before 3.6.0 know no primary_reselect: always was the only way.
  const goesBack = (settings.primary_reselect ?? "always") === "always";
  if (primary === undefined || active === primary || !goesBack || !isUp(primary)) return [];
  const what = `${active} is active though ${primary} is primary, up, and should always be chosen`;
  return [{ what, todo: `choose it by hand: \`ip link set BOND type bond active_slave ${primary}\`` }];
}

/** How LACP stands: the bond's aggregator, then each member that is up. */
export function lacpFindings(bond: ProcBonding, facts: FactsOf = new Map()): Finding[] {
  if (bond.settings.mode !== "802.3ad") return [];
  const up = bond.members.filter(({ status }) => status === "up");
  const alone = up.filter((member) => isAlone(member, facts.get(member.name)));
  const others = up.filter((member) => !alone.includes(member));
  const aggregator = bond.lacp?.aggregator;
  const findings: Finding[] = [];
  const add = (what: string, todo: string) => findings.push({ what, todo });
  if (aggregator === "none")
    add("no aggregator is active, so nothing passes", "see that LACP is on at the switch's ports");
  if (alone.length > 0 || (typeof aggregator === "object" && aggregator.partner === NO_MAC)) {
    const where = alone.length > 0 ? ` on ${namesOf(alone)}` : "";
    add(`no LACP partner answers${where} (its address is all zeros)`, "switch on LACP at the switch's ports");
  }
  const groups = up.map(({ name, aggregator: id }) => `${name} in ${id ?? "none"}`);
  if (new Set(up.map((member) => member.aggregator)).size > 1) {
    add(
      `the members are in different aggregators (${groups.join(", ")}), so only one of them carries traffic`,
      "put their ports into one link group of the switch, and give them one speed",
    );
  }
  return [...findings, ...others.flatMap((member) => portStateFindings(member, facts.get(member.name)))];
}

function isAlone({ partner, actor }: ProcMember, facts: MemberFacts | undefined): boolean {
  const state = actor?.state ?? facts?.actorState ?? 0;
  return partner?.system === NO_MAC || (state & LACP_STATE.defaulted) !== 0;
}

function portStateFindings({ name, actor, partner }: ProcMember, facts: MemberFacts | undefined): Finding[] {
  const own = actor?.state ?? facts?.actorState;
  const theirs = partner?.state ?? facts?.partnerState;
  const todo =
    "see that its port is in the same link group of the switch as the others', and the cables are not mixed up";
  if (own !== undefined && (own & LACP_STATE.expired) !== 0) {
    return [
      { what: `the LACP partner on ${name} has fallen silent`, todo: "see whether the switch's port still has LACP" },
    ];
  }
  if (own !== undefined && (own & CARRIES) !== CARRIES) {
    return [{ what: `${name} is up, but LACP keeps it out of use`, todo }];
  }
  if (theirs !== undefined && (theirs & LACP_STATE.synchronization) === 0) {
    return [{ what: `the switch does not take ${name} into its link group`, todo }];
  }
  if (actor?.churn === "churned" || partner?.churn === "churned") {
    return [{ what: `LACP on ${name} does not settle (churned)`, todo }];
  }
  return [];
}

function portFindings({ members }: ProcBonding, facts: FactsOf): Finding[] {
  const half = members.filter(({ status, duplex }) => status === "up" && duplex === "half");
  const faulty = members.filter(({ name }) => hasManyErrors(facts.get(name)?.counters));
  return [
    ...half.map(({ name }) => ({
      what: `${name} runs at half duplex`,
      todo: "set both ends of the cable to negotiate speed and duplex",
    })),
    ...faulty.map(({ name }) => ({
      what: `${name} has more than one error in ${1 / MOST_ERRORS_PER_PACKET} packets`,
      todo: "change its cable or transceiver (`ethtool -S` tells the kind of error)",
    })),
  ];
}

function hasManyErrors(counters: Counters | undefined): boolean {
  if (counters === undefined) return false;
  const { rxPackets, txPackets, rxErrors, txErrors } = counters;
  const packets = rxPackets + txPackets;
  return packets >= ENOUGH_PACKETS && rxErrors + txErrors > packets * MOST_ERRORS_PER_PACKET;
}

/** In balance-rr the members that are up send by turns. */
function sendingFindings(bond: ProcBonding, facts: FactsOf): Finding[] {
  return idleMembers(bond, facts, "txPackets").map((name) => ({
    what: `${name} is up and sends next to nothing, though all members should send by turns`,
    todo: "see whether something is bound to the other NIC itself, and the bond's queues (tc)",
  }));
}

/** Members of a balance-rr bond that have less than a tenth of their share. */
function idleMembers({ settings, members }: ProcBonding, facts: FactsOf, key: "rxPackets" | "txPackets"): string[] {
  if (settings.mode !== "balance-rr") return [];
  const up = members.filter(({ status }) => status === "up");
  const counts = up.map(({ name }) => ({ name, packets: facts.get(name)?.counters?.[key] }));
  const known = counts.flatMap(({ name, packets }) => (packets === undefined ? [] : [{ name, packets }]));
  const share = known.reduce((sum, { packets }) => sum + packets, 0) / known.length;
  if (known.length < 2 || share < ENOUGH_PACKETS) return [];
  return known.filter(({ packets }) => packets < share / 10).map(({ name }) => name);
}

function remarksOn(bond: ProcBonding, facts: FactsOf): Finding[] {
  const { members } = bond;
  const lost = members.filter(({ failures }) => failures !== undefined && failures > 0);
  const settling = members.filter(({ actor, partner }) =>
    [actor, partner].some((side) => side?.churn === "monitoring"),
  );
  return [
    ...(members.length === 1 ? [{ what: `${namesOf(members)} is its only member`, todo: "add a second one" }] : []),
    ...lost.map(({ name, failures }) => ({
      what: `${name} has lost its link ${failures === 1 ? "once" : `${failures} times`} since it joined`,
      todo: "if that goes on, see to its cable and the switch's log",
    })),
    ...settling.map(({ name }) => ({ what: `LACP on ${name} is settling`, todo: "look again in a minute" })),
    ...idleMembers(bond, facts, "rxPackets").map((name) => ({
      what: `${name} receives next to nothing`,
      todo: "see that the switch has the ports in a static link group",
    })),
  ];
}

function namesOf(members: readonly ProcMember[]): string {
  return members.map(({ name }) => name).join(", ");
}
