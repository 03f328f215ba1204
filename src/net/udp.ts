/** UDP sockets that know their interface: a reply leaves by the way its request came. */
import { createSocket, type Socket } from "node:dgram";
import { type Ipv4, type Mac, parseIpv4 } from "../base/address.ts";
import { ipUdpPacket } from "./ip-packet.ts";
import { listenError } from "./listen-error.ts";
import { loadNativeNet, type NativeNet, type PacketSocket } from "./native.ts";

export interface UdpPeer {
  readonly address: Ipv4;
  readonly port: number;
}

export interface UdpSocket {
  readonly device: string;
  /** Of the interface; the socket itself hears every address, broadcasts among them. */
  readonly address: Ipv4;
  readonly port: number;
  /** Can it reach a client that has no address yet? */
  readonly sendsFrames: boolean;
  /** By ordinary routing; rejects with the system's error. 255.255.255.255 leaves by this interface. */
  send(bytes: Uint8Array, to: UdpPeer): Promise<void>;
  /** To a link-layer address, without ARP. Only when `sendsFrames`. */
  sendFrame(bytes: Uint8Array, to: UdpPeer & { readonly mac: Mac }): void;
  close(): Promise<void>;
}

export interface UdpRequest {
  readonly device: string;
  readonly address: Ipv4;
  readonly port: number;
  receive(bytes: Uint8Array, from: UdpPeer, socket: UdpSocket): void;
  /** Trouble of the open socket, e.g. its device went away. */
  failed(error: Error): void;
}

export interface UdpOpener {
  /** Can several sockets share a port, one a device? Without it a broadcast's interface is unknown. */
  readonly perDevice: boolean;
  /** Rejects with EverbootError `port-in-use`, `port-denied`, or the system's error. */
  open(request: UdpRequest): Promise<UdpSocket>;
}

/**
 * libuv reads 32 datagrams of a handle in a turn of the event loop (uv__udp_recvmsg), however many wait, and then sees to
 * everything else. So one socket is read by several handles: when a rack is switched on, what waits for an address is not
 * kept behind what is being served already.
 */
const READERS = 8;

/** Sockets bound to devices where the C library can be called, else plain ones, which serve one interface only. */
export async function udpOpener(native?: NativeNet | "absent"): Promise<UdpOpener> {
  const found = native ?? (await loadNativeNet());
  if (found === undefined || found === "absent") return { perDevice: false, open: openPlain };
  return { perDevice: true, open: (request) => openOnDevice(request, found) };
}

async function openPlain(request: UdpRequest): Promise<UdpSocket> {
  const socket = numericSocket();
  await bound(socket, request, () => socket.bind({ port: request.port, exclusive: true }));
  socket.setBroadcast(true);
  return serving([socket], request, undefined);
}

async function openOnDevice(request: UdpRequest, native: NativeNet): Promise<UdpSocket> {
  const fd = translated(request, () => native.udpSocketOn(request.device, request.port));
  const first = await boundTo(fd, request);
  const others = await Promise.all(Array.from({ length: READERS - 1 }, () => boundTo(native.duplicate(fd), request)));
  return serving([first, ...others], request, packetSocket(request.device, native));
}

async function boundTo(fd: number, request: UdpRequest): Promise<Socket> {
  const socket = numericSocket();
  await bound(socket, request, () => socket.bind({ fd, exclusive: true }));
  return socket;
}

/** Peers are numeric addresses: asking the resolver would cost a turn of the event loop for each datagram. */
function numericSocket(): Socket {
  return createSocket({ type: "udp4", lookup: (host, _options, done) => done(null, host, 4) });
}

/** Without CAP_NET_RAW there are no frames; callers then broadcast. */
function packetSocket(device: string, native: NativeNet): PacketSocket | undefined {
  try {
    return native.packetSocketOn(device);
  } catch {
    return undefined;
  }
}

function bound(socket: Socket, request: UdpRequest, bind: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const refuse = (error: Error) => {
      socket.close();
      reject(listenError(error, "UDP", request.device, request.port));
    };
    socket.once("error", refuse);
    socket.once("listening", () => {
      socket.off("error", refuse);
      socket.on("error", request.failed);
      resolve();
    });
    bind();
  });
}

/** Datagrams are read on a later turn of the event loop, so none is missed between the bind and this. */
function serving(
  sockets: readonly [Socket, ...Socket[]],
  request: UdpRequest,
  frames: PacketSocket | undefined,
): UdpSocket {
  const served = udpSocket(sockets, request, frames);
  for (const socket of sockets) {
    socket.on("message", (bytes, from) => {
      const address = parseIpv4(from.address);
      if (address) request.receive(bytes, { address, port: from.port }, served);
    });
  }
  return served;
}

function udpSocket(
  sockets: readonly [Socket, ...Socket[]],
  request: UdpRequest,
  frames: PacketSocket | undefined,
): UdpSocket {
  const { device, address, port } = request;
  const [socket] = sockets;
  return {
    device,
    address,
    port,
    sendsFrames: frames !== undefined,
    send: (bytes, to) =>
      new Promise((resolve, reject) => {
        socket.send(bytes, to.port, to.address, (error) => (error ? reject(error) : resolve()));
      }),
    sendFrame: (payload, to) => frames?.send(ipUdpPacket({ from: { address, port }, to, payload }), to.mac),
    close: async () => {
      frames?.close();
      await Promise.all(sockets.map((each) => new Promise<void>((resolve) => each.close(resolve))));
    },
  };
}

function translated<T>(request: UdpRequest, open: () => T): T {
  try {
    return open();
  } catch (error) {
    throw listenError(error, "UDP", request.device, request.port);
  }
}
