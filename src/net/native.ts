/**
 * What Node's dgram cannot do, by calls into the C library: bind a socket to a device and
 * send to a link-layer address. The constants are those of Linux on x86, Arm, RISC-V and LoongArch.
 */
import { ANY_IPV4, type Mac } from "../base/address.ts";
import { loadLibc } from "./libc.ts";
import { AF_PACKET, linkAddress } from "./link-address.ts";
import { socketAddress } from "./socket-address.ts";

export interface NativeNet {
  /**
   * A UDP socket on 0.0.0.0:`port` that hears and speaks on `device` alone, as a file descriptor for dgram. Without
   * SO_REUSEADDR, so that a second server on the device is an error and not a silent rival.
   */
  udpSocketOn(device: string, port: number): number;
  /** Another file descriptor of the same socket. */
  duplicate(fd: number): number;
  /** Sends IPv4 packets to link-layer addresses on `device`; needs CAP_NET_RAW. */
  packetSocketOn(device: string): PacketSocket;
}

export interface PacketSocket {
  send(packet: Uint8Array, to: Mac): void;
  close(): void;
}

const AF_INET = 2;
const SOCK_DGRAM = 2;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SO_BROADCAST = 6;
const SO_RCVBUF = 8;
const SO_RCVBUFFORCE = 33;
const SO_BINDTODEVICE = 25;
const F_DUPFD_CLOEXEC = 1030;
const ETH_P_IP = 0x0800;
const SOCKET_TYPE = SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC;

/** Bytes: 2,000 machines that are switched on together ask faster than one thread answers. */
const RECEIVE_BUFFER = 4 << 20;

/** `undefined` where koffi is not installed, has no build for this machine, or this is not Linux. */
export async function loadNativeNet(): Promise<NativeNet | undefined> {
  if (process.platform !== "linux") return undefined;
  try {
    return nativeNet(await loadCalls());
  } catch {
    return undefined;
  }
}

type Calls = Awaited<ReturnType<typeof loadCalls>>;

async function loadCalls() {
  const checked = await loadLibc();
  return {
    socket: checked("socket", "int socket(int, int, int)"),
    setsockopt: checked("setsockopt", "int setsockopt(int, int, int, const void *, uint32_t)"),
    bind: checked("bind", "int bind(int, const void *, uint32_t)"),
    sendto: checked("sendto", "intptr_t sendto(int, const void *, size_t, int, const void *, uint32_t)"),
    close: checked("close", "int close(int)"),
    fcntl: checked("fcntl", "int fcntl(int, int, int)"),
    indexOf: checked("if_nametoindex", "int if_nametoindex(const char *)"),
  };
}

function nativeNet(calls: Calls): NativeNet {
  return {
    udpSocketOn(device, port) {
      const fd = calls.socket(AF_INET, SOCKET_TYPE, 0);
      try {
        const name = Buffer.from(`${device}\0`);
        calls.setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, name.length);
        calls.setsockopt(fd, SOL_SOCKET, SO_BROADCAST, hostInt(1), 4);
        enlarge(calls, fd);
        const address = socketAddress(ANY_IPV4, port);
        calls.bind(fd, address, address.length);
        return fd;
      } catch (error) {
        calls.close(fd);
        throw error;
      }
    },
    duplicate: (fd) => calls.fcntl(fd, F_DUPFD_CLOEXEC, 0),
    packetSocketOn(device) {
      const index = calls.indexOf(device);
      // Protocol 0: it hears nothing, so nothing piles up in it.
      const fd = calls.socket(AF_PACKET, SOCKET_TYPE, 0);
      return {
        send(packet, to) {
          const address = linkAddress(index, ETH_P_IP, to);
          calls.sendto(fd, packet, packet.length, 0, address, address.length);
        },
        close: () => {
          calls.close(fd);
        },
      };
    },
  };
}

/** Beyond the system's limit where CAP_NET_ADMIN allows it. */
function enlarge(calls: Awaited<ReturnType<typeof loadCalls>>, fd: number): void {
  try {
    calls.setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, hostInt(RECEIVE_BUFFER), 4);
  } catch {
    calls.setsockopt(fd, SOL_SOCKET, SO_RCVBUF, hostInt(RECEIVE_BUFFER), 4);
  }
}

/** A C int, in this machine's byte order. */
function hostInt(value: number): Uint8Array {
  return new Uint8Array(Int32Array.of(value).buffer);
}
