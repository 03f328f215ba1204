/** A client's DHCP message, parsed once into named facts (law 2). */
import { ANY_IPV4, type Ipv4, type Mac } from "../../base/address.ts";
import { type BootClient, classifyClient } from "../../boot/client.ts";
import {
  type DhcpOptions,
  ipv4Option,
  type MessageType,
  messageType,
  OPTION,
  textOption,
  u16ListOption,
  uuidOption,
} from "../../wire/dhcp-options.ts";
import { clientMac, type DhcpPacket } from "../../wire/dhcp-packet.ts";
import { relayAgentInfo } from "../../wire/dhcp-relay.ts";
import type { DropReason } from "./verdict.ts";

const CLIENT_MESSAGES = ["discover", "request", "decline", "release", "inform"] as const;
export type ClientMessage = (typeof CLIENT_MESSAGES)[number];

export interface DhcpRequest {
  readonly packet: DhcpPacket;
  readonly type: ClientMessage;
  /** From chaddr alone: the client identifier (option 61) changes from one stage of a boot to the next. */
  readonly mac: Mac;
  readonly client: BootClient;
  /** The address the client uses already. */
  readonly ciaddr?: Ipv4;
  /** Option 50. */
  readonly requested?: Ipv4;
  /** Option 54: the server the client means. */
  readonly serverId?: Ipv4;
  readonly relay?: Ipv4;
  /** RFC 5107: what to give as option 54. */
  readonly serverIdOverride?: Ipv4;
  /** An address of the client's subnet, told by a relay or the client: options 82.5 and 118, giaddr, ciaddr. */
  readonly subnetHint?: Ipv4;
}

/** Throws DecodeError when an option that matters is broken. */
export function readRequest(packet: DhcpPacket): DhcpRequest | DropReason {
  if (packet.op !== "request") return "not-a-request";
  const mac = clientMac(packet);
  if (!mac) return "not-ethernet";
  const type = messageType(packet.options);
  if (!isClientMessage(type)) return "unknown-message";
  const requested = ipv4Option(packet.options, "requested-address");
  const serverId = ipv4Option(packet.options, "server-id");
  return {
    packet,
    type,
    mac,
    client: classifyClient(mac, clientOptions(packet.options)),
    ...(requested && { requested }),
    ...(serverId && { serverId }),
    ...whereabouts(packet),
  };
}

function isClientMessage(type: MessageType | undefined): type is ClientMessage {
  return CLIENT_MESSAGES.some((message) => message === type);
}

function clientOptions(options: DhcpOptions) {
  const vendorClass = textOption(options, "vendor-class");
  const userClass = textOption(options, "user-class");
  const uuid = uuidOption(options);
  return {
    archCodes: u16ListOption(options, "client-arch"),
    hasIpxeOptions: options.has(OPTION.ipxe),
    ...(vendorClass !== undefined && { vendorClass }),
    ...(userClass !== undefined && { userClass }),
    ...(uuid && { uuid }),
  };
}

function whereabouts(packet: DhcpPacket) {
  const agent = relayAgentInfo(packet.options);
  const relay = given(packet.giaddr);
  const ciaddr = given(packet.ciaddr);
  const chosen = ipv4Option(packet.options, "subnet-selection");
  const subnetHint = agent?.linkSelection ?? chosen ?? relay ?? ciaddr;
  return {
    ...(relay && { relay }),
    ...(ciaddr && { ciaddr }),
    ...(subnetHint && { subnetHint }),
    ...(agent?.serverIdOverride && { serverIdOverride: agent.serverIdOverride }),
  };
}

function given(address: Ipv4): Ipv4 | undefined {
  return address === ANY_IPV4 ? undefined : address;
}
