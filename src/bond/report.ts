/**
 * Reads what a machine sends when it first starts (os/first-boot.ts writes it). The sender is not trusted: any text
 * gives a report, which says what it lacks.
 */
import { type Ipv4, type Mac, parseIpv4, parseMac } from "../base/address.ts";
import { type ProcBonding, parseProcBonding, type RefusedBonding } from "./proc-bonding.ts";
import { isDeviceName } from "./proc-lines.ts";

export interface NetworkReport {
  /** `Debian GNU/Linux 12 (bookworm)` */
  readonly release?: string;
  /** `uname -r` */
  readonly kernel?: string;
  readonly bonds: readonly ReportedBond[];
  readonly links: readonly Link[];
  /** Of IPv4. */
  readonly addresses: readonly DeviceAddress[];
  readonly routes: readonly Route[];
  /** Parts that are not there or say nothing, as `the addresses`; empty = the report is whole. */
  readonly missing: readonly string[];
}

export interface ReportedBond {
  readonly name: string;
  readonly text: ProcBonding | RefusedBonding;
}

export interface Link {
  readonly name: string;
  /** What it lies on: of a VLAN. */
  readonly parent?: string;
  /** The bond or bridge that it belongs to. */
  readonly master?: string;
  readonly mtu?: number;
  /** As it is now. */
  readonly mac?: Mac;
  /** The NIC's own, where it differs and iproute2 is 5.5 or later. */
  readonly permanentMac?: Mac;
}

export interface DeviceAddress {
  readonly device: string;
  readonly address: Ipv4;
  readonly prefix: number;
}

export interface Route {
  /** `default`, or a network as `ip route` writes it. */
  readonly to: string;
  readonly via?: Ipv4;
  readonly device?: string;
}

/** A machine with hundreds of devices stays below it. */
const MOST_CHARACTERS = 1024 * 1024;

export function parseReport(text: string): NetworkReport {
  const sections = splitSections(text.slice(0, MOST_CHARACTERS));
  const release = releaseOf(sections.get("release") ?? []);
  const kernel = printable(sections.get("kernel")?.[0] ?? "");
  const rows = {
    bonds: [...sections].flatMap(([title, lines]) => bondOf(title, lines)),
    links: (sections.get("links") ?? []).flatMap(linkOf),
    addresses: (sections.get("addresses") ?? []).flatMap(addressOf),
    routes: (sections.get("routes") ?? []).flatMap(routeOf),
  };
  const missing = [
    ...(rows.links.length === 0 ? ["the links"] : []),
    ...(rows.addresses.length === 0 ? ["the addresses"] : []),
    // A machine may have no route, so the title is enough.
    ...(sections.has("routes") ? [] : ["the routes"]),
    ...(sections.has("end") ? [] : ["its end"]),
  ];
  return { ...(release !== "" && { release }), ...(kernel !== "" && { kernel }), ...rows, missing };
}

/** Lines below each `== title`; of two with one title the first. */
function splitSections(text: string): Map<string, string[]> {
  const sections = new Map<string, string[]>();
  let lines: string[] = [];
  for (const line of text.split(/\r?\n/)) {
    if (line.startsWith("== ")) {
      const title = line.slice(3).trim();
      lines = [];
      if (!sections.has(title)) sections.set(title, lines);
    } else {
      lines.push(line);
    }
  }
  return sections;
}

/** From os-release(5), or of older releases the first line of /etc/*-release. */
function releaseOf(lines: readonly string[]): string {
  const pretty = lines.find((line) => line.startsWith("PRETTY_NAME="));
  const text = pretty?.slice("PRETTY_NAME=".length).replace(/^(["'])(.*)\1$/, "$2") ?? lines[0] ?? "";
  return printable(text);
}

function bondOf(title: string, lines: readonly string[]): ReportedBond[] {
  const name = title.startsWith("bond ") ? title.slice("bond ".length) : "";
  return isDeviceName(name) ? [{ name, text: parseProcBonding(lines.join("\n")) }] : [];
}

/** `2: eth0@if3: <UP> mtu 1500 ... master bond0 ...\    link/ether 52:54:00:00:00:01 brd ... permaddr ...` */
function linkOf(line: string): Link[] {
  const words = line.split(/\s+/).filter((word) => word !== "");
  const [name = "", parent] = (words[1] ?? "").replace(/:$/, "").split("@");
  if (!/^\d+:$/.test(words[0] ?? "") || !isDeviceName(name)) return [];
  const [master, mtu, mac, permanentMac] = ["master", "mtu", "link/ether", "permaddr"].map((key) => after(words, key));
  return [
    {
      name,
      ...(parent !== undefined && isDeviceName(parent) && { parent }),
      ...(master !== undefined && isDeviceName(master) && { master }),
      ...(mtu !== undefined && /^\d{1,9}$/.test(mtu) && { mtu: Number(mtu) }),
      ...macEntry("mac", mac),
      ...macEntry("permanentMac", permanentMac),
    },
  ];
}

function macEntry(key: "mac" | "permanentMac", text: string | undefined): Pick<Link, "mac" | "permanentMac"> {
  const mac = parseMac(text ?? "");
  return mac === undefined ? {} : { [key]: mac };
}

/** `4: bond0    inet 10.20.1.3/16 brd 10.20.255.255 scope global bond0\       valid_lft ...` */
function addressOf(line: string): DeviceAddress[] {
  const words = line.split(/\s+/);
  const [, device = "", kind, own = ""] = words;
  const [addressText = "", ownPrefix] = own.split("/");
  const prefix = ownPrefix ?? after(words, "peer")?.split("/")[1] ?? "32";
  const address = parseIpv4(addressText);
  if (kind !== "inet" || !address || !isDeviceName(device) || !/^\d{1,2}$/.test(prefix)) return [];
  return [{ device, address, prefix: Number(prefix) }];
}

/** `default via 10.20.0.1 dev bond0 proto static metric 300` */
function routeOf(line: string): Route[] {
  const words = line.split(/\s+/);
  const [to = ""] = words;
  if (!/^(default|[\d./]+)$/.test(to)) return [];
  const via = parseIpv4(after(words, "via") ?? "");
  const device = after(words, "dev");
  return [{ to, ...(via && { via }), ...(device !== undefined && isDeviceName(device) && { device }) }];
}

function after(words: readonly string[], key: string): string | undefined {
  const place = words.indexOf(key);
  return place < 0 ? undefined : words[place + 1];
}

/** It is shown to operators. */
function printable(text: string): string {
  return text
    .replace(/\p{Cc}/gu, " ")
    .trim()
    .slice(0, 200);
}
