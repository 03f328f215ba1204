/**
 * What the kernel's bonding driver refuses, and what boots or runs badly (Linux drivers/net/bonding/bond_options.c and
 * Documentation/networking/bonding.rst; the switch's part: research on PXE with LACP).
 */
import { BOND_MODES, type BondMode, type BondSettings } from "./model.ts";

/** A setting by the key that the site file uses. */
export type BondKey = keyof BondSettings | "primary";

export interface BondFinding {
  readonly key: BondKey;
  readonly what: string;
  readonly todo: string;
}

/** As it is checked: what is absent was not said. */
export type BondWish = Partial<BondSettings> & { readonly primary?: unknown };

const MOST_TARGETS = 16;

/** Modes that have the option; options that are not listed are taken in every mode. */
const MODES_OF: Readonly<Partial<Record<BondKey, readonly BondMode[]>>> = {
  arp_interval: ["balance-rr", "active-backup", "balance-xor", "broadcast"],
  arp_ip_target: ["balance-rr", "active-backup", "balance-xor", "broadcast"],
  arp_validate: ["balance-rr", "active-backup", "balance-xor", "broadcast"],
  primary: ["active-backup", "balance-tlb", "balance-alb"],
  primary_reselect: ["active-backup", "balance-tlb", "balance-alb"],
  lacp_rate: ["802.3ad"],
};

/** Taken by the driver in every mode, and read in these alone. */
const MODES_WITH_EFFECT: Readonly<Partial<Record<BondKey, readonly BondMode[]>>> = {
  fail_over_mac: ["active-backup"],
  num_grat_arp: ["active-backup"],
  xmit_hash_policy: ["balance-xor", "802.3ad", "balance-tlb"],
  ad_select: ["802.3ad"],
  min_links: ["802.3ad"],
};

export const MII_KEYS = ["miimon", "updelay", "downdelay"] as const satisfies readonly BondKey[];
export const ARP_KEYS = ["arp_interval", "arp_ip_target", "arp_validate"] as const satisfies readonly BondKey[];

/** Would the driver take this option in this mode, and read it? */
export function hasEffect(key: BondKey, mode: BondMode): boolean {
  return (MODES_OF[key]?.includes(mode) ?? true) && (MODES_WITH_EFFECT[key]?.includes(mode) ?? true);
}

/** Everything that the kernel refuses, or that would never come up with so many members. */
export function bondFaults(wish: BondWish & Pick<BondSettings, "mode">, members: number): BondFinding[] {
  return [...foreignOptions(wish), ...monitorFaults(wish), ...countFaults(wish, members)];
}

function foreignOptions(wish: BondWish & Pick<BondSettings, "mode">): BondFinding[] {
  return given(wish, MODES_OF)
    .filter(([, modes]) => !modes.includes(wish.mode))
    .map(([key, modes]) => ({
      key,
      what: `mode ${wish.mode} has no ${key}: the kernel refuses it`,
      todo: `leave it out, or choose a mode of ${modes.join(", ")}`,
    }));
}

function monitorFaults(wish: BondWish): BondFinding[] {
  return MONITOR_RULES.filter(({ key, broken }) => wish[key] !== undefined && broken(wish)).map(
    ({ key, what, todo }) => ({ key, what, todo }),
  );
}

const isArp = ({ arp_interval }: BondWish) => arp_interval !== undefined;

/** Asked of each key that was said. */
const MONITOR_RULES: ReadonlyArray<BondFinding & { readonly broken: (wish: BondWish) => boolean }> = [
  {
    key: "arp_interval",
    broken: ({ miimon }) => miimon !== undefined,
    what: "the kernel watches links by miimon or by arp_interval, not by both",
    todo: "leave one of them out",
  },
  {
    key: "arp_interval",
    broken: ({ arp_ip_target }) => !arp_ip_target?.length,
    what: "arp_interval needs somebody to ask",
    todo: "add `arp_ip_target`, the router first",
  },
  {
    key: "arp_ip_target",
    broken: (wish) => !isArp(wish),
    what: "arp_ip_target does nothing without arp_interval",
    todo: "add `arp_interval: 1000`",
  },
  {
    key: "arp_ip_target",
    broken: ({ arp_ip_target }) => (arp_ip_target?.length ?? 0) > MOST_TARGETS,
    what: `the kernel takes ${MOST_TARGETS} targets at most`,
    todo: "keep the nearest ones",
  },
  {
    key: "arp_validate",
    broken: (wish) => !isArp(wish),
    what: "arp_validate needs arp_interval",
    todo: "add `arp_interval: 1000` and `arp_ip_target`",
  },
  ...(["updelay", "downdelay"] as const).map((key) => ({
    key,
    broken: isArp,
    what: `${key} belongs to miimon, and this bond is watched by ARP`,
    todo: "leave it out",
  })),
];

function countFaults(wish: BondWish, members: number): BondFinding[] {
  if (wish.min_links === undefined || wish.min_links <= members) return [];
  const what = `min_links ${wish.min_links} is more than the ${members} members: the bond would never be up`;
  return [{ key: "min_links", what, todo: "lower it" }];
}

/** What works on paper and disappoints on the rack. */
export function bondWarnings(wish: BondWish & Pick<BondSettings, "mode">): BondFinding[] {
  return [...switchWarnings(wish.mode), ...idleOptions(wish), ...roundedDelays(wish)];
}

/** What could be better; said softly, since it holds for most bonds of this world. */
export function bondHints(wish: BondWish & Pick<BondSettings, "mode">): BondFinding[] {
  if (wish.miimon === undefined || !MODES_OF.arp_interval?.includes(wish.mode)) return [];
  const what =
    "miimon sees the cable to the switch only: when the switch's uplink fails, the bond believes all is well";
  return [{ key: "miimon", what, todo: "for more, use `arp_interval: 1000` with the router in `arp_ip_target`" }];
}

const STATIC_GROUP =
  "needs a static link group on the switch, which may send answers for the firmware to any member: network boot can fail at random";
const SWITCH_NEEDS: Readonly<Partial<Record<BondMode, readonly [what: string, todo: string]>>> = {
  "balance-rr": [STATIC_GROUP, "use active-backup or 802.3ad, or boot from a port outside the group"],
  "balance-xor": [STATIC_GROUP, "use active-backup or 802.3ad, or boot from a port outside the group"],
  broadcast: [STATIC_GROUP, "use active-backup or 802.3ad, or boot from a port outside the group"],
  "802.3ad": [
    "needs LACP on the switch, and firmware does not speak it: without LACP fall-back the port stays blocked at network boot",
    "switch on LACP fall-back (also called bypass, force-up, no suspend-individual) with at most 5 s",
  ],
};

function switchWarnings(mode: BondMode): BondFinding[] {
  const need = SWITCH_NEEDS[mode];
  return need ? [{ key: "mode", what: `mode ${mode} ${need[0]}`, todo: need[1] }] : [];
}

function idleOptions(wish: BondWish & Pick<BondSettings, "mode">): BondFinding[] {
  return given(wish, MODES_WITH_EFFECT)
    .filter(([, modes]) => !modes.includes(wish.mode))
    .map(([key, modes]) => ({
      key,
      what: `${key} has no effect in mode ${wish.mode}`,
      todo: `leave it out; it is for ${modes.join(", ")}`,
    }));
}

function roundedDelays(wish: BondWish): BondFinding[] {
  const { miimon } = wish;
  if (!miimon) return [];
  return (["updelay", "downdelay"] as const).flatMap((key) => {
    const delay = wish[key] ?? 0;
    if (delay % miimon === 0) return [];
    const rounded = delay - (delay % miimon);
    return [{ key, what: `the kernel makes ${rounded} of ${key} ${delay}`, todo: `write a multiple of ${miimon}` }];
  });
}

/** Settings that were said, of those that the table lists. */
function given(wish: BondWish, table: Readonly<Partial<Record<BondKey, readonly BondMode[]>>>) {
  return Object.entries(table).filter(([key]) => wish[key as BondKey] !== undefined) as Array<
    [BondKey, readonly BondMode[]]
  >;
}

/** Mode by its name or by the kernel's number for it. */
export function modeOf(value: string | number): BondMode | undefined {
  return BOND_MODES.find((name, number) => name === value || String(number) === String(value));
}
