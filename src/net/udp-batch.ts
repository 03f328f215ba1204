/**
 * A UDP socket for many transfers at once: all that came is taken by one system call, all answers leave by another, and
 * the kernel cuts a window into its datagrams (UDP segmentation offload, udp(7); Linux 4.18). Where the C library cannot
 * be called, or EVERBOOT_PLAIN=1 says so, it is a plain socket that does the same by one call for each datagram.
 */
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { endianness } from "node:os";
import { ipv4FromNumber, ipv4ToNumber, parseIpv4 } from "../base/address.ts";
import { type Burst, type BurstSocket, datagramsOf } from "./burst.ts";
import { type DatagramEvents, openDatagramSocket, type Peer } from "./datagram.ts";
import { loadAddressOf, loadLibc, loadLibcQuiet } from "./libc.ts";
import { listenError } from "./listen-error.ts";
import { type AddressOf, BatchPeer, messagesOf, ReceiveBatch, SendBatch } from "./message-batch.ts";
import { isPlainPath } from "./plain-path.ts";
import { socketAddress } from "./socket-address.ts";

/**
 * As OpenDatagramSocket, for bursts. A packet that is handed over holds during the call only, and is cut off after 4096
 * bytes.
 */
export type OpenBurstSocket = (
  protocol: string,
  address: string,
  port: number,
  events: DatagramEvents,
) => Promise<BurstSocket>;

const AF_INET = 2;
const SOCK_DGRAM = 2;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const MSG_DONTWAIT = 0x40;
const SOL_SOCKET = 1;
/** Their sizes beyond the system's limits take CAP_NET_ADMIN. */
const BUFFERS = { receive: { plain: 8, forced: 33 }, send: { plain: 7, forced: 32 } } as const;
const BUFFER_BYTES = 4 << 20;

/** Messages of one call; more than these wait for the next turn of the event loop, so that others get theirs. */
const RECEIVED_AT_ONCE = 64;
const RECEIVE_ROOM = 4096;
const SENT_AT_ONCE = { messages: 256, vectors: 4096 } as const;
const MOST_PEERS = 16_384;

/** A full send buffer: the plain socket waits for room. */
const EAGAIN = -11;
const EINTR = -4;
/** EIO, EINVAL, EMSGSIZE, ENOPROTOOPT, EOPNOTSUPP: of a message that was to be segmented, this route or device cannot. */
const REFUSED: ReadonlySet<number> = new Set([-5, -22, -90, -92, -95]);

export const openBurstSocket: OpenBurstSocket = async (protocol, address, port, events) => {
  const calls = isPlainPath() ? undefined : await loadBatchCalls();
  return calls ? openBatch(calls, { protocol, address, port }, events) : openPlain(protocol, address, port, events);
};

const openPlain: OpenBurstSocket = async (...about) => {
  const socket = await openDatagramSocket(...about);
  return { ...socket, sendBurst: (burst, to) => socket.send(datagramsOf(burst), to) };
};

export type BatchCalls = NonNullable<Awaited<ReturnType<typeof loadBatchCalls>>>;

/** `undefined` where koffi is not installed or has no build, and where the structures would be others. */
export async function loadBatchCalls() {
  if (process.platform !== "linux" || endianness() !== "LE" || !/64/.test(process.arch)) return undefined;
  try {
    const [checked, quiet, addressOf] = await Promise.all([loadLibc(), loadLibcQuiet(), loadAddressOf()]);
    return {
      addressOf,
      socket: checked("socket", "int socket(int, int, int)"),
      setsockopt: checked("setsockopt", "int setsockopt(int, int, int, const void *, uint32_t)"),
      bind: checked("bind", "int bind(int, const void *, uint32_t)"),
      close: checked("close", "int close(int)"),
      recvmmsg: quiet("int recvmmsg(int, void *, uint32_t, int, intptr_t)"),
      sendmmsg: quiet("int sendmmsg(int, const void *, uint32_t, int)"),
    };
  } catch {
    return undefined;
  }
}

export interface Where {
  readonly protocol: string;
  readonly address: string;
  readonly port: number;
}

/** As openBurstSocket, by these calls. */
export async function openBatch(calls: BatchCalls, where: Where, events: DatagramEvents): Promise<BurstSocket> {
  const address = parseIpv4(where.address);
  if (address === undefined) throw new Error(`no IPv4 address: ${where.address}`);
  const fd = bound(calls, where, socketAddress(address, where.port));
  // Peers are numeric addresses: asking the resolver would cost a turn of the event loop for each datagram.
  const socket = createSocket({ type: "udp4", lookup: (host, _options, done) => done(null, host, 4) });
  const listening = once(socket, "listening");
  socket.bind({ fd, exclusive: true });
  await listening;
  return new BatchSocket(socket, fd, calls, events);
}

/** Its descriptor becomes the plain socket's, which closes it. */
function bound(calls: BatchCalls, { protocol, address, port }: Where, name: Uint8Array): number {
  const fd = calls.socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  try {
    for (const { plain, forced } of Object.values(BUFFERS)) enlarge(calls, fd, plain, forced);
    calls.bind(fd, name, name.length);
    return fd;
  } catch (error) {
    calls.close(fd);
    throw listenError(error, protocol, address, port);
  }
}

function enlarge(calls: BatchCalls, fd: number, plain: number, forced: number): void {
  const size = new Uint8Array(Int32Array.of(BUFFER_BYTES).buffer);
  try {
    calls.setsockopt(fd, SOL_SOCKET, forced, size, size.length);
  } catch {
    calls.setsockopt(fd, SOL_SOCKET, plain, size, size.length);
  }
}

class BatchSocket implements BurstSocket {
  readonly port: number;
  private readonly socket: Socket;
  private readonly fd: number;
  private readonly calls: BatchCalls;
  private readonly events: DatagramEvents;
  private readonly received: ReceiveBatch;
  private readonly batch: SendBatch;
  /** By address and port as one number. */
  private readonly peers = new Map<number, BatchPeer>();
  /** Between a wake-up and the answers to all that it brought. */
  private isGathering: boolean = false;
  /** In this turn of the event loop. */
  private hasDrained: boolean = false;
  /** Datagrams wait in the plain socket for room; others must not overtake them. */
  private isFull: boolean = false;
  private isClosed: boolean = false;

  constructor(socket: Socket, fd: number, calls: BatchCalls, events: DatagramEvents) {
    this.socket = socket;
    this.fd = fd;
    this.calls = calls;
    this.events = events;
    this.port = socket.address().port;
    const addressOf: AddressOf = calls.addressOf;
    this.received = new ReceiveBatch(RECEIVED_AT_ONCE, RECEIVE_ROOM, addressOf);
    this.batch = new SendBatch(SENT_AT_ONCE, addressOf);
    socket.on("message", (packet, from) => this.wakeUp(packet, from));
    socket.on("error", (error) => events.error(error));
  }

  send(packets: readonly Uint8Array[], to: Peer): void {
    for (const packet of packets) {
      this.sendBurst({ headers: packet, headerLength: packet.length, bytes: EMPTY, sliceLength: 0 }, to);
    }
  }

  sendBurst(burst: Burst, to: Peer): void {
    const peer = this.peerOf(to);
    const isSegmented =
      burst.headers.length > burst.headerLength && burst.headerLength + burst.sliceLength < peer.refusedFrom;
    for (const message of messagesOf(burst, isSegmented)) {
      const isMany = message.headers.length > message.headerLength;
      if (this.batch.add(message, peer, isMany)) continue;
      this.flush();
      if (!this.batch.add(message, peer, isMany)) this.sendPlainly(message, peer);
    }
    if (!this.isGathering) this.flush();
  }

  close(): Promise<void> {
    this.isClosed = true;
    this.batch.clear();
    return new Promise((resolve) => this.socket.close(() => resolve()));
  }

  private wakeUp(packet: Uint8Array, from: Peer): void {
    this.isGathering = true;
    try {
      this.events.message(packet, this.peerOf(from));
      if (!this.hasDrained) this.drain();
    } finally {
      this.isGathering = false;
      this.flush();
    }
  }

  /** Takes what else has come; the plain socket then finds nothing, or what is left after a whole batch. */
  private drain(): void {
    if (this.isClosed) return;
    const count = this.calls.recvmmsg(this.fd, this.received.messages, RECEIVED_AT_ONCE, MSG_DONTWAIT, 0);
    if (count < 0 && count !== EAGAIN && count !== EINTR) this.events.error(systemError("recvmmsg", count));
    for (let index = 0; index < count && !this.isClosed; index++) {
      this.events.message(this.received.datagram(index), this.senderOf(index));
    }
    if (count > 0) this.received.prepare(count);
    if (count < RECEIVED_AT_ONCE) return;
    this.hasDrained = true;
    setImmediate(() => {
      this.hasDrained = false;
    });
  }

  private senderOf(index: number): BatchPeer {
    const { address, port } = this.received.sender(index);
    return this.peers.get(address * 0x10000 + port) ?? this.remember(address, port);
  }

  private peerOf(peer: Peer): BatchPeer {
    if (peer instanceof BatchPeer) return peer;
    const address = ipv4ToNumber(parseIpv4(peer.address) ?? ipv4FromNumber(0));
    return this.peers.get(address * 0x10000 + peer.port) ?? this.remember(address, peer.port);
  }

  private remember(address: number, port: number): BatchPeer {
    // Those with a transfer are known to it: the others are made anew.
    if (this.peers.size >= MOST_PEERS) this.peers.clear();
    const peer = new BatchPeer(ipv4FromNumber(address), port);
    this.peers.set(address * 0x10000 + port, peer);
    return peer;
  }

  private flush(): void {
    if (this.batch.count === 0) return;
    const { count } = this.batch;
    let done = 0;
    if (this.isFull) this.isFull = this.socket.getSendQueueCount() > 0;
    while (!this.isClosed && !this.isFull && done < count) done += this.sendSome(done);
    for (; !this.isClosed && done < count; done++) this.sendQueuedPlainly(done);
    this.batch.clear();
  }

  /** How many of the queued messages it has dealt with; 0 = the send buffer is full. */
  private sendSome(done: number): number {
    const { messages, count } = this.batch;
    const from = done === 0 ? messages : messages.subarray((messages.length / SENT_AT_ONCE.messages) * done);
    const sent = this.calls.sendmmsg(this.fd, from, count - done, MSG_DONTWAIT);
    if (sent > 0 || sent === EINTR) return Math.max(sent, 0);
    if (sent === EAGAIN) {
      this.isFull = true;
      return 0;
    }
    this.onFailed(done, sent);
    return 1;
  }

  private onFailed(index: number, errno: number): void {
    const failed = this.batch.at(index);
    if (!failed?.isSegmented || !REFUSED.has(errno)) {
      this.events.error(systemError("sendmmsg", errno));
      return;
    }
    const { burst, to } = failed;
    to.refusedFrom = Math.min(to.refusedFrom, burst.headerLength + burst.sliceLength);
    this.sendPlainly(burst, to);
  }

  private sendQueuedPlainly(index: number): void {
    const message = this.batch.at(index);
    if (message) this.sendPlainly(message.burst, message.to);
  }

  private sendPlainly(burst: Burst, { address, port }: BatchPeer): void {
    for (const packet of datagramsOf(burst)) this.socket.send(packet, port, address);
  }
}

const EMPTY = new Uint8Array(0);

function systemError(call: string, errno: number): Error {
  return new Error(`${call}: errno ${-errno}`);
}
