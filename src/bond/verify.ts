/** Has the network come up as it was declared? Compares the plan with what the machine reports at its first boot. */
import type { Mac } from "../base/address.ts";
import { downFindings, type Finding, lacpFindings } from "./health.ts";
import type { Addressing, BondMode, BondSettings, Device, NetworkPlan, Nic, PlannedBond } from "./model.ts";
import type { ProcBonding, ProcMember } from "./proc-bonding.ts";
import type { Link, NetworkReport } from "./report.ts";
import { compareSettings } from "./setting-rows.ts";

/** What is unlike, and what to do about it. */
export type Difference = Finding;

const CORRECT = "correct the machine's network configuration, or the site file";

/** Empty = verified. What the report lacks is a difference too: nothing is taken for granted. */
export function verifyNetwork(expected: NetworkPlan, report: NetworkReport): readonly Difference[] {
  return [
    ...report.missing.map((part) => ({
      what: `the report lacks ${part}`,
      todo: "look at the machine itself: the report was cut off, or `ip` is missing there",
    })),
    ...(expected.bond ? bondDifferences(expected.bond, report) : []),
    ...expected.devices.flatMap((device) => deviceDifferences(device, expected, report)),
  ];
}

function bondDifferences(expected: PlannedBond, report: NetworkReport): Difference[] {
  const { name } = expected;
  const found = report.bonds.find((bond) => bond.name === name)?.text;
  if (found === undefined) {
    const others = report.bonds.map((bond) => bond.name).join(", ");
    const what = `there is no bond ${name}${others === "" ? "" : ` (but ${others})`}`;
    return [{ what, todo: "see the log of the machine's network stack at its first boot" }];
  }
  if (found.kind === "refused") {
    return [{ what: `the text on ${name} cannot be read: ${found.why}`, todo: `see /proc/net/bonding/${name} there` }];
  }
  return [
    ...truncatedDifferences(name, found),
    ...settingDifferences(expected, found.settings),
    ...primaryDifferences(expected, found, report),
    ...memberDifferences(expected, found, report),
    ...downFindings(found),
    ...lacpFindings(found),
    ...macDifferences(expected, found, report),
  ];
}

function truncatedDifferences(name: string, { truncated }: ProcBonding): Difference[] {
  if (truncated === undefined) return [];
  return [{ what: `the text on ${name} ends early (no ${truncated})`, todo: `see /proc/net/bonding/${name} there` }];
}

function settingDifferences(expected: PlannedBond, found: BondSettings): Difference[] {
  return compareSettings(expected, found)
    .filter(({ isUnlike }) => isUnlike)
    .map(({ key, wanted, found }) => ({
      what: `${key} of ${expected.name} is ${found}, not ${wanted}`,
      todo: CORRECT,
    }));
}

function primaryDifferences({ name, primary }: PlannedBond, found: ProcBonding, report: NetworkReport): Difference[] {
  if (primary === undefined) return [];
  const member = found.members.find((each) => each.name === found.primary);
  if (member && ownMacs(member, report).includes(primary.mac)) return [];
  return [{ what: `the primary of ${name} is ${found.primary ?? "nobody"}, not ${primary.mac}`, todo: CORRECT }];
}

function memberDifferences(expected: PlannedBond, found: ProcBonding, report: NetworkReport): Difference[] {
  const { name, members } = expected;
  const macsOf = (member: ProcMember) => ownMacs(member, report);
  const present = new Set(found.members.flatMap(macsOf));
  const missing = members.filter(({ mac }) => !present.has(mac));
  const foreign = found.members.filter((member) => !members.some(({ mac }) => macsOf(member).includes(mac)));
  const clones = found.members.filter((member, place) =>
    found.members.slice(0, place).some((earlier) => sameMacs(macsOf(earlier), macsOf(member))),
  );
  return [
    ...missing.map(({ mac }) => ({
      what: `${mac} is not a member of ${name}`,
      todo: "see whether the machine has this NIC, and its driver's messages",
    })),
    ...foreign.map((member) => ({
      what: `${member.name} (${macsOf(member)[0] ?? "address not shown"}) is a member of ${name} and was not declared`,
      todo: "add it to `nics` of the host, or take it out of the bond",
    })),
    ...clones.map((member) => ({
      what: `${member.name} shows the permanent address of another member`,
      todo: "switch the machine off and on: the NIC has kept the bond's address over a restart",
    })),
  ];
}

function sameMacs(some: readonly Mac[], others: readonly Mac[]): boolean {
  return some.length > 0 && some.join() === others.join();
}

/** Permanent addresses that a member is known by: as the bonding driver and as the NIC itself tell it. */
function ownMacs({ name, mac }: ProcMember, { links }: NetworkReport): Mac[] {
  const permanentMac = links.find((link) => link.name === name)?.permanentMac;
  return [permanentMac, mac].filter((each) => each !== undefined);
}

/** Their members keep their own addresses, but for the active one (bond_alb.c, alb_set_slave_mac_addr). */
const OWN_MACS: readonly BondMode[] = ["balance-tlb", "balance-alb"];

/** The outside knows a bond by one address, which is a member's own. */
function macDifferences(expected: PlannedBond, found: ProcBonding, report: NetworkReport): Difference[] {
  const bondMac = report.links.find(({ name }) => name === expected.name)?.mac;
  if (bondMac === undefined) return [];
  const own = [...expected.members.map(({ mac }) => mac), ...found.members.flatMap((each) => ownMacs(each, report))];
  const foreign = own.includes(bondMac)
    ? []
    : [{ what: `the address of ${expected.name}, ${bondMac}, is no member's own`, todo: CORRECT }];
  const { mode, fail_over_mac = "none" } = expected;
  if (OWN_MACS.includes(mode) || fail_over_mac !== "none") return foreign;
  const unlike = found.members.flatMap(({ name }) => {
    const mac = report.links.find((link) => link.name === name)?.mac;
    return mac === undefined || mac === bondMac ? [] : [{ name, mac }];
  });
  return [
    ...foreign,
    ...unlike.map(({ name, mac }) => ({
      what: `${name} has the address ${mac}, and ${expected.name} has ${bondMac}`,
      todo: "take it out of the bond and put it back in; some NICs need `fail_over_mac: active`",
    })),
  ];
}

function deviceDifferences(device: Device, plan: NetworkPlan, report: NetworkReport): Difference[] {
  const link = findLink(device.name, plan.nics, report.links);
  if (link === undefined) {
    if (report.links.length === 0 || device.name === plan.bond?.name) return [];
    const what = device.vlan
      ? `VLAN device ${device.name} is missing`
      : `there is no NIC ${macOf(device.name, plan.nics)}`;
    return [{ what, todo: CORRECT }];
  }
  return [
    ...linkDifferences(device, link, plan, report),
    ...(report.addresses.length === 0 ? [] : addressDifferences(device.addressing, link, report)),
    ...routeDifferences(device.addressing, report),
  ];
}

/** NICs may be called otherwise than the plan does: they are known by their addresses. */
function findLink(name: string, nics: readonly Nic[], links: readonly Link[]): Link | undefined {
  const nic = nics.find((each) => each.name === name);
  if (nic === undefined) return links.find((link) => link.name === name);
  return links.find(({ parent, mac, permanentMac }) => parent === undefined && (permanentMac ?? mac) === nic.mac);
}

function macOf(name: string, nics: readonly Nic[]): string {
  return nics.find((nic) => nic.name === name)?.mac ?? name;
}

function linkDifferences({ vlan, mtu }: Device, link: Link, plan: NetworkPlan, { links }: NetworkReport): Difference[] {
  const differences: Difference[] = [];
  const parent = vlan && findLink(vlan.parent, plan.nics, links)?.name;
  if (parent !== undefined && link.parent !== parent) {
    differences.push({ what: `${link.name} lies on ${link.parent ?? "nothing"}, not on ${parent}`, todo: CORRECT });
  }
  if (mtu !== undefined && link.mtu !== mtu) {
    differences.push({ what: `the MTU of ${link.name} is ${link.mtu ?? "not shown"}, not ${mtu}`, todo: CORRECT });
  }
  return differences;
}

function addressDifferences(addressing: Addressing, { name }: Link, { addresses }: NetworkReport): Difference[] {
  const onDevice = addresses.filter(({ device }) => device === name);
  if (addressing.kind === "none") return [];
  if (addressing.kind === "dhcp") {
    if (onDevice.length > 0) return [];
    return [{ what: `${name} has no address`, todo: "see that a DHCP server answers in that network" }];
  }
  const { address, prefix } = addressing;
  const found = onDevice.find((each) => each.address === address);
  if (found?.prefix === prefix) return [];
  const elsewhere = addresses.find((each) => each.address === address);
  if (found) return [{ what: `${address} on ${name} is a /${found.prefix}, not a /${prefix}`, todo: CORRECT }];
  if (elsewhere) return [{ what: `${address} is on ${elsewhere.device}, not on ${name}`, todo: CORRECT }];
  return [{ what: `${name} lacks its address ${address}/${prefix}`, todo: CORRECT }];
}

function routeDifferences(addressing: Addressing, { routes, missing }: NetworkReport): Difference[] {
  if (addressing.kind !== "static" || addressing.router === undefined || missing.includes("the routes")) return [];
  const { router } = addressing;
  if (routes.some(({ to, via }) => to === "default" && via === router)) return [];
  return [{ what: `there is no default route by ${router}`, todo: CORRECT }];
}
