/** A host's bond: its members are the host's own NICs, and the kernel takes its settings. */
import type { Mac } from "../base/address.ts";
import { vlanName } from "../bond/model.ts";
import { type BondFinding, bondFaults, bondHints, bondWarnings } from "../bond/rules.ts";
import { bondLevels, type MergedBond, mergeBond } from "./bond-policy.ts";
import type { SiteDraft } from "./draft.ts";
import type { Finding, Severity } from "./problem.ts";
import type { HostEntry, SiteEntry } from "./schema.ts";

type Host = Partial<HostEntry>;

export function checkBond(host: string, entry: Host, draft: SiteDraft): Finding[] {
  const { nics } = entry;
  const merged = nics && mergeBond(bondLevels(host, entry, draft), nics);
  if (!merged) return [];
  const members = [...new Set(merged.entry.members ?? nics)];
  return [
    ...checkMembers(host, nics, merged, members),
    ...checkPrimary(merged, members),
    ...checkVlans(merged),
    ...checkNames(merged),
    ...bondFaults(merged.entry, members.length).map((fault) => findingAt(merged, fault)),
  ];
}

function checkMembers(host: string, nics: readonly Mac[], merged: MergedBond, members: readonly Mac[]): Finding[] {
  const path = merged.pathOf("members");
  const findings: Finding[] = members.flatMap((mac, index) => {
    if (nics.includes(mac)) return [];
    return [{ path: [...path, index], what: `${mac} is no NIC of host ${host}`, todo: "list it in `nics`" }];
  });
  if (members.length >= 2) return findings;
  const what = `a bond joins two NICs or more, and this one has ${members.length}`;
  const todo = merged.entry.members ? "add members" : "list more `nics`, or leave `bond` out";
  return [...findings, { path, at: "key", what, todo }];
}

function checkPrimary({ entry: { primary }, pathOf }: MergedBond, members: readonly Mac[]): Finding[] {
  if (primary === undefined || members.includes(primary)) return [];
  const todo = `choose one of ${members.join(", ")}`;
  return [{ path: pathOf("primary"), what: `${primary} is no member of this bond`, todo }];
}

/** Longest device name: IFNAMSIZ in linux/if.h, without its NUL. */
const LONGEST_NAME = 15;

function checkNames({ entry: { device = "bond0", vlan, vlans = [] }, pathOf }: MergedBond): Finding[] {
  const longest = [...(vlan === undefined ? [] : [vlan]), ...vlans.map(({ id }) => id)]
    .map((id) => vlanName(device, id))
    .find((name) => name.length > LONGEST_NAME);
  if (longest === undefined) return [];
  const what = `the VLAN's device ${longest} would have more than ${LONGEST_NAME} characters`;
  return [{ path: pathOf("device"), what, todo: "choose a shorter `device`" }];
}

function checkVlans({ entry: { vlan, vlans = [] }, pathOf }: MergedBond): Finding[] {
  const path = pathOf("vlans");
  const seen = new Set(vlan === undefined ? [] : [vlan]);
  const gateway = vlans.findIndex(({ router }) => router !== undefined);
  return vlans.flatMap(({ id, address, router }, index): Finding[] => {
    const isTwice = seen.has(id);
    seen.add(id);
    return [
      ...(isTwice ? [{ path: [...path, index, "id"], what: `VLAN ${id} is listed twice`, todo: "list it once" }] : []),
      ...(router !== undefined && address === undefined
        ? [
            {
              path: [...path, index, "router"],
              what: "DHCP tells the router here",
              todo: "leave it out, or add `address`",
            },
          ]
        : []),
      ...(router !== undefined && index > gateway
        ? [
            {
              path: [...path, index, "router"],
              what: "there is one default gateway, and another VLAN has it",
              todo: "leave it out",
            },
          ]
        : []),
    ];
  });
}

function findingAt(merged: MergedBond, { key, what, todo }: BondFinding, severity?: Severity): Finding {
  return { path: merged.pathOf(key), at: "key", what, todo, ...(severity && { severity }) };
}

/** What the kernel takes and the rack may not. Each thing once, where it is said, with the hosts that it is about. */
export function bondAdvice(site: SiteEntry): Finding[] {
  const about = new Map<string, { readonly finding: Finding; readonly hosts: string[] }>();
  for (const [name, host] of Object.entries(site.hosts)) {
    for (const finding of adviceFor(name, host, site)) {
      const key = JSON.stringify([finding.path, finding.what]);
      const known = about.get(key) ?? { finding, hosts: [] };
      known.hosts.push(name);
      about.set(key, known);
    }
  }
  return [...about.values()].map(({ finding, hosts }) => ({ ...finding, what: `${listed(hosts)}: ${finding.what}` }));
}

function adviceFor(name: string, host: HostEntry, site: SiteEntry): Finding[] {
  const merged = mergeBond(bondLevels(name, host, site), host.nics);
  if (!merged) return [];
  return [
    ...bondWarnings(merged.entry).map((advice) => findingAt(merged, advice, "warning")),
    ...bondHints(merged.entry).map((advice) => findingAt(merged, advice, "hint")),
  ];
}

function listed(hosts: readonly string[]): string {
  if (hosts.length <= 3) return `bond of ${hosts.join(", ")}`;
  return `bond of ${hosts.slice(0, 2).join(", ")} and ${hosts.length - 2} more`;
}
