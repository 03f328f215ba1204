/** What another site file changes, and how the servers take it, in words. Pure. */
import { formatCidr } from "../base/address.ts";
import { siteChange } from "../cluster/site-change.ts";
import type { SiteReport } from "../server/boot/operations.ts";
import type { Host, Profile, Site, Subnet } from "../site/model.ts";

/** Names of what comes, goes and changes in one part of the site file. */
export interface PartChange {
  readonly part: string;
  readonly added: readonly string[];
  readonly changed: readonly string[];
  readonly removed: readonly string[];
}

/** Parts that differ. A profile or tree that changes does not count again with the hosts that have it. */
export function partChanges(before: Site, after: Site): PartChange[] {
  return [
    compare("servers", before.servers, after.servers, JSON.stringify),
    compare("subnets", byCidr(before), byCidr(after), JSON.stringify),
    compare("trees", before.trees, after.trees, JSON.stringify),
    compare("profiles", before.profiles, after.profiles, profileText),
    compare("hosts", before.hosts, after.hosts, hostText),
    compare("settings", settings(before), settings(after), JSON.stringify),
  ].filter(({ added, changed, removed }) => added.length + changed.length + removed.length > 0);
}

export function changeText(before: Site, after: Site): string[] {
  const parts = partChanges(before, after).map(partText);
  return [
    ...(parts.length === 0 ? ["nothing changes but the text"] : parts),
    ...(siteChange(before, after) === "restart" ? [restartText(after)] : []),
  ];
}

function restartText({ servers }: Site): string {
  return servers.size > 1
    ? "the servers change: each restarts, one after the other; what it sends goes on at another one"
    : "the server changes: it restarts, and what it sends at that moment breaks off";
}

export type ServerReport = SiteReport["servers"][number];

/** `trouble` is the asked server's own. */
export function serverText(each: ServerReport, { number, revision, server, trouble }: SiteReport): string {
  const { name, alive, serves } = each;
  if (serves?.revision === revision) return `${name} serves revision ${number}`;
  if (!alive) return `${name} is away: it takes revision ${number} when it is back`;
  if (name === server && trouble !== undefined) return `${name} does not serve revision ${number}: ${trouble}`;
  if (serves === undefined) return `${name} has not told what it serves: see \`everboot cluster status\``;
  const old = serves.number === undefined ? "another site file" : `revision ${serves.number}`;
  return `${name} still serves ${old}: see \`everboot cluster status\`, and its log`;
}

/** Names that are listed; the others are counted. */
const MOST_NAMES = 8;

function partText({ part, added, changed, removed }: PartChange): string {
  const kinds = [
    [added, "added"],
    [changed, "changed"],
    [removed, "removed"],
  ] as const;
  const words = kinds.flatMap(([names, verb]) =>
    names.length > 0 ? [`${names.length} ${verb} (${list(names)})`] : [],
  );
  return `${part}: ${words.join(", ")}`;
}

function list(names: readonly string[]): string {
  const shown = names.slice(0, MOST_NAMES).join(", ");
  return names.length > MOST_NAMES ? `${shown}, ...` : shown;
}

function compare<T>(
  part: string,
  before: ReadonlyMap<string, T>,
  after: ReadonlyMap<string, T>,
  textOf: (thing: T) => string,
): PartChange {
  const isSame = (name: string, thing: T) => {
    const old = before.get(name);
    return old !== undefined && textOf(old) === textOf(thing);
  };
  return {
    part,
    added: [...after.keys()].filter((name) => !before.has(name)),
    changed: [...after].filter(([name, thing]) => before.has(name) && !isSame(name, thing)).map(([name]) => name),
    removed: [...before.keys()].filter((name) => !after.has(name)),
  };
}

function byCidr({ subnets }: Site): ReadonlyMap<string, Subnet> {
  return new Map(subnets.map((subnet) => [formatCidr(subnet.cidr), subnet]));
}

function settings({ unknown, balance, names, etcd }: Site): ReadonlyMap<string, unknown> {
  const shown = unknown.kind === "profile" ? unknown.profile.name : unknown.kind;
  return new Map<string, unknown>([
    ["unknown", shown],
    ["balance", balance],
    ["names", names],
    ["state", etcd ?? []],
  ]);
}

function profileText({ tree, ...profile }: Profile): string {
  return JSON.stringify({ ...profile, tree: tree.name });
}

function hostText({ profile, subnet, ...host }: Host): string {
  return JSON.stringify({ ...host, profile: profile.name, subnet: subnet.cidr });
}
