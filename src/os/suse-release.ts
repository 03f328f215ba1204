/** What differs between the releases that AutoYaST installs. */
import type { BondSettings } from "../bond/model.ts";
import type { HostBond } from "../site/model.ts";

/** `15.6`, `12.5`, `10.4`; `15` is the first of its line. */
export interface SuseRelease {
  readonly major: number;
  /** Service pack. */
  readonly minor: number;
}

const OLDEST = 10;
const NEWEST = 15;

export function parseRelease(release: string): SuseRelease | undefined {
  const [, major, minor = "0"] = /^(\d{2})(?:\.(\d{1,2}))?$/.exec(release) ?? [];
  const parsed = { major: Number(major), minor: Number(minor) };
  return parsed.major >= OLDEST && parsed.major <= NEWEST ? parsed : undefined;
}

/** For a tree that `releaseProblem` has let pass. */
export function releaseOf(release: string): SuseRelease {
  return parseRelease(release) ?? { major: NEWEST, minor: 0 };
}

export function isSince({ major, minor }: SuseRelease, since: SuseRelease): boolean {
  return major > since.major || (major === since.major && minor >= since.minor);
}

/** Why a tree of this release cannot be installed, and what to do; undefined = it can. */
export function releaseProblem(release: string): string | undefined {
  if (parseRelease(release)) return undefined;
  if (/^16(\.\d+)?$/.test(release)) return `release ${release} has Agama in place of AutoYaST: write \`family: agama\``;
  return `release ${release} is not known: write version and service pack as in 15.6, ${OLDEST} to ${NEWEST}`;
}

/** First release whose kernel has an option or a value of it: 2.6.16, 2.6.27, 2.6.32, 3.12, 4.4, 5.14. */
const SINCE: ReadonlyArray<{
  readonly key: keyof BondSettings;
  readonly value?: RegExp;
  readonly since: SuseRelease;
}> = [
  { key: "arp_validate", since: { major: 11, minor: 0 } },
  { key: "arp_validate", value: /^filter/, since: { major: 12, minor: 2 } },
  { key: "fail_over_mac", since: { major: 11, minor: 0 } },
  { key: "num_grat_arp", since: { major: 11, minor: 1 } },
  { key: "ad_select", since: { major: 11, minor: 1 } },
  { key: "primary_reselect", since: { major: 11, minor: 1 } },
  { key: "min_links", since: { major: 12, minor: 0 } },
  { key: "xmit_hash_policy", value: /^layer2\+3/, since: { major: 11, minor: 0 } },
  { key: "xmit_hash_policy", value: /^encap/, since: { major: 12, minor: 2 } },
  { key: "xmit_hash_policy", value: /^vlan/, since: { major: 15, minor: 4 } },
];

/** Settings of the bond that the release's kernel does not have, as `key: value`. */
export function kernelLacks(bond: HostBond, release: SuseRelease): readonly string[] {
  const lacking = SINCE.filter(({ key, value = /^/, since }) => {
    const wish = bond[key];
    return wish !== undefined && value.test(String(wish)) && !isSince(release, since);
  });
  return [...new Set(lacking.map(({ key }) => `${key}: ${bond[key]}`))];
}
