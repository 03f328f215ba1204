/** What clients send, for tests. */
import { ANY_IPV4, type Mac, macToBytes } from "../../src/base/address.ts";
import {
  ipv4Value,
  type MessageType,
  messageTypeValue,
  OPTION,
  type OptionName,
  textValue,
} from "../../src/wire/dhcp-options.ts";
import type { DhcpPacket } from "../../src/wire/dhcp-packet.ts";
import { ip } from "./dhcp-site.ts";

type OptionSketch = Partial<Record<OptionName, string | Uint8Array>>;

/** Options as raw bytes or text; the addresses among them by their dotted form. */
export function clientMessage(
  type: MessageType,
  mac: Mac,
  options: OptionSketch = {},
  fields: Partial<DhcpPacket> = {},
): DhcpPacket {
  const chaddr = new Uint8Array(16);
  chaddr.set(macToBytes(mac));
  const rows = Object.entries(options).map(([name, value]) => optionRow(name as OptionName, value));
  return {
    op: "request",
    htype: 1,
    hlen: 6,
    hops: 0,
    xid: 0x0badcafe,
    secs: 0,
    flags: 0,
    ciaddr: ANY_IPV4,
    yiaddr: ANY_IPV4,
    siaddr: ANY_IPV4,
    giaddr: ANY_IPV4,
    chaddr,
    sname: "",
    file: "",
    options: new Map([[OPTION["message-type"], messageTypeValue(type)], ...rows]),
    ...fields,
  };
}

const ADDRESSES: readonly OptionName[] = ["requested-address", "server-id", "subnet-selection"];

function optionRow(name: OptionName, value: string | Uint8Array): [number, Uint8Array] {
  if (typeof value !== "string") return [OPTION[name], value];
  return [OPTION[name], ADDRESSES.includes(name) ? ipv4Value(ip(value)) : textValue(value)];
}

/** What real firmware says of itself. */
export const FIRMWARE = {
  /** SeaBIOS with an iPXE ROM's UNDI, or any BIOS PXE ROM. */
  bios: { "vendor-class": "PXEClient:Arch:00000:UNDI:002001", "client-arch": Uint8Array.of(0, 0) },
  /** OVMF (EDK II). */
  uefi: { "vendor-class": "PXEClient:Arch:00007:UNDI:003016", "client-arch": Uint8Array.of(0, 7) },
  uefiHttp: { "vendor-class": "HTTPClient:Arch:00016:UNDI:003016", "client-arch": Uint8Array.of(0, 16) },
  ipxe: {
    "vendor-class": "PXEClient:Arch:00000:UNDI:002001",
    "client-arch": Uint8Array.of(0, 0),
    "user-class": "iPXE",
    ipxe: Uint8Array.of(0x13, 1, 1),
  },
} as const satisfies Record<string, OptionSketch>;
