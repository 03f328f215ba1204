/**
 * Reads /proc/net/bonding/<bond> as kernels 2.6 to 6.x write it (Linux drivers/net/bonding/bond_procfs.c, before 3.0
 * bond_main.c). Lines are found by their key, as every release has added some: a copied text may have lost its blank
 * lines or indentation, or have got carriage returns.
 */
import { type Ipv4, type Mac, parseIpv4, parseMac } from "../base/address.ts";
import {
  AD_SELECT,
  BOND_MODES,
  type BondMode,
  type BondSettings,
  FAIL_OVER_MAC,
  LACP_RATES,
  PRIMARY_RESELECT,
  XMIT_HASH_POLICIES,
} from "./model.ts";
import {
  type BondLines,
  type Fields,
  isDeviceName,
  linesLeft,
  type MemberLines,
  NO_AGGREGATOR,
  oneOf,
  readNumber,
  splitLines,
  splitList,
  takeField as take,
} from "./proc-lines.ts";

/** `going down` and `going back`: during `downdelay` and `updelay`. */
const LINK_STATUS = ["up", "down", "going down", "going back"] as const;
export type LinkStatus = (typeof LINK_STATUS)[number] | "unknown";

const CHURN = ["none", "monitoring", "churned", "unknown"] as const;

export interface ProcBonding {
  readonly kind: "bond";
  /** Of the driver, from kernel 5.10 on of the kernel: `3.7.1`, `6.12.101+deb13-amd64`. */
  readonly driver?: string;
  /** What the text says of them. `fail_over_mac` is `none` where active-backup does not say otherwise. */
  readonly settings: BondSettings;
  readonly status: LinkStatus;
  /** Device names. */
  readonly primary?: string;
  readonly active?: string;
  /** Milliseconds between the announcements after a switch-over, from kernel 5.3 on. */
  readonly peerNotifyDelay?: number;
  /** ARP requests in a row without an answer before a member counts as down, from kernel 5.17 on. */
  readonly arpMissedMax?: number;
  /** IPv6 neighbours asked beside the ARP targets. */
  readonly nsTargets?: readonly string[];
  /** In mode 802.3ad. */
  readonly lacp?: ProcLacp;
  /** In the order they joined. */
  readonly members: readonly ProcMember[];
  /** Lines that are not understood: from a later kernel, or a damaged text. */
  readonly unknown: readonly string[];
  /** What is missing, when the text ends in its middle: `Link Failure Count of eth1`. */
  readonly truncated?: string;
}

export interface ProcMember {
  readonly name: string;
  readonly status: LinkStatus;
  /** Mb/s. */
  readonly speed?: number;
  readonly duplex?: "full" | "half";
  /** How often its link was lost since it joined. */
  readonly failures?: number;
  /** Its own address, as it was when it joined. Absent: an old driver, or not Ethernet. */
  readonly mac?: Mac;
  readonly queue?: number;
  /** In mode 802.3ad; absent = none. */
  readonly aggregator?: number;
  readonly actor?: LacpSide;
  readonly partner?: LacpSide;
}

export interface ProcLacp {
  /** Does this side send first? */
  readonly active?: boolean;
  readonly systemPriority?: number;
  readonly system?: Mac;
  /** The one that carries the traffic. Absent: the text was not read by root. */
  readonly aggregator?: Aggregator | "none";
}

export interface Aggregator {
  readonly id: number;
  readonly ports?: number;
  readonly actorKey?: number;
  readonly partnerKey?: number;
  /** All zeros: nobody answers. */
  readonly partner?: Mac;
}

/** One end of a member's link. All but the churn is shown to root alone. */
export interface LacpSide {
  readonly churn?: (typeof CHURN)[number];
  readonly churned?: number;
  readonly systemPriority?: number;
  readonly system?: Mac;
  readonly key?: number;
  readonly portPriority?: number;
  readonly port?: number;
  /** Bits of IEEE 802.1AX-2014 section 6.4.2.3, see LACP_STATE. */
  readonly state?: number;
}

/** The text is not one bond's. */
export interface RefusedBonding {
  readonly kind: "refused";
  readonly why: string;
}

/** A bond of 400 members stays below it. */
const MOST_CHARACTERS = 256 * 1024;

/** By the kernel's number, as BOND_MODES. */
const MODE_TEXTS = [
  "load balancing (round-robin)",
  "fault-tolerance (active-backup)",
  "load balancing (xor)",
  "fault-tolerance (broadcast)",
  "IEEE 802.3ad Dynamic link aggregation",
  "transmit load balancing",
  "adaptive load balancing",
];

export function parseProcBonding(text: string): ProcBonding | RefusedBonding {
  if (text.length > MOST_CHARACTERS) return refused("it is too long for the text of a bond");
  if ((text.match(/^[ \t]*Bonding Mode:/gm)?.length ?? 0) > 1) return refused("it holds more than one bond");
  const lines = splitLines(text);
  const modeText = lines.bond.get("Bonding Mode");
  if (modeText === undefined) return refused("it has no line `Bonding Mode`");
  const mode = take(lines.bond, "Bonding Mode", readMode);
  if (mode === undefined) return refused(`its mode is not known: ${printable(modeText)}`);
  return readBond(lines, mode);
}

function readBond({ bond, members: blocks, odd }: BondLines, mode: ReadMode): ProcBonding {
  const truncated = findTruncation(bond, blocks, mode.mode);
  const primary = take(bond, "Primary Slave", readPrimary);
  const active = take(bond, "Currently Active Slave", readName);
  const members = blocks.filter(({ name }) => isDeviceName(name)).map(({ name, fields }) => readMember(name, fields));
  return present<ProcBonding>({
    kind: "bond",
    driver: take(bond, "Ethernet Channel Bonding Driver", (value) => /^v?([^\s(\p{Cc}]{1,80})/u.exec(value)?.[1]),
    settings: readSettings(bond, mode, primary?.reselect),
    status: take(bond, "MII Status", oneOf(LINK_STATUS)) ?? "unknown",
    primary: primary?.name,
    active: active?.name,
    peerNotifyDelay: take(bond, "Peer Notification Delay (ms)", readNumber),
    arpMissedMax: take(bond, "ARP Missed Max", readNumber),
    nsTargets:
      take(bond, "NS IPv6 target/s (xx::xx form)", readNsTargets) ??
      take(bond, "NS IPv6 target/s (XX::XX form)", readNsTargets),
    lacp: mode.mode === "802.3ad" ? readLacp(bond) : undefined,
    members,
    unknown: [...odd, ...[bond, ...blocks.map(({ fields }) => fields)].flatMap(linesLeft)],
    truncated,
  });
}

function readSettings(bond: Fields, mode: ReadMode, reselect: BondSettings["primary_reselect"]): BondSettings {
  const policy = (value: string) => oneOf(XMIT_HASH_POLICIES)(value.replace(/ \(\d+\)$/, ""));
  return present<BondSettings>({
    mode: mode.mode,
    miimon: take(bond, "MII Polling Interval (ms)", readNumber),
    updelay: take(bond, "Up Delay (ms)", readNumber),
    downdelay: take(bond, "Down Delay (ms)", readNumber),
    arp_interval: take(bond, "ARP Polling Interval (ms)", readNumber),
    arp_ip_target: take(bond, "ARP IP target/s (n.n.n.n form)", readTargets),
    primary_reselect: reselect,
    fail_over_mac: mode.failOverMac,
    lacp_rate: take(bond, "LACP rate", oneOf(LACP_RATES)),
    xmit_hash_policy: take(bond, "Transmit Hash Policy", policy),
    ad_select: take(bond, "Aggregator selection policy (ad_select)", oneOf(AD_SELECT)),
    min_links: take(bond, "Min links", readNumber),
  });
}

function readLacp(bond: Fields): ProcLacp {
  const id = take(bond, "Aggregator ID", readNumber);
  const aggregator =
    id === undefined
      ? undefined
      : present<Aggregator>({
          id,
          ports: take(bond, "Number of ports", readNumber),
          actorKey: take(bond, "Actor Key", readNumber),
          partnerKey: take(bond, "Partner Key", readNumber),
          partner: take(bond, "Partner Mac Address", parseMac),
        });
  return present<ProcLacp>({
    active: take(bond, "LACP active", readSwitch),
    systemPriority: take(bond, "System priority", readNumber),
    system: take(bond, "System MAC address", parseMac),
    aggregator: take(bond, NO_AGGREGATOR, () => "none" as const) ?? aggregator,
  });
}

function readMember(name: string, fields: Fields): ProcMember {
  const aggregator = take(fields, "Aggregator ID", (value) => (value === "N/A" ? "none" : readNumber(value)));
  return present<ProcMember>({
    name,
    status: take(fields, "MII Status", oneOf(LINK_STATUS)) ?? "unknown",
    speed: known(take(fields, "Speed", readSpeed)),
    duplex: known(take(fields, "Duplex", oneOf(["full", "half", "Unknown"]))),
    failures: take(fields, "Link Failure Count", readNumber),
    mac: take(fields, "Permanent HW addr", parseMac),
    queue: take(fields, "Slave queue ID", readNumber),
    aggregator: aggregator === "none" ? undefined : aggregator,
    actor: readSide(fields, "Actor", "actor", "port key"),
    partner: readSide(fields, "Partner", "partner", "oper key"),
  });
}

function readSide(fields: Fields, title: string, side: string, key: string): LacpSide | undefined {
  const read = present<LacpSide>({
    churn: take(fields, `${title} Churn State`, oneOf(CHURN)),
    churned: take(fields, `${title} Churned Count`, readNumber),
    systemPriority: take(fields, `${side} system priority`, readNumber),
    system: take(fields, `${side} system mac address`, parseMac),
    key: take(fields, `${side} ${key}`, readNumber),
    portPriority: take(fields, `${side} port priority`, readNumber),
    port: take(fields, `${side} port number`, readNumber),
    state: take(fields, `${side} port state`, readNumber),
  });
  return Object.keys(read).length > 0 ? read : undefined;
}

const IN_EVERY_BOND = ["MII Status", "MII Polling Interval (ms)", "Up Delay (ms)", "Down Delay (ms)"];
const IN_EVERY_MEMBER = ["MII Status", "Link Failure Count"];
/** Added by later kernels: then every member has them. */
const IN_ALL_OR_NONE = ["Permanent HW addr", "Slave queue ID", "Aggregator ID"];

function findTruncation(bond: Fields, members: readonly MemberLines[], mode: BondMode): string | undefined {
  const lacking = [...IN_EVERY_BOND, ...(mode === "802.3ad" ? ["LACP rate"] : [])].find((key) => !bond.has(key));
  if (lacking !== undefined) return `${lacking} of the bond`;
  const later = IN_ALL_OR_NONE.filter((key) => members[0]?.fields.has(key));
  const gaps = members.flatMap(({ name, fields }) => {
    if (!isDeviceName(name)) return ["name of a member"];
    return [...IN_EVERY_MEMBER, ...later].filter((key) => !fields.has(key)).map((key) => `${key} of ${name}`);
  });
  return gaps[0];
}

interface ReadMode {
  readonly mode: BondMode;
  readonly failOverMac: BondSettings["fail_over_mac"];
}

/** Kernels 2.6.24 and 2.6.25 write `(fail_over_mac)` alone: it was a switch then. */
function readMode(value: string): ReadMode | undefined {
  const [, text = "", isOn, policy = "active"] = /^(.*?)( \(fail_over_mac ?(\w+)?\))?$/.exec(value) ?? [];
  const mode = BOND_MODES[MODE_TEXTS.indexOf(text)];
  if (mode === undefined) return undefined;
  if (mode !== "active-backup") return { mode, failOverMac: undefined };
  return { mode, failOverMac: isOn === undefined ? "none" : oneOf(FAIL_OVER_MAC)(policy) };
}

function readPrimary(
  value: string,
): { name: string | undefined; reselect: BondSettings["primary_reselect"] } | undefined {
  const [, text = "", policy = ""] = /^(\S+)(?: \(primary_reselect (\w+)\))?$/.exec(value) ?? [];
  const name = readName(text);
  return name && { ...name, reselect: oneOf(PRIMARY_RESELECT)(policy) };
}

function readName(value: string): { name: string | undefined } | undefined {
  if (value === "None") return { name: undefined };
  return isDeviceName(value) ? { name: value } : undefined;
}

function readSpeed(value: string): number | "Unknown" | undefined {
  return value === "Unknown" ? value : readNumber(value.replace(/ Mbps$/, ""));
}

function known<T>(value: T | "Unknown"): T | undefined {
  return value === "Unknown" ? undefined : value;
}

function readSwitch(value: string): boolean | undefined {
  return value === "on" || value === "off" ? value === "on" : undefined;
}

function readTargets(value: string): Ipv4[] | undefined {
  const targets = splitList(value).map(parseIpv4);
  return targets.every((target) => target !== undefined) ? targets : undefined;
}

function readNsTargets(value: string): string[] | undefined {
  const targets = splitList(value);
  return targets.every((target) => /^[0-9a-f:.]+$/i.test(target)) ? targets : undefined;
}

function refused(why: string): RefusedBonding {
  return { kind: "refused", why };
}

function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, " ").slice(0, 80);
}

/** Without the entries that are undefined. */
function present<T extends object>(entries: { readonly [K in keyof T]: T[K] | undefined }): T {
  return Object.fromEntries(Object.entries(entries).filter(([, value]) => value !== undefined)) as T;
}
