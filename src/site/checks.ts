/** What no single value shows: whether the parts of a site file fit together. */
import { checkHosts } from "./check-hosts.ts";
import { checkServers } from "./check-servers.ts";
import { checkSubnets } from "./check-subnets.ts";
import type { SiteDraft } from "./draft.ts";
import { suggestion } from "./nearest.ts";
import { type Finding, quote, type SitePath } from "./problem.ts";
import type { ProfileEntry } from "./schema.ts";

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

function checkProfiles(draft: SiteDraft): Finding[] {
  const { profiles, trees } = draft;
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
    return [...findings, ...checkDisk([...path, "disk"], profile.disk), ...checkVia([...path, "via"], profile, draft)];
  });
}

/** Whichever server answers a machine must serve by what its profile says. */
function checkVia(path: SitePath, { via, tree }: Partial<ProfileEntry>, { servers, trees }: SiteDraft): Finding[] {
  const without = Object.entries(servers).flatMap(([name, server]) => (server.ftp ? [] : [name]));
  if (via === "ftp" && without.length > 0) {
    const what = `\`via: ftp\`, and ${without.join(", ")} ${without.length === 1 ? "does" : "do"} not serve by FTP`;
    return [{ path, what, todo: "set `ftp: true` for every server, or leave `via` out" }];
  }
  if (via !== "nfs" || tree === undefined || !isMirror(trees[tree])) return [];
  const what = `tree ${tree} is a mirror, whose files are not there before they are asked for by HTTP or FTP`;
  return [{ path, what, todo: "leave `via` out, or import the tree" }];
}

function isMirror(tree: unknown): boolean {
  return typeof tree === "object" && tree !== null && "upstream" in tree;
}

function checkDisk(path: SitePath, disk: ProfileEntry["disk"] | undefined): Finding[] {
  if (!disk) return [];
  const findings: Finding[] = [];
  const { layout, device, keep } = disk;
  const add = (key: string, what: string, todo: string) => findings.push({ path: [...path, key], what, todo });
  if (layout === "raid1" && typeof device === "string" && device !== "auto") {
    add(
      "device",
      "layout raid1 takes two disks, and this is one",
      "list two as in [/dev/sda, /dev/sdb], or write auto",
    );
  }
  if (layout !== "raid1" && typeof device !== "string") {
    add("device", `layout ${layout} takes one disk, and these are two`, "name one, or choose `layout: raid1`");
  }
  if (typeof device !== "string" && device[0] === device[1]) add("device", "the two disks are one", "name two disks");
  if (layout === "raid1" && keep.length > 0) {
    add(
      "keep",
      "layout raid1 takes both disks whole: nothing can be kept",
      "leave `keep` out, or choose another layout",
    );
  }
  const mounts = keep.map(({ mount }) => mount);
  const twice = mounts.findIndex((mount, index) => mounts.indexOf(mount) < index);
  if (twice >= 0) add("keep", `two partitions cannot both be mounted at ${mounts[twice]}`, "choose another `mount`");
  return findings;
}
