/**
 * Hears and sends packets of one kind on one device, whatever sockets and firewall rules this machine has; by koffi, as
 * `native.ts`. The constants are those of 64-bit Linux on x86, Arm, RISC-V and LoongArch; see packet(7).
 */
import { type Mac, macFromBytes } from "../base/address.ts";
import { type Clock, sleep } from "../base/clock.ts";
import { EverbootError, errnoOf } from "../base/errors.ts";
import { loadAddressOf, loadLibc } from "./libc.ts";
import { AF_PACKET, linkAddress, SOCKADDR_LL_BYTES } from "./link-address.ts";
import { packetFilter, type TapKind } from "./packet-filter.ts";

/** `bytes` begin after the link-layer header. */
export interface HeardPacket {
  readonly bytes: Uint8Array;
  /** Who put it on this wire: a router or relay agent for what came through one. */
  readonly from: Mac;
}

export interface PacketTap {
  /** Throws an Error with the errno's name as `code`. */
  send(packet: Uint8Array, to: Mac): void;
  /** What has come since it was read last; what was sent from here is not among it. */
  read(): readonly HeardPacket[];
  close(): void;
}

const SOCK_DGRAM = 2;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SO_ATTACH_FILTER = 26;
const ETHER_TYPES: Readonly<Record<TapKind, number>> = { arp: 0x0806, "dhcp-client": 0x0800, vrrp: 0x0800 };
const LONGEST_PACKET = 65_536;
/** At one reading, so that a flood cannot hold it for ever. */
const MOST_PACKETS = 1000;
const READ_EVERY_MS = 50;
const EMPTY = new Set(["EAGAIN", "EWOULDBLOCK"]);

/**
 * Rejects with the system's error: `EPERM` without CAP_NET_RAW, `ENODEV` when there is no such device; with EverbootError
 * `tool-missing` where koffi has no build for this machine.
 */
export async function openPacketTap(device: string, kind: TapKind): Promise<PacketTap> {
  const calls = await loadCalls();
  const index = calls.indexOf(device);
  if (index === 0) throw Object.assign(new Error(`no device ${device}`), { code: "ENODEV" });
  // It hears nothing until it is bound, when the filter is there.
  const fd = calls.socket(AF_PACKET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const space = new Uint8Array(LONGEST_PACKET);
  const at = (mac?: Mac) => linkAddress(index, ETHER_TYPES[kind], mac);
  try {
    attachFilter(calls, fd, packetFilter(kind));
    calls.bind(fd, at(), SOCKADDR_LL_BYTES);
  } catch (error) {
    calls.close(fd);
    throw error;
  }
  return {
    send: (packet, to) => void calls.sendto(fd, packet, packet.length, 0, at(to), SOCKADDR_LL_BYTES),
    read: () => readAll(calls, fd, space),
    close: () => void calls.close(fd),
  };
}

/** Hands over what is heard for `ms`. Rejects with the signal's reason when it is aborted. */
export async function listen(
  tap: Pick<PacketTap, "read">,
  { ms, clock, signal }: { readonly ms: number; readonly clock: Clock; readonly signal: AbortSignal },
  heard: (packet: HeardPacket) => void,
): Promise<void> {
  const end = clock.now() + ms;
  for (let left = ms; left > 0; left = end - clock.now()) {
    await sleep(clock, Math.min(left, READ_EVERY_MS), signal);
    for (const packet of tap.read()) heard(packet);
  }
}

type Calls = Awaited<ReturnType<typeof loadCalls>>;

async function loadCalls() {
  try {
    const [checked, addressOf] = await Promise.all([loadLibc(), loadAddressOf()]);
    return {
      addressOf,
      socket: checked("socket", "int socket(int, int, int)"),
      setsockopt: checked("setsockopt", "int setsockopt(int, int, int, const void *, uint32_t)"),
      bind: checked("bind", "int bind(int, const void *, uint32_t)"),
      sendto: checked("sendto", "intptr_t sendto(int, const void *, size_t, int, const void *, uint32_t)"),
      recvfrom: checked("recvfrom", "intptr_t recvfrom(int, void *, size_t, int, void *, void *)"),
      close: checked("close", "int close(int)"),
      indexOf: checked("if_nametoindex", "int if_nametoindex(const char *)"),
    };
  } catch (error) {
    const need = { tool: "the npm package koffi", purpose: "raw packets", package: "koffi (npm)" };
    throw new EverbootError("tool-missing", need, error);
  }
}

/** struct sock_fprog: the count of instructions, and where they are. */
function attachFilter(calls: Calls, fd: number, filter: Uint8Array): void {
  if (filter.length === 0) return;
  const program = new Uint8Array(16);
  program.set(new Uint8Array(Uint16Array.of(filter.length / 8).buffer), 0);
  program.set(new Uint8Array(BigUint64Array.of(calls.addressOf(filter)).buffer), 8);
  calls.setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, program, program.length);
}

function readAll(calls: Calls, fd: number, space: Uint8Array): HeardPacket[] {
  const packets: HeardPacket[] = [];
  while (packets.length < MOST_PACKETS) {
    const packet = readOne(calls, fd, space);
    if (!packet) break;
    packets.push(packet);
  }
  return packets;
}

function readOne(calls: Calls, fd: number, space: Uint8Array): HeardPacket | undefined {
  const from = new Uint8Array(SOCKADDR_LL_BYTES);
  const size = new Uint8Array(Uint32Array.of(SOCKADDR_LL_BYTES).buffer);
  try {
    const length = calls.recvfrom(fd, space, space.length, 0, from, size);
    return { bytes: space.slice(0, length), from: macFromBytes(from.subarray(12)) };
  } catch (error) {
    if (EMPTY.has(errnoOf(error) ?? "")) return undefined;
    throw error;
  }
}
