/**
 * DHCP clients as firmware, iPXE and the Debian Installer are, any number of them over one device: their MAC addresses
 * are in the messages alone, and all ask for broadcast replies.
 */
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { ANY_IPV4, BROADCAST_IPV4, type Ipv4, type Mac, macToBytes } from "../../src/base/address.ts";
import { DecodeError } from "../../src/base/bytes.ts";
import { loadNativeNet } from "../../src/net/native.ts";
import * as options from "../../src/wire/dhcp-options.ts";
import { DHCP_PORTS, type DhcpPacket, decodeDhcp, encodeDhcp } from "../../src/wire/dhcp-packet.ts";
import { DHCP_WAITS, type DhcpClient, OutOfPatience } from "./patience.ts";

export interface DhcpAnswer {
  readonly address: Ipv4;
  readonly server: Ipv4;
  /** Path by TFTP, or URL; empty for an installer. */
  readonly file: string;
  /** From the first DISCOVER to the ACK. */
  readonly ms: number;
  /** Messages sent: two, where none had to be repeated. */
  readonly sent: number;
}

const { OPTION } = options;
/** Thousands of machines are answered in one burst. */
const RECEIVE_BUFFER = 4 << 20;
const BROADCAST_FLAG = 0x8000;

export class DhcpWire {
  private readonly socket: Socket;
  private readonly waiting = new Map<number, (reply: DhcpPacket) => void>();
  private lastXid = Math.floor(Math.random() * 2 ** 32);

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on("message", (bytes) => this.hear(bytes));
    // As when the cable is being plugged in: the next try comes.
    socket.on("error", () => {});
  }

  /** Needs koffi: a device without an address is spoken over by a socket that is bound to it. */
  static async open(device: string): Promise<DhcpWire> {
    const native = await loadNativeNet();
    if (!native) throw new Error("simulated machines need the npm package koffi");
    const socket = createSocket("udp4");
    // A socket that is there already listens at once, in the call of bind.
    const listening = once(socket, "listening");
    socket.bind({ fd: native.udpSocketOn(device, DHCP_PORTS.client), exclusive: true });
    await listening;
    socket.setRecvBufferSize(RECEIVE_BUFFER);
    return new DhcpWire(socket);
  }

  /** DISCOVER, OFFER, REQUEST, ACK; rejects with OutOfPatience when the client would give up. */
  async ask(mac: Mac, client: DhcpClient, signal: AbortSignal): Promise<DhcpAnswer> {
    const started = performance.now();
    const offer = await this.exchange(message("discover", mac, client), "offer", DHCP_WAITS[client], signal);
    const server = options.ipv4Option(offer.reply.options, "server-id") ?? offer.reply.siaddr;
    const wish: Extra = [
      [OPTION["requested-address"], options.ipv4Value(offer.reply.yiaddr)],
      [OPTION["server-id"], options.ipv4Value(server)],
    ];
    const ack = await this.exchange(message("request", mac, client, wish), "ack", DHCP_WAITS[client], signal);
    const { yiaddr, siaddr, file, options: given } = ack.reply;
    return {
      ...{ address: yiaddr, server: siaddr, file: options.textOption(given, "boot-file") ?? file },
      ...{ ms: performance.now() - started, sent: offer.sent + ack.sent },
    };
  }

  close(): void {
    this.socket.close();
  }

  /** Asks, waits, asks again: once for each wait. */
  private exchange(
    what: Omit<DhcpPacket, "xid">,
    wanted: "offer" | "ack",
    waits: readonly number[],
    signal: AbortSignal,
  ): Promise<{ readonly reply: DhcpPacket; readonly sent: number }> {
    const { promise, resolve, reject } = Promise.withResolvers<{ reply: DhcpPacket; sent: number }>();
    this.lastXid = (this.lastXid + 1) % 2 ** 32;
    const xid = this.lastXid;
    const bytes = encodeDhcp({ ...what, xid });
    let sent = 0;
    let timer: NodeJS.Timeout | undefined;
    const next = () => {
      const wait = waits[sent];
      if (wait === undefined) return reject(new OutOfPatience(`no DHCP ${wanted}`));
      sent += 1;
      this.socket.send(bytes, DHCP_PORTS.server, BROADCAST_IPV4, () => {});
      timer = setTimeout(next, wait);
    };
    this.waiting.set(xid, (reply) => {
      if (options.messageType(reply.options) === wanted) resolve({ reply, sent });
    });
    const stop = () => reject(signal.reason);
    signal.addEventListener("abort", stop, { once: true });
    next();
    return promise.finally(() => {
      clearTimeout(timer);
      this.waiting.delete(xid);
      signal.removeEventListener("abort", stop);
    });
  }

  private hear(bytes: Uint8Array): void {
    try {
      const reply = decodeDhcp(bytes);
      this.waiting.get(reply.xid)?.(reply);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
    }
  }
}

type Extra = ReadonlyArray<readonly [number, Uint8Array]>;

/** Option 60 of a BIOS PXE ROM; iPXE sends it too, and option 77 with it. */
const PXE_CLASS = "PXEClient:Arch:00000:UNDI:002001";

function message(type: "discover" | "request", mac: Mac, client: DhcpClient, extra: Extra = []) {
  const chaddr = new Uint8Array(16);
  chaddr.set(macToBytes(mac));
  const none = ANY_IPV4;
  return {
    ...({ op: "request", htype: 1, hlen: 6, hops: 0, secs: 0, flags: BROADCAST_FLAG } as const),
    ...{ ciaddr: none, yiaddr: none, siaddr: none, giaddr: none, chaddr, sname: "", file: "" },
    options: new Map([
      [OPTION["message-type"], options.messageTypeValue(type)],
      [OPTION["vendor-class"], options.textValue(client === "installer" ? "d-i" : PXE_CLASS)],
      ...(client === "installer" ? [] : [[OPTION["client-arch"], Uint8Array.of(0, 0)] as const]),
      ...(client === "ipxe" ? [[OPTION["user-class"], options.textValue("iPXE")] as const] : []),
      ...extra,
    ]),
  };
}
