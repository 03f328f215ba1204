/**
 * TCP connections of a load by calls into the C library: bodies are thrown away inside the kernel (MSG_TRUNC, tcp(7)),
 * so that the client costs little beside the server that is measured. Only for benches: connect blocks.
 */
import { isIPv4 } from "node:net";
import { endianness } from "node:os";
import { loadLibcQuiet } from "../../src/net/libc.ts";

export interface TcpCalls {
  /** A connected socket; throws when the server refuses. */
  connect(address: string, port: number): number;
  /** Tells `wait` of this socket from now on. */
  watch(fd: number): void;
  /** Whole requests are short: the send buffer of an idle connection takes them at once. */
  send(fd: number, bytes: Uint8Array): void;
  /** Bytes read into `into`; 0 = closed, negative = errno (-11: nothing there). */
  receive(fd: number, into: Uint8Array): number;
  /** Bytes thrown away, as `receive`. */
  discard(fd: number, most: number): number;
  /** Sockets that have something to read, within `ms`. */
  wait(ms: number): number[];
  close(fd: number): void;
}

export const EAGAIN = -11;

const [AF_INET, SOCK_STREAM, SOCK_CLOEXEC] = [2, 1, 0o2000000];
const [IPPROTO_TCP, TCP_NODELAY] = [6, 1];
const [EPOLLIN, EPOLL_CTL_ADD] = [1, 1];
const [MSG_TRUNC, MSG_DONTWAIT, MSG_NOSIGNAL] = [0x20, 0x40, 0x4000];
const MOST_EVENTS = 512;
/** struct epoll_event is packed on x86-64 alone. */
const EVENT = process.arch === "x64" ? { size: 12, data: 4 } : { size: 16, data: 8 };

export async function loadTcpCalls(): Promise<TcpCalls> {
  if (endianness() !== "LE") throw new Error("written for little-endian machines");
  const call = await loadLibcQuiet();
  const calls = {
    socket: call("int socket(int, int, int)"),
    connect: call("int connect(int, const void *, uint32_t)"),
    setsockopt: call("int setsockopt(int, int, int, const void *, uint32_t)"),
    send: call("intptr_t send(int, const void *, size_t, int)"),
    recv: call("intptr_t recv(int, void *, size_t, int)"),
    close: call("int close(int)"),
    epollCreate: call("int epoll_create1(int)"),
    epollCtl: call("int epoll_ctl(int, int, int, const void *)"),
    epollWait: call("int epoll_wait(int, void *, int, int)"),
  };
  const epoll = wanted("epoll_create1", calls.epollCreate(0));
  const events = Buffer.alloc(EVENT.size * MOST_EVENTS);
  const nowhere = Buffer.alloc(1);
  return {
    connect(address, port) {
      const fd = wanted("socket", calls.socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
      const to = socketAddress(address, port);
      wanted(`connect to ${address}:${port}`, calls.connect(fd, to, to.length));
      calls.setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, Buffer.from(Int32Array.of(1).buffer), 4);
      return fd;
    },
    watch(fd) {
      const event = Buffer.alloc(EVENT.size);
      event.writeUInt32LE(EPOLLIN, 0);
      event.writeUInt32LE(fd, EVENT.data);
      wanted("epoll_ctl", calls.epollCtl(epoll, EPOLL_CTL_ADD, fd, event));
    },
    send(fd, bytes) {
      const sent = calls.send(fd, bytes, bytes.length, MSG_NOSIGNAL);
      if (sent !== bytes.length) throw new Error(`send: ${sent} of ${bytes.length}`);
    },
    receive: (fd, into) => calls.recv(fd, into, into.length, MSG_DONTWAIT),
    discard: (fd, most) => calls.recv(fd, nowhere, most, MSG_DONTWAIT | MSG_TRUNC),
    wait(ms) {
      const count = Math.max(0, calls.epollWait(epoll, events, MOST_EVENTS, ms));
      return Array.from({ length: count }, (_, at) => events.readUInt32LE(at * EVENT.size + EVENT.data));
    },
    close: (fd) => void calls.close(fd),
  };
}

function wanted(what: string, result: number): number {
  if (result < 0) throw new Error(`${what}: errno ${-result}`);
  return result;
}

/** struct sockaddr_in */
function socketAddress(address: string, port: number): Buffer {
  if (!isIPv4(address)) throw new Error(`${address} is no IPv4 address`);
  const bytes = Buffer.alloc(16);
  bytes.writeUInt16LE(AF_INET, 0);
  bytes.writeUInt16BE(port, 2);
  bytes.set(address.split(".").map(Number), 4);
  return bytes;
}
