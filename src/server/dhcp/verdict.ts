/** What the DHCP server decides about a message, before anything is sent or stored (law 1). */
import type { Ipv4, Mac } from "../../base/address.ts";
import type { BootClient } from "../../boot/client.ts";
import type { Hold, Lease } from "../../cluster/leases.ts";
import type { DhcpPacket } from "../../wire/dhcp-packet.ts";

export type Verdict =
  | {
      readonly kind: "reply";
      readonly packet: DhcpPacket;
      readonly to: Destination;
      readonly event: DhcpEvent;
      /** To be done before the reply is sent; no reply when it fails. */
      readonly change?: LeaseChange;
    }
  /** Taken note of; the message wants no answer. */
  | { readonly kind: "note"; readonly event: DhcpEvent; readonly change?: LeaseChange }
  | { readonly kind: "drop"; readonly reason: DropReason };

export type LeaseChange =
  /** Set aside in memory. */
  | { readonly kind: "hold"; readonly hold: Hold }
  /** Durable. */
  | { readonly kind: "commit"; readonly lease: Lease };

/** RFC 2131 section 4.1. */
export type Destination =
  /** By ordinary routing. */
  | { readonly kind: "unicast"; readonly address: Ipv4; readonly port: number }
  /** 255.255.255.255 on the link that the request came from. */
  | { readonly kind: "broadcast"; readonly port: number }
  /** To a link-layer address: the client has no IP address yet, so ARP would not find it. */
  | { readonly kind: "frame"; readonly mac: Mac; readonly address: Ipv4; readonly port: number };

export type DropReason =
  /** No DHCP message, or one with a broken option. */
  | "malformed"
  /** Another server's reply. */
  | "not-a-request"
  | "not-ethernet"
  /** BOOTP, or a message type that clients do not send. */
  | "unknown-message"
  /** It came from, or through, a network that the site file does not list. */
  | "no-subnet"
  /** The subnet has `dhcp: off`. */
  | "dhcp-off"
  /** The MAC is no host's, and `unknown: ignore`. */
  | "unknown-host"
  /** A host of the site asks from a subnet in which its address would not work. */
  | "other-subnet"
  /** Another server of the site is to answer, or has (turns.ts). */
  | "not-our-turn"
  /** About an address of the pool that only another server may lend now (shares.ts). */
  | "not-our-share"
  /** The client chose another server's offer. */
  | "other-server"
  /** An unknown machine in a subnet without a pool. */
  | "no-pool"
  | "pool-exhausted"
  /** About an address that was not lent here. */
  | "no-lease"
  /** Proxy mode, port 4011: an ordinary client, or a message that only the address server answers. */
  | "not-for-proxy"
  /** Proxy mode, port 4011: nothing to boot for this client. */
  | "no-boot-file"
  /** Another server has just lent the address. */
  | "lease-conflict"
  | "store-unavailable"
  | "send-failed"
  /** A bug; see the log. */
  | "internal";

export type DhcpEventKind = "offer" | "ack" | "nak" | "inform" | "decline" | "release";

export interface DhcpEvent {
  /** Milliseconds since 1970. */
  readonly at: number;
  /** `inform`: an INFORM was answered. `decline`: the address is used by another machine: tell the operator. */
  readonly kind: DhcpEventKind;
  readonly mac: Mac;
  /** Name in the site file. */
  readonly host?: string;
  /** The address given, refused (`nak`), declined or released; absent when another server gives the address. */
  readonly address?: Ipv4;
  readonly interface: string;
  readonly client: BootClient;
  /** What the client was told to load. */
  readonly file?: string;
  readonly xid: number;
  /** Address of the relay agent. */
  readonly relay?: Ipv4;
}
