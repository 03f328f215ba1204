/** What no single value shows: whether the parts of a site file fit together. */
import { checkHosts } from "./check-hosts.ts";
import { checkServers } from "./check-servers.ts";
import { checkSubnets } from "./check-subnets.ts";
import type { SiteDraft } from "./draft.ts";
import { suggestion } from "./nearest.ts";
import { type Finding, quote } from "./problem.ts";

/** In no order; nothing is said about keys that are absent from the draft. */
export function checkSite(draft: SiteDraft): Finding[] {
  const { unknown: _misnamed, ...rest } = draft;
  const unknown = checkUnknown(draft);
  // A misspelt policy says nothing about whether pools are used.
  const sound = unknown.length > 0 ? rest : draft;
  return [...unknown, ...checkSubnets(sound), ...checkServers(sound), ...checkProfiles(sound), ...checkHosts(sound)];
}

const POLICIES = ["ignore", "discover"];

function checkUnknown({ unknown, profiles }: SiteDraft): Finding[] {
  const known = [...POLICIES, ...Object.keys(profiles)];
  if (unknown === undefined || known.includes(unknown)) return [];
  return [{ path: ["unknown"], what: `no profile is called ${quote(unknown)}`, todo: suggestion(unknown, known) }];
}

function checkProfiles({ profiles, trees }: SiteDraft): Finding[] {
  const known = Object.keys(trees);
  return Object.entries(profiles).flatMap(([name, profile]) => {
    const path = ["profiles", name];
    const findings: Finding[] = [];
    if (POLICIES.includes(name)) {
      const what = `a profile cannot be called ${name}, which means something else under \`unknown\``;
      findings.push({ path, at: "key", what, todo: "give it another name" });
    }
    if (profile.tree !== undefined && !Object.hasOwn(trees, profile.tree)) {
      const what = `no tree is called ${quote(profile.tree)}`;
      findings.push({ path: [...path, "tree"], what, todo: suggestion(profile.tree, known) });
    }
    return findings;
  });
}
