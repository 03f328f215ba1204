/** One line about a DHCP message, for logs and captures. */
import { ANY_IPV4 } from "../base/address.ts";
import { messageType, OPTION, textOption } from "./dhcp-options.ts";
import { clientMac, type DhcpPacket } from "./dhcp-packet.ts";

/**
 * `DISCOVER 52:54:00:00:00:01 xid=0badcafe giaddr=10.0.0.1 class="PXEClient:Arch:00007:UNDI:003016"`. What the client
 * sent as text is quoted, so it cannot break out of the line.
 */
export function describeDhcp(packet: DhcpPacket): string {
  const type = packet.options.has(OPTION["message-type"]) ? safeType(packet) : `BOOTP-${packet.op.toUpperCase()}`;
  const hardware = clientMac(packet) ?? `htype ${packet.htype}`;
  return [
    type,
    hardware,
    `xid=${packet.xid.toString(16).padStart(8, "0")}`,
    ...addresses(packet),
    ...texts(packet),
  ].join(" ");
}

function safeType(packet: DhcpPacket): string {
  const value = packet.options.get(OPTION["message-type"]);
  return value?.length === 1 ? (messageType(packet.options)?.toUpperCase() ?? `TYPE-${value[0]}`) : "MALFORMED";
}

function addresses(packet: DhcpPacket): string[] {
  const fields = ["ciaddr", "yiaddr", "siaddr", "giaddr"] as const;
  return fields.filter((field) => packet[field] !== ANY_IPV4).map((field) => `${field}=${packet[field]}`);
}

function texts(packet: DhcpPacket): string[] {
  const file = textOption(packet.options, "boot-file") ?? packet.file;
  const vendorClass = textOption(packet.options, "vendor-class");
  return [
    ...(file === "" ? [] : [`file=${quoted(file)}`]),
    ...(vendorClass === undefined ? [] : [`class=${quoted(vendorClass)}`]),
  ];
}

/** JSON escapes the control characters below space; terminals obey some of the others, too. */
function quoted(text: string): string {
  return JSON.stringify(text).replace(/\p{Cc}/gu, (char) => `\\u00${char.charCodeAt(0).toString(16)}`);
}
