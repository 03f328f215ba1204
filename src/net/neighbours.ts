/** Who is at which address of the LAN, as this machine's kernel knows (/proc/net/arp, arp(7)). */
import { readFileSync } from "node:fs";
import { type Ipv4, type Mac, parseIpv4, parseMac } from "../base/address.ts";

/** Empty where the table cannot be read. */
export function neighbours(path = "/proc/net/arp"): ReadonlyMap<Ipv4, Mac> {
  try {
    return parseNeighbours(readFileSync(path, "latin1"));
  } catch {
    return new Map();
  }
}

/** Those whose hardware address is not known yet are left out, as is the heading. */
export function parseNeighbours(text: string): Map<Ipv4, Mac> {
  const rows = text.split("\n").flatMap((line): [Ipv4, Mac][] => {
    const [ip = "", , , hardware = ""] = line.split(/\s+/);
    const address = parseIpv4(ip);
    const mac = hardware === "00:00:00:00:00:00" ? undefined : parseMac(hardware);
    return address && mac ? [[address, mac]] : [];
  });
  return new Map(rows);
}
