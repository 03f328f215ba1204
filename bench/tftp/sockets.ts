/** UDP sockets of the load, by calls into the C library: 64 messages a call, and of each no more than is looked at. */
import { loadAddressOf, loadLibc } from "../../src/net/libc.ts";

export interface Heard {
  /** Of the socket's owner. */
  readonly owner: number;
  readonly count: number;
  /** Bytes of datagram `index`, whole even where fewer were copied. */
  length(index: number): number;
  /** What was copied of datagram `index`. */
  bytes(index: number): Uint8Array;
  /** Port of the sender of datagram `index`. */
  port(index: number): number;
}

export interface Sockets {
  /** Opens one; returns its owner's number, from 0. */
  open(): number;
  sendTo(owner: number, bytes: Uint8Array, address: string, port: number): void;
  /** From now on it speaks to this peer alone. */
  connect(owner: number, address: string, port: number): void;
  send(owner: number, bytes: Uint8Array): void;
  /** Waits for datagrams, hands over what came. */
  wait(ms: number, heard: (heard: Heard) => void): void;
  close(): void;
}

const AF_INET = 2;
const SOCK_DGRAM = 2;
const EPOLL_CTL_ADD = 1;
const EPOLLIN = 1;
const MSG_TRUNC = 0x20;
const MSG_DONTWAIT = 0x40;
/** Messages a call, and ready sockets a wait. */
const MESSAGES = 64;
const NAME_BYTES = 16;
const IOVEC_BYTES = 16;
/** struct mmsghdr of 64-bit Linux. */
const MMSGHDR_BYTES = 64;
/** struct epoll_event is packed on x86-64 alone. */
const EVENT_BYTES = process.arch === "x64" ? 12 : 16;
const EVENT_DATA = EVENT_BYTES - 8;

/** @param room bytes that are copied of each datagram */
export async function openSockets(room: number): Promise<Sockets> {
  const [checked, addressOf] = await Promise.all([loadLibc(), loadAddressOf()]);
  const calls = {
    socket: checked("socket", "int socket(int, int, int)"),
    connect: checked("connect", "int connect(int, const void *, uint32_t)"),
    sendto: checked("sendto", "intptr_t sendto(int, const void *, size_t, int, const void *, uint32_t)"),
    send: checked("send", "intptr_t send(int, const void *, size_t, int)"),
    recvmmsg: checked("recvmmsg", "int recvmmsg(int, void *, uint32_t, int, intptr_t)"),
    create: checked("epoll_create1", "int epoll_create1(int)"),
    add: checked("epoll_ctl", "int epoll_ctl(int, int, int, void *)"),
    wait: checked("epoll_wait", "int epoll_wait(int, void *, int, int)"),
    close: checked("close", "int close(int)"),
  };
  const space = receiveSpace(room, addressOf);
  const epoll = calls.create(0);
  const fds: number[] = [];
  const events = Buffer.alloc(EVENT_BYTES * MESSAGES);
  const heard = { owner: 0, count: 0, ...space.reader };
  return {
    open() {
      const fd = calls.socket(AF_INET, SOCK_DGRAM, 0);
      const event = Buffer.alloc(EVENT_BYTES);
      event.writeUInt32LE(EPOLLIN, 0);
      event.writeUInt32LE(fds.length, EVENT_DATA);
      calls.add(epoll, EPOLL_CTL_ADD, fd, event);
      return fds.push(fd) - 1;
    },
    sendTo(owner, bytes, address, port) {
      calls.sendto(fds[owner] ?? -1, bytes, bytes.length, 0, socketAddress(address, port), NAME_BYTES);
    },
    connect(owner, address, port) {
      calls.connect(fds[owner] ?? -1, socketAddress(address, port), NAME_BYTES);
    },
    send(owner, bytes) {
      calls.send(fds[owner] ?? -1, bytes, bytes.length, 0);
    },
    wait(ms, hand) {
      const ready = calls.wait(epoll, events, MESSAGES, ms);
      for (let index = 0; index < ready; index++) {
        heard.owner = events.readUInt32LE(index * EVENT_BYTES + EVENT_DATA);
        space.prepare();
        heard.count = calls.recvmmsg(fds[heard.owner] ?? -1, space.headers, MESSAGES, MSG_DONTWAIT | MSG_TRUNC, 0);
        hand(heard);
      }
    },
    close() {
      for (const fd of [...fds.splice(0), epoll]) calls.close(fd);
    },
  };
}

/** Memory for one recvmmsg call. */
function receiveSpace(room: number, addressOf: (bytes: Uint8Array) => bigint) {
  const headers = Buffer.alloc(MESSAGES * MMSGHDR_BYTES);
  const vectors = Buffer.alloc(MESSAGES * IOVEC_BYTES);
  const names = Buffer.alloc(MESSAGES * NAME_BYTES);
  const data = Buffer.alloc(MESSAGES * room);
  const at = { vectors: addressOf(vectors), names: addressOf(names), data: addressOf(data) };
  const views = Array.from({ length: MESSAGES }, (_, index) => data.subarray(index * room, (index + 1) * room));
  for (let index = 0; index < MESSAGES; index++) {
    vectors.writeBigUInt64LE(at.data + BigInt(index * room), index * IOVEC_BYTES);
    vectors.writeBigUInt64LE(BigInt(room), index * IOVEC_BYTES + 8);
    headers.writeBigUInt64LE(at.names + BigInt(index * NAME_BYTES), index * MMSGHDR_BYTES);
    headers.writeBigUInt64LE(at.vectors + BigInt(index * IOVEC_BYTES), index * MMSGHDR_BYTES + 16);
    headers.writeBigUInt64LE(1n, index * MMSGHDR_BYTES + 24);
  }
  return {
    headers,
    /** What the headers point to must not be collected. */
    kept: [vectors, names, data],
    prepare() {
      for (let at = 8; at < headers.length; at += MMSGHDR_BYTES) headers.writeUInt32LE(NAME_BYTES, at);
    },
    reader: {
      length: (index: number) => headers.readUInt32LE(index * MMSGHDR_BYTES + 56),
      bytes: (index: number) => views[index] ?? data,
      port: (index: number) => names.readUInt16BE(index * NAME_BYTES + 2),
    },
  };
}

/** struct sockaddr_in */
function socketAddress(address: string, port: number): Buffer {
  const bytes = Buffer.alloc(NAME_BYTES);
  bytes.writeUInt16LE(AF_INET, 0);
  bytes.writeUInt16BE(port, 2);
  bytes.set(address.split(".").map(Number), 4);
  return bytes;
}
