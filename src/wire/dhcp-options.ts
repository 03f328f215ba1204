/** DHCP options by name, and how their values read (RFC 2132 unless said otherwise). Codes are bare numbers only here. */
import { type Ipv4, ipv4FromBytes, ipv4ToBytes } from "../base/address.ts";
import { ByteReader, DecodeError, decodeText, encodeText } from "../base/bytes.ts";

/** Raw values by option code; options nobody here knows are kept as they came. */
export type DhcpOptions = ReadonlyMap<number, Uint8Array>;

export const OPTION = {
  netmask: 1,
  router: 3,
  dns: 6,
  "host-name": 12,
  domain: 15,
  broadcast: 28,
  "vendor-options": 43,
  "requested-address": 50,
  "lease-time": 51,
  /** The options go on in `file` (1), `sname` (2) or both (3). */
  overload: 52,
  "message-type": 53,
  "server-id": 54,
  "parameter-list": 55,
  message: 56,
  "max-message-size": 57,
  "renewal-time": 58,
  "rebinding-time": 59,
  "vendor-class": 60,
  "client-id": 61,
  "tftp-server": 66,
  "boot-file": 67,
  /** RFC 3004; iPXE sends the bare text `iPXE`. */
  "user-class": 77,
  /** RFC 3046. */
  "relay-agent": 82,
  /** RFC 4578 section 2.1. */
  "client-arch": 93,
  /** RFC 4578 section 2.2. */
  "client-undi": 94,
  /** RFC 4578 section 2.3. */
  "client-uuid": 97,
  /** RFC 3011. */
  "subnet-selection": 118,
  /** iPXE's encapsulated options (ipxe.org/howto/dhcpd). */
  ipxe: 175,
} as const;

export type OptionName = keyof typeof OPTION;

/** RFC 2132 section 9.6, the position is the value. */
const MESSAGE_TYPES = ["discover", "offer", "request", "decline", "ack", "nak", "release", "inform"] as const;
export type MessageType = (typeof MESSAGE_TYPES)[number];

/** `undefined` when the option is absent (plain BOOTP) or holds a type of a later RFC. */
export function messageType(options: DhcpOptions): MessageType | undefined {
  const value = sized(options, "message-type", 1);
  return value && MESSAGE_TYPES[(value[0] ?? 0) - 1];
}

export function messageTypeValue(type: MessageType): Uint8Array {
  return Uint8Array.of(MESSAGE_TYPES.indexOf(type) + 1);
}

/** One address. Throws DecodeError when the option is there but not four bytes long; so do the readers below. */
export function ipv4Option(options: DhcpOptions, name: OptionName): Ipv4 | undefined {
  const value = sized(options, name, 4);
  return value && ipv4FromBytes(value);
}

export function u32Option(options: DhcpOptions, name: OptionName): number | undefined {
  const value = sized(options, name, 4);
  return value && new ByteReader(value).u32();
}

/** Big-endian 16-bit values in the order sent; empty when the option is absent. */
export function u16ListOption(options: DhcpOptions, name: OptionName): number[] {
  const value = options.get(OPTION[name]) ?? new Uint8Array();
  if (value.length % 2 !== 0) throw new DecodeError(`option ${name} has an odd length`, value.length);
  const reader = new ByteReader(value);
  return Array.from({ length: value.length / 2 }, () => reader.u16());
}

/** Up to the first NUL: some firmware ends its text with one. */
export function textOption(options: DhcpOptions, name: OptionName): string | undefined {
  const value = options.get(OPTION[name]);
  return value && decodeText(value);
}

/** Option 97 without its type byte; other types and lengths than RFC 4578 names count as absent. */
export function uuidOption(options: DhcpOptions): Uint8Array | undefined {
  const value = options.get(OPTION["client-uuid"]);
  return value?.length === 17 && value[0] === 0 ? value.subarray(1) : undefined;
}

export function ipv4Value(...addresses: readonly Ipv4[]): Uint8Array {
  return Uint8Array.from(addresses.flatMap((address) => [...ipv4ToBytes(address)]));
}

export function u32Value(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);
}

export function textValue(text: string): Uint8Array {
  return encodeText(text);
}

function sized(options: DhcpOptions, name: OptionName, length: number): Uint8Array | undefined {
  const value = options.get(OPTION[name]);
  if (value && value.length !== length) {
    throw new DecodeError(`option ${name} has ${value.length} bytes, not ${length}`, 0);
  }
  return value;
}
