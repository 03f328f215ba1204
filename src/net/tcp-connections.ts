/** The TCP connections of this machine, as the kernel lists them (/proc/net/tcp and tcp6, proc_net_tcp.rst of Linux 6.1). */
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { readFile } from "node:fs/promises";
import { Socket } from "node:net";
import { endianness } from "node:os";
import { type Ipv4, ipv4FromBytes, parseIpv4 } from "../base/address.ts";
import { errnoOf } from "../base/errors.ts";
import type { TcpConnection } from "../wire/peer-message.ts";
import type { Endpoint } from "../wire/tcp-segment.ts";

/**
 * States (net/tcp_states.h) in which the client may still wait for bytes: ESTABLISHED, FIN_WAIT1 (all is written, not
 * all has arrived), CLOSE_WAIT and LAST_ACK (the client has only ended its own side), CLOSING.
 */
const WAITING = new Set(["01", "04", "08", "09", "0B"]);

/** Sockets for both families, as nfs-ganesha has, are in the second; a kernel without IPv6 has no such file. */
const [TABLE, TABLE6] = ["/proc/net/tcp", "/proc/net/tcp6"] as const;

/** Connections to these ports of this machine, those within it left out. Rejects with the system's error. */
export async function servedConnections(
  ports: ReadonlySet<number>,
  tables: readonly string[] = [TABLE, TABLE6],
): Promise<TcpConnection[]> {
  const texts = await Promise.all(tables.map(readTable));
  return parseProcTcp(texts.join("\n"), endianness()).filter(
    ({ server, client }) => ports.has(server.port) && server.address !== client.address,
  );
}

async function readTable(path: string): Promise<string> {
  try {
    return await readFile(path, "latin1");
  } catch (error) {
    if (path === TABLE6 && errnoOf(error) === "ENOENT") return "";
    throw error;
  }
}

/** The channel of Node's `net` that tells of each connection that a server of this process accepts. */
const ACCEPTED = "net.server.socket";

/**
 * Hears of connections that servers of this process accept at these ports, before a byte of them is read. The listing
 * sees them later: too late for a client whose server dies in between.
 * @returns what ends it
 */
export function watchAccepted(ports: ReadonlySet<number>, accepted: (connection: TcpConnection) => void): () => void {
  const listener = (message: unknown) => {
    const connection = connectionOf(message);
    if (connection && ports.has(connection.server.port)) accepted(connection);
  };
  subscribe(ACCEPTED, listener);
  return () => {
    unsubscribe(ACCEPTED, listener);
  };
}

/** Undefined for Unix sockets, IPv6, and clients that are gone already. */
function connectionOf(message: unknown): TcpConnection | undefined {
  const socket = typeof message === "object" && message !== null && "socket" in message ? message.socket : undefined;
  if (!(socket instanceof Socket)) return undefined;
  const { localAddress = "", localPort = 0, remoteAddress = "", remotePort = 0 } = socket;
  const server = parseIpv4(localAddress);
  const client = parseIpv4(remoteAddress);
  if (!server || !client) return undefined;
  return { server: { address: server, port: localPort }, client: { address: client, port: remotePort } };
}

/**
 * Connections whose client may still wait for bytes. Lines it does not understand are skipped, as is the heading.
 * @param order of the bytes of addresses, which the kernel prints as numbers of this machine
 */
export function parseProcTcp(text: string, order: "LE" | "BE"): TcpConnection[] {
  return text.split("\n").flatMap((line) => {
    const [, local = "", remote = "", state = ""] = line.trim().split(/\s+/);
    if (!WAITING.has(state)) return [];
    const server = parseEndpoint(local, order);
    const client = parseEndpoint(remote, order);
    return server && client ? [{ server, client }] : [];
  });
}

/** Before an IPv4 address of a socket for both families, `::ffff:192.168.77.1` (RFC 4291 section 2.5.5.2), in words of 32 bits. */
const MAPPED = { LE: "0000000000000000FFFF0000", BE: "00000000000000000000FFFF" } as const;

/**
 * `0100007F:0050` is 127.0.0.1:80 on a little-endian machine; ports are always in reading order. Undefined for addresses
 * of IPv6.
 */
function parseEndpoint(text: string, order: "LE" | "BE"): Endpoint | undefined {
  const match = /^([0-9A-F]{8}):([0-9A-F]{4})$/.exec(text.startsWith(MAPPED[order]) ? text.slice(24) : text);
  if (!match) return undefined;
  const bytes = Buffer.from(match[1] ?? "", "hex");
  const address: Ipv4 = ipv4FromBytes(order === "LE" ? bytes.reverse() : bytes);
  return { address, port: Number.parseInt(match[2] ?? "", 16) };
}
