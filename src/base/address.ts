/** Network addresses as branded canonical text: safe to compare, to use as a map key and to print. */

/** Six octets, lower case, colons: `52:54:00:00:00:01`. */
export type Mac = string & { readonly __brand: "Mac" };
/** Dotted quad without leading zeros: `192.168.77.1`. */
export type Ipv4 = string & { readonly __brand: "Ipv4" };
/** `base` has all host bits clear. */
export interface Cidr {
  readonly base: Ipv4;
  readonly prefix: number;
}
/** Both ends belong to the range. */
export interface AddressRange {
  readonly first: Ipv4;
  readonly last: Ipv4;
}

export const ANY_IPV4 = "0.0.0.0" as Ipv4;
export const BROADCAST_IPV4 = "255.255.255.255" as Ipv4;

const MAC_TEXT = /^[0-9a-f]{2}([:-]?)[0-9a-f]{2}(?:\1[0-9a-f]{2}){4}$/;
const IPV4_TEXT = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/;

/** Accepts colons, dashes or no separator, any case. */
export function parseMac(text: string): Mac | undefined {
  const lower = text.trim().toLowerCase();
  if (!MAC_TEXT.test(lower)) return undefined;
  return (lower.replace(/[:-]/g, "").match(/../g) ?? []).join(":") as Mac;
}

const OCTETS_HEX: readonly string[] = Array.from({ length: 256 }, (_, octet) => octet.toString(16).padStart(2, "0"));

/** Of the first six bytes. Once for each DHCP message, as the addresses below: none of them makes a list. */
export function macFromBytes(bytes: Uint8Array): Mac {
  let text = "";
  for (let place = 0; place < 6 && place < bytes.length; place++) {
    text += `${place === 0 ? "" : ":"}${OCTETS_HEX[bytes[place] ?? 0]}`;
  }
  return text as Mac;
}

export function macToBytes(mac: Mac): Uint8Array {
  return Uint8Array.from(mac.split(":"), (pair) => Number.parseInt(pair, 16));
}

/** `52-54-00-00-00-01`, as in `pxelinux.cfg/01-...`, `BOOTIF=01-...` and our URLs. */
export function macWithDashes(mac: Mac): string {
  return mac.replaceAll(":", "-");
}

export function parseIpv4(text: string): Ipv4 | undefined {
  const match = IPV4_TEXT.exec(text.trim());
  if (!match) return undefined;
  const octets = match.slice(1).map(Number);
  return octets.every((octet) => octet < 256) ? (octets.join(".") as Ipv4) : undefined;
}

const DOT = ".".charCodeAt(0);
const ZERO = "0".charCodeAt(0);

export function ipv4ToNumber(address: Ipv4): number {
  let value = 0;
  let octet = 0;
  for (let place = 0; place < address.length; place++) {
    const code = address.charCodeAt(place);
    if (code === DOT) {
      value = value * 256 + octet;
      octet = 0;
    } else octet = octet * 10 + code - ZERO;
  }
  return value * 256 + octet;
}

export function ipv4FromNumber(value: number): Ipv4 {
  return `${value >>> 24}.${(value >>> 16) & 255}.${(value >>> 8) & 255}.${value & 255}` as Ipv4;
}

export function ipv4FromBytes(bytes: Uint8Array): Ipv4 {
  return `${bytes[0]}.${bytes[1]}.${bytes[2]}.${bytes[3]}` as Ipv4;
}

export function ipv4ToBytes(address: Ipv4): Uint8Array {
  const value = ipv4ToNumber(address);
  return Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);
}

/** `C0A80080` for 192.168.0.128: the file name pxelinux asks for (seeds.md A). */
export function ipv4ToHex(address: Ipv4): string {
  return Buffer.from(ipv4ToBytes(address)).toString("hex").toUpperCase();
}

/** Refuses an address with host bits set, as `192.168.77.5/24`: it is nearly always a slip. */
export function parseCidr(text: string): Cidr | undefined {
  const [addressText = "", prefixText = ""] = text.trim().split("/");
  const base = parseIpv4(addressText);
  if (!base || !/^\d{1,2}$/.test(prefixText)) return undefined;
  const prefix = Number(prefixText);
  if (prefix > 32 || maskBits(ipv4ToNumber(base), prefix) !== ipv4ToNumber(base)) return undefined;
  return { base, prefix };
}

export function formatCidr(cidr: Cidr): string {
  return `${cidr.base}/${cidr.prefix}`;
}

export function cidrContains(cidr: Cidr, address: Ipv4): boolean {
  return maskBits(ipv4ToNumber(address), cidr.prefix) === ipv4ToNumber(cidr.base);
}

export function cidrsOverlap(a: Cidr, b: Cidr): boolean {
  return a.prefix <= b.prefix ? cidrContains(a, b.base) : cidrContains(b, a.base);
}

export function cidrNetmask(cidr: Cidr): Ipv4 {
  return ipv4FromNumber(maskBits(0xffffffff, cidr.prefix));
}

export function cidrBroadcast(cidr: Cidr): Ipv4 {
  return ipv4FromNumber(ipv4ToNumber(cidr.base) + 2 ** (32 - cidr.prefix) - 1);
}

/** `192.168.77.100-192.168.77.150`. */
export function parseRange(text: string): AddressRange | undefined {
  const [firstText = "", lastText = "", extra] = text.split("-");
  const first = parseIpv4(firstText);
  const last = parseIpv4(lastText);
  if (!first || !last || extra !== undefined || ipv4ToNumber(first) > ipv4ToNumber(last)) return undefined;
  return { first, last };
}

export function formatRange(range: AddressRange): string {
  return `${range.first}-${range.last}`;
}

export function rangeContains(range: AddressRange, address: Ipv4): boolean {
  const value = ipv4ToNumber(address);
  return value >= ipv4ToNumber(range.first) && value <= ipv4ToNumber(range.last);
}

function maskBits(value: number, prefix: number): number {
  const hostSize = 2 ** (32 - prefix);
  return value - (value % hostSize);
}
