/**
 * Hears ARP (RFC 826) on an interface: who says that which address is its own. By koffi, as `native.ts`. The constants are
 * those of Linux on x86, Arm, RISC-V and LoongArch.
 */
import { type Ipv4, ipv4FromBytes, type Mac, macFromBytes } from "../base/address.ts";
import { loadLibc } from "./libc.ts";

export interface ArpWatch {
  /** All that has come since the last call, oldest first; senders only. Throws an Error with the errno's name as `code`. */
  take(): Announcement[];
  close(): void;
}

/** The sender of a request or reply has this address. */
export interface Announcement {
  readonly mac: Mac;
  readonly address: Ipv4;
}

const AF_PACKET = 17;
const SOCK_DGRAM = 2;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const ETH_P_ARP = 0x0806;
/** Two names of one number. */
const NOTHING_WAITS: readonly unknown[] = ["EAGAIN", "EWOULDBLOCK"];
/** Bytes of an ARP packet for Ethernet and IPv4. */
const ARP_BYTES = 28;

/** `undefined` without CAP_NET_RAW, where koffi is not installed or has no build for this machine, or off Linux. */
export async function openArpWatch(device: string): Promise<ArpWatch | undefined> {
  if (process.platform !== "linux") return undefined;
  try {
    const calls = await loadCalls();
    const address = listenAddress(calls.indexOf(device));
    const fd = calls.socket(AF_PACKET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    calls.bind(fd, address, address.length);
    return {
      take: () => takeAll((into) => calls.recv(fd, into, into.length, 0)),
      close: () => {
        calls.close(fd);
      },
    };
  } catch {
    return undefined;
  }
}

async function loadCalls() {
  const checked = await loadLibc();
  return {
    socket: checked("socket", "int socket(int, int, int)"),
    bind: checked("bind", "int bind(int, const void *, uint32_t)"),
    recv: checked("recv", "intptr_t recv(int, _Out_ void *, size_t, int)"),
    close: checked("close", "int close(int)"),
    indexOf: checked("if_nametoindex", "int if_nametoindex(const char *)"),
  };
}

function takeAll(receive: (into: Uint8Array) => number): Announcement[] {
  const found: Announcement[] = [];
  const packet = new Uint8Array(64);
  for (;;) {
    const length = receiveOne(receive, packet);
    if (length === undefined) return found;
    const announcement = parseArp(packet.subarray(0, length));
    if (announcement) found.push(announcement);
  }
}

/** Bytes; undefined = nothing more waits. */
function receiveOne(receive: (into: Uint8Array) => number, packet: Uint8Array): number | undefined {
  try {
    return receive(packet);
  } catch (error) {
    if (error instanceof Error && "code" in error && NOTHING_WAITS.includes(error.code)) return undefined;
    throw error;
  }
}

/** A probe (RFC 5227 section 1.1) says that nobody has its sender's address, 0.0.0.0. */
export function parseArp(packet: Uint8Array): Announcement | undefined {
  const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength);
  // Ethernet, IPv4, and their addresses' lengths
  if (packet.length < ARP_BYTES || view.getUint32(0) !== 0x0001_0800 || view.getUint16(4) !== 0x0604) return undefined;
  const address = ipv4FromBytes(packet.subarray(14, 18));
  return address === "0.0.0.0" ? undefined : { mac: macFromBytes(packet.subarray(8, 14)), address };
}

/** struct sockaddr_ll */
function listenAddress(index: number): Uint8Array {
  const bytes = new Uint8Array(20);
  bytes.set(new Uint8Array(Uint16Array.of(AF_PACKET).buffer), 0);
  new DataView(bytes.buffer).setUint16(2, ETH_P_ARP);
  bytes.set(new Uint8Array(Int32Array.of(index).buffer), 4);
  return bytes;
}
