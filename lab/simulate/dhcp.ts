/** A DHCP client as firmware and iPXE are one: asks until it is answered, over a device without an address. */
import { ANY_IPV4, BROADCAST_IPV4, type Ipv4, type Mac, macToBytes } from "../../src/base/address.ts";
import { DecodeError } from "../../src/base/bytes.ts";
import { type UdpSocket, udpOpener } from "../../src/net/udp.ts";
import * as options from "../../src/wire/dhcp-options.ts";
import { DHCP_PORTS, type DhcpPacket, decodeDhcp, encodeDhcp } from "../../src/wire/dhcp-packet.ts";

export interface DhcpAnswer {
  readonly address: Ipv4;
  readonly server: Ipv4;
  /** Path by TFTP, or URL. */
  readonly file: string;
}

/** `firmware`: a BIOS PXE ROM. */
export type Asking = "firmware" | "ipxe";

const { OPTION } = options;
/** EDK II and iPXE wait 1 to 4 s for the first answer. */
const RETRY_MS = 2000;

/** DISCOVER, OFFER, REQUEST, ACK; never gives up before the signal aborts. */
export async function askDhcp(device: string, mac: Mac, asking: Asking, signal: AbortSignal): Promise<DhcpAnswer> {
  const heard: Array<(packet: DhcpPacket) => void> = [];
  const socket = await (await udpOpener()).open({
    device,
    address: ANY_IPV4,
    port: DHCP_PORTS.client,
    receive: (bytes) => decodeQuietly(bytes, (packet) => heard.at(-1)?.(packet)),
    failed: () => {},
  });
  try {
    const offer = await exchange(socket, heard, message("discover", mac, asking), "offer", signal);
    const server = options.ipv4Option(offer.options, "server-id") ?? offer.siaddr;
    const wish: Extra = [
      [OPTION["requested-address"], options.ipv4Value(offer.yiaddr)],
      [OPTION["server-id"], options.ipv4Value(server)],
    ];
    const ack = await exchange(socket, heard, message("request", mac, asking, wish), "ack", signal);
    return { address: ack.yiaddr, server: ack.siaddr, file: options.textOption(ack.options, "boot-file") ?? ack.file };
  } finally {
    await socket.close();
  }
}

type Extra = ReadonlyArray<readonly [number, Uint8Array]>;

function message(type: "discover" | "request", mac: Mac, asking: Asking, extra: Extra = []): DhcpPacket {
  const chaddr = new Uint8Array(16);
  chaddr.set(macToBytes(mac));
  const none = ANY_IPV4;
  return {
    ...{ op: "request", htype: 1, hlen: 6, hops: 0, xid: Math.floor(Math.random() * 2 ** 32), secs: 0, flags: 0x8000 },
    ...{ ciaddr: none, yiaddr: none, siaddr: none, giaddr: none, chaddr, sname: "", file: "" },
    options: new Map([
      [OPTION["message-type"], options.messageTypeValue(type)],
      [OPTION["vendor-class"], options.textValue("PXEClient:Arch:00000:UNDI:002001")],
      [OPTION["client-arch"], Uint8Array.of(0, 0)],
      ...(asking === "ipxe" ? [[OPTION["user-class"], options.textValue("iPXE")] as const] : []),
      ...extra,
    ]),
  };
}

function exchange(
  socket: UdpSocket,
  heard: Array<(packet: DhcpPacket) => void>,
  packet: DhcpPacket,
  wanted: "offer" | "ack",
  signal: AbortSignal,
): Promise<DhcpPacket> {
  const { promise, resolve, reject } = Promise.withResolvers<DhcpPacket>();
  // A send fails while the cable is being plugged in: the next try comes.
  const send = () => {
    socket.send(encodeDhcp(packet), { address: BROADCAST_IPV4, port: DHCP_PORTS.server }).catch(() => {});
  };
  const timer = setInterval(send, RETRY_MS);
  const stop = () => reject(signal.reason);
  heard.push((reply) => {
    if (reply.xid === packet.xid && options.messageType(reply.options) === wanted) resolve(reply);
  });
  signal.addEventListener("abort", stop, { once: true });
  send();
  return promise.finally(() => {
    clearInterval(timer);
    signal.removeEventListener("abort", stop);
    heard.pop();
  });
}

function decodeQuietly(bytes: Uint8Array, take: (packet: DhcpPacket) => void): void {
  try {
    take(decodeDhcp(bytes));
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
  }
}
