/** Who made a NIC, by the first half of its MAC address; nothing is asked of the network. */
import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import type { Mac } from "../base/address.ts";

/** The registry MA-L of the IEEE, as the packages `ieee-data` and `udev` bring it; the first that is there is read. */
const LISTS = ["/usr/share/ieee-data/oui.txt", "/usr/lib/udev/hwdb.d/20-OUI.hwdb"];

/** Undefined = not known. Never rejects. */
export type VendorOf = (mac: Mac) => Promise<string | undefined>;

/** Nothing is read before the first question, and then piece by piece: the lists are of five megabytes. */
export function createVendors(lists: readonly string[] = LISTS): VendorOf {
  let names: Promise<ReadonlyMap<string, string>> | undefined;
  return async (mac) => {
    if (isMadeUp(mac)) return undefined;
    names ??= readFirst(lists);
    return (await names).get(mac.slice(0, 8).replaceAll(":", ""));
  };
}

async function readFirst(lists: readonly string[]): Promise<ReadonlyMap<string, string>> {
  for (const path of lists) {
    const names = await readNames(path).catch(() => undefined);
    if (names && names.size > 0) return names;
  }
  return new Map();
}

async function readNames(path: string): Promise<ReadonlyMap<string, string>> {
  const names = new Map<string, string>();
  let prefix = "";
  for await (const line of createInterface({ input: createReadStream(path, "utf8") })) {
    const [, pairs, name] = /^([0-9A-F]{2}-[0-9A-F]{2}-[0-9A-F]{2})\s+\(hex\)\s+(.+)$/.exec(line) ?? [];
    if (pairs && name) names.set(pairs.replaceAll("-", "").toLowerCase(), name.trim());
    // hwdb(7): a match on a line of its own, then what it tells.
    const [, told] = /^ ID_OUI_FROM_DATABASE=(.+)$/.exec(line) ?? [];
    if (told && prefix) names.set(prefix, told.trim());
    prefix = /^OUI:([0-9A-F]{6})\*$/.exec(line)?.[1]?.toLowerCase() ?? "";
  }
  return names;
}

/** By software, as for most virtual machines: the "U/L" bit of IEEE 802. */
function isMadeUp(mac: Mac): boolean {
  return (Number.parseInt(mac.slice(0, 2), 16) & 2) !== 0;
}
