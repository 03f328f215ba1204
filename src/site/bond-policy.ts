/** One host's bond from what the host, its profile and the site say of it: the nearer level wins, key by key. */
import type { Mac } from "../base/address.ts";
import type { BondMode, BondSettings } from "../bond/model.ts";
import { ARP_KEYS, hasEffect, MII_KEYS } from "../bond/rules.ts";
import type { BondEntry, BondPolicyEntry } from "./bond-schema.ts";
import type { HostBond } from "./model.ts";
import type { SitePath } from "./problem.ts";

/** A level that says something, nearest first: the host, its profile, the site. */
export interface BondLevel {
  readonly entry: BondEntry | BondPolicyEntry;
  readonly path: SitePath;
}

export interface MergedBond {
  readonly entry: Omit<BondEntry, "mode"> & { readonly mode: BondMode };
  /** Where a key was said; the nearest level itself for keys that nobody said. */
  pathOf(key: string): SitePath;
}

const DEFAULT_MIIMON = 100;

/** What is said of one host's bond; a name of no profile says nothing. */
export function bondLevels(
  name: string,
  host: { readonly bond?: BondEntry | undefined; readonly profile?: string | undefined },
  site: {
    readonly bond?: BondPolicyEntry | undefined;
    readonly profiles: Readonly<Record<string, { readonly bond?: BondPolicyEntry | undefined }>>;
  },
): BondLevel[] {
  const { profile = "" } = host;
  const policy = Object.hasOwn(site.profiles, profile) ? site.profiles[profile]?.bond : undefined;
  const level = (entry: BondEntry | BondPolicyEntry | undefined, path: SitePath) => (entry ? [{ entry, path }] : []);
  return [
    ...level(host.bond, ["hosts", name, "bond"]),
    ...level(policy, ["profiles", profile, "bond"]),
    ...level(site.bond, ["bond"]),
  ];
}

/** undefined = no bond: nobody wants one, `mode: none`, or a policy meets a host with a single NIC. */
export function mergeBond(levels: readonly BondLevel[], nics: readonly Mac[]): MergedBond | undefined {
  const [nearest] = levels;
  if (!nearest) return undefined;
  const isOwn = nearest.path[0] === "hosts";
  const mode = levels.find(({ entry }) => entry.mode !== undefined)?.entry.mode ?? "active-backup";
  if (mode === "none" || (nics.length < 2 && !isOwn)) return undefined;
  const said = new Map<string, { readonly value: unknown; readonly path: SitePath }>();
  for (const level of levels.toReversed()) takeLevel(said, level, mode);
  const watched = said.has("miimon") || said.has("arp_interval") ? {} : { miimon: DEFAULT_MIIMON };
  const entry = { ...Object.fromEntries([...said].map(([key, { value }]) => [key, value])), ...watched, mode };
  return {
    entry: entry as MergedBond["entry"],
    pathOf: (key) => (said.has(key) ? [...(said.get(key)?.path ?? []), key] : nearest.path),
  };
}

/**
 * A level's keys over those of the levels behind it. What those say of the other way to watch links, or what this
 * mode does not read, goes: a policy's `lacp_rate` means nothing to the host that says active-backup.
 */
function takeLevel(
  said: Map<string, { readonly value: unknown; readonly path: SitePath }>,
  { entry, path }: BondLevel,
  mode: BondMode,
): void {
  if (entry.mode !== undefined) dropKeys(said, (key) => !hasEffect(key, mode));
  const other = MII_KEYS.some((key) => entry[key] !== undefined) ? ARP_KEYS : undefined;
  const another = ARP_KEYS.some((key) => entry[key] !== undefined) ? MII_KEYS : undefined;
  for (const keys of [other, another]) dropKeys(said, (key) => keys?.some((name) => name === key) ?? false);
  for (const [key, value] of Object.entries(entry)) said.set(key, { value, path });
}

function dropKeys(said: Map<string, unknown>, unwanted: (key: keyof BondSettings) => boolean): void {
  for (const key of [...said.keys()]) if (unwanted(key as keyof BondSettings)) said.delete(key);
}

/** Checked before; members default to all NICs. */
export function toHostBond({ entry }: MergedBond, nics: readonly Mac[]): HostBond {
  const { device = "bond0", members = nics, vlans = [], ...rest } = entry;
  return { ...rest, device, members, vlans };
}
