/**
 * Sends whole IPv4 packets, header included: what a client must hear that no socket of this machine would say. By koffi,
 * as `native.ts`. The constants are those of Linux on x86, Arm, RISC-V and LoongArch.
 */
import type { Ipv4 } from "../base/address.ts";
import { loadLibc } from "./libc.ts";
import { socketAddress } from "./socket-address.ts";

export interface RawIpSender {
  /**
   * By ordinary routing. The source address is the packet's own, so a client without an ARP entry learns from the
   * kernel's request where that address now is. Throws an Error with the errno's name as `code`.
   */
  send(packet: Uint8Array, to: Ipv4): void;
  close(): void;
}

const AF_INET = 2;
const SOCK_RAW = 3;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
/** The header is the caller's (IP_HDRINCL), and nothing is received: raw(7). */
const IPPROTO_RAW = 255;

/** `undefined` without CAP_NET_RAW, where koffi is not installed or has no build for this machine, or off Linux. */
export async function openRawIpSender(): Promise<RawIpSender | undefined> {
  if (process.platform !== "linux") return undefined;
  try {
    const calls = await loadCalls();
    const fd = calls.socket(AF_INET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_RAW);
    return {
      send(packet, to) {
        const address = socketAddress(to, 0);
        calls.sendto(fd, packet, packet.length, 0, address, address.length);
      },
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
    sendto: checked("sendto", "intptr_t sendto(int, const void *, size_t, int, const void *, uint32_t)"),
    close: checked("close", "int close(int)"),
  };
}
