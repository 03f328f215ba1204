/** The network stacks of a running machine that a bond can be written for, and what becomes of the files they have. */
import { parseDocument } from "yaml";
import { renderIfcfgRedhat } from "./ifcfg-redhat.ts";
import { renderIfcfgSuse } from "./ifcfg-suse.ts";
import { renderIfupdown } from "./ifupdown.ts";
import type { BondSettings, ConfigFile, NetworkPlan, StackRenderer } from "./model.ts";
import { renderModprobe } from "./modprobe.ts";
import { netplanLacks, renderNetplan } from "./netplan.ts";
import { networkdLacks, renderNetworkd } from "./networkd.ts";
import { renderNmconnection } from "./nmconnection.ts";

export const STACK_NAMES = [
  "ifupdown",
  "netplan",
  "networkd",
  "nmconnection",
  "ifcfg-redhat",
  "ifcfg-suse",
  "modprobe",
] as const;
export type StackName = (typeof STACK_NAMES)[number];

interface Stack {
  readonly render: StackRenderer;
  /** Absolute patterns of the files that are there already and may speak of the same devices. */
  readonly reads: readonly string[];
  /** What stays of such a file when the plan's devices are taken out of it; undefined = nothing. */
  readonly without: (text: string, names: PlanNames, path: string) => string | undefined;
}

interface PlanNames {
  /** Members, the bond and what lies on it. */
  readonly devices: ReadonlySet<string>;
  /** Permanent addresses of the members. */
  readonly macs: ReadonlySet<string>;
}

const KEYFILES = "/etc/NetworkManager/system-connections/*";
const IFCFG_REDHAT = "/etc/sysconfig/network-scripts/ifcfg-*";

const STACKS: Readonly<Record<StackName, Stack>> = {
  ifupdown: {
    render: renderIfupdown,
    reads: ["/etc/network/interfaces", "/etc/network/interfaces.d/*"],
    without: withoutStanzas,
  },
  netplan: { render: renderNetplan, reads: ["/etc/netplan/*.yaml"], without: withoutNetplanIds },
  networkd: { render: renderNetworkd, reads: ["/etc/systemd/network/*.network"], without: withoutMatches },
  // NetworkManager of Red Hat up to 9 reads ifcfg files too.
  nmconnection: { render: renderNmconnection, reads: [KEYFILES, IFCFG_REDHAT], without: unlessNamed },
  "ifcfg-redhat": { render: renderIfcfgRedhat, reads: [IFCFG_REDHAT], without: unlessNamed },
  "ifcfg-suse": {
    render: renderIfcfgSuse,
    reads: ["/etc/sysconfig/network/ifcfg-*", "/etc/sysconfig/network/ifroute-*"],
    without: (text, { devices }, path) => (devices.has(path.replace(/^.*\/if\w+-/, "")) ? undefined : text),
  },
  modprobe: { render: renderModprobe, reads: [], without: (text) => text },
};

export function stackPatterns(stack: StackName): readonly string[] {
  return STACKS[stack].reads;
}

/** Settings that the stack loses: they have no effect there. */
export function stackLacks(stack: StackName, bond: BondSettings): readonly (keyof BondSettings)[] {
  if (stack === "netplan") return netplanLacks(bond);
  return stack === "networkd" ? networkdLacks(bond) : [];
}

/** A file to be written, or without a text to be taken away. */
export interface FileChange {
  /** Absolute. */
  readonly path: string;
  readonly mode: number;
  readonly text?: string;
}

/**
 * Everything that changes on the disk, in the order of paths. `existing` holds the files of `stackPatterns`; what they
 * say of other devices stays as it is.
 */
export function stackChanges(
  stack: StackName,
  plan: NetworkPlan,
  existing: readonly ConfigFile[],
): readonly FileChange[] {
  const names = namesOf(plan);
  const { render, without } = STACKS[stack];
  const rendered = render(plan);
  const left = existing.map((file) => ({ ...file, left: without(file.text, names, file.path) }));
  const others = left.filter(({ path }) => !rendered.some((file) => file.path === path));
  const changed = others.flatMap(({ path, mode, text, left: rest }): FileChange[] => {
    if (rest === text) return [];
    return [{ path, mode, ...(rest !== undefined && { text: rest }) }];
  });
  const written = stack === "ifupdown" ? rendered.map((file) => appended(file, left)) : rendered;
  return [...written, ...changed].sort((a, b) => (a.path < b.path ? -1 : 1));
}

function namesOf({ nics, devices }: NetworkPlan): PlanNames {
  const names = [...nics, ...devices].map(({ name }) => name);
  return { devices: new Set(names), macs: new Set(nics.map(({ mac }) => mac)) };
}

/** All devices share one file: what it says of others stays above ours, and the loopback's stanza is not said twice. */
function appended(file: ConfigFile, existing: readonly (ConfigFile & { readonly left: string | undefined })[]) {
  const own = existing.find(({ path }) => path === file.path)?.left?.trim() ?? "";
  const hasLoopback = existing.some(({ left = "" }) => /^\s*iface\s+lo\s/m.test(left));
  const text = hasLoopback ? withoutStanzas(file.text, { devices: new Set(["lo"]) }) : file.text;
  return own === "" ? { ...file, text } : { ...file, text: `${own}\n\n${text.trim()}\n` };
}

/** A line and those that a backslash at its end joins to it. */
const LOGICAL_LINE = /(?:.*\\\n)*.*(?:\n|$)/g;
/** Words that begin a stanza (interfaces(5)). */
const STANZA = /^(iface|mapping|rename|template|source|source-directory|no-auto-down|no-scripts|auto|allow-\S+)$/;

/** interfaces(5) without the stanzas of these devices. Comments stay. */
function withoutStanzas(text: string, { devices }: Pick<PlanNames, "devices">): string {
  let dropping = false;
  const lines = (text.match(LOGICAL_LINE) ?? []).map((line) => {
    const [word = "", ...names] = line.replaceAll("\\\n", " ").trim().split(/\s+/);
    if (word === "" || word.startsWith("#")) return line;
    if (STANZA.test(word)) dropping = word === "iface" && devices.has(names[0] ?? "");
    return dropping ? "" : withoutNames(line, word, names, devices);
  });
  return lines.join("").replace(/\n{3,}/g, "\n\n");
}

/** `auto eth0 eth1` is of several devices. */
function withoutNames(line: string, word: string, names: readonly string[], devices: ReadonlySet<string>): string {
  if (word !== "auto" && !word.startsWith("allow-")) return line;
  const others = names.filter((name) => !devices.has(name));
  if (others.length === names.length) return line;
  return others.length === 0 ? "" : `${word} ${others.join(" ")}\n`;
}

const NETPLAN_KINDS = ["ethernets", "bonds", "vlans"];

/** By an entry's own name, or by what it matches. A file without an entry says nothing more. */
function withoutNetplanIds(text: string, { devices, macs }: PlanNames): string | undefined {
  const document = parseDocument(text);
  const network: unknown = document.toJS()?.network;
  if (!isMap(network)) return text;
  const entries = NETPLAN_KINDS.flatMap((kind) =>
    Object.entries(isMap(network[kind]) ? network[kind] : {}).map(([id, entry]) => ({ kind, id, entry })),
  );
  const ours = entries.filter(({ id, entry }) => devices.has(id) || matches(entry, devices, macs));
  if (ours.length === 0) return text;
  for (const { kind, id } of ours) document.deleteIn(["network", kind, id]);
  const rest: unknown = document.toJS().network;
  for (const kind of NETPLAN_KINDS) if (isEmptyMap(rest, kind)) document.deleteIn(["network", kind]);
  const keys = Object.keys(document.toJS().network).filter((key) => key !== "version" && key !== "renderer");
  return keys.length === 0 ? undefined : document.toString({ lineWidth: 0 });
}

function matches(entry: unknown, devices: ReadonlySet<string>, macs: ReadonlySet<string>): boolean {
  if (!isMap(entry)) return false;
  const match = isMap(entry.match) ? entry.match : {};
  return (
    devices.has(String(entry["set-name"])) ||
    devices.has(String(match.name)) ||
    macs.has(String(match.macaddress).toLowerCase())
  );
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isEmptyMap(network: unknown, kind: string): boolean {
  const entries = isMap(network) ? network[kind] : undefined;
  return isMap(entries) && Object.keys(entries).length === 0;
}

/** systemd.network(5): the words of `Name=` and `MACAddress=` in [Match]; a file that matches nothing else goes. */
function withoutMatches(text: string, { devices, macs }: PlanNames): string | undefined {
  let isLast = false;
  const left = text.replace(/^(Name|(?:Permanent)?MACAddress)=(.*)$/gm, (line, key: string, value: string) => {
    const words = value.trim().split(/\s+/);
    const others = words.filter((word) => !devices.has(word) && !macs.has(word.toLowerCase()));
    if (others.length === words.length) return line;
    isLast ||= others.length === 0;
    return `${key}=${others.join(" ")}`;
  });
  return isLast ? undefined : left;
}

/** A connection or ifcfg file is of one device, named by one of these keys. */
function unlessNamed(text: string, { devices, macs }: PlanNames): string | undefined {
  const named = text.matchAll(/^\s*(?:interface-name|mac-address|DEVICE|HWADDR)\s*=\s*["']?([^"'\s]*)/gm);
  const isOurs = Array.from(named, ([, value = ""]) => value).some(
    (value) => devices.has(value) || macs.has(value.toLowerCase()),
  );
  return isOurs ? undefined : text;
}
