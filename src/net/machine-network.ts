/** This machine's network, as iproute2 and the resolver's files tell it; and whether its router answers. */
import { execFile } from "node:child_process";
import { createSocket } from "node:dgram";
import { readFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { promisify } from "node:util";
import type { Ipv4 } from "../base/address.ts";
import { EverbootError, errnoOf } from "../base/errors.ts";
import { type MachineNetwork, readLinks, readResolver, readRoutes } from "../bond/machine-network.ts";

const run = promisify(execFile);

/** Rejects with EverbootError `tool-missing` where there is no iproute2. */
export async function readMachineNetwork(root = "/"): Promise<MachineNetwork> {
  const [links, routes, resolver] = await Promise.all([
    ip("-json", "-details", "address", "show"),
    ip("-json", "-4", "route", "show"),
    readNameServers(root),
  ]);
  return { hostname: hostname(), links: readLinks(links), routes: readRoutes(routes), ...resolver };
}

/**
 * Asks `address` by ARP on `device`, with no need of a program or of an answer to pings: the kernel asks when a datagram
 * is to be sent (to the discard port, RFC 863). Resolves after at most a second.
 */
export async function answersArp(address: Ipv4, device: string): Promise<boolean> {
  for (let tries = 0; tries < 5; tries++) {
    await sendDatagram(address);
    await pause(200);
    const neighbours = JSON.parse(await ip("-json", "neighbour", "show", "to", address, "dev", device));
    const states = (neighbours as readonly { readonly lladdr?: string; readonly state?: readonly string[] }[]).flatMap(
      ({ lladdr, state = [] }) => (lladdr === undefined ? [] : state),
    );
    if (states.length > 0 && !states.includes("FAILED")) return true;
  }
  return false;
}

/** Without a route it is an error, and nobody has answered. */
async function sendDatagram(address: Ipv4): Promise<void> {
  const socket = createSocket("udp4");
  await new Promise<void>((resolve) => socket.send("", 9, address, () => resolve()));
  socket.close();
}

async function ip(...args: readonly string[]): Promise<string> {
  try {
    return (await run("ip", args)).stdout || "[]";
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") throw error;
    throw new EverbootError("tool-missing", { tool: "ip", purpose: "bonds", package: "iproute2" }, error);
  }
}

/** Behind systemd-resolved's stub (127.0.0.53) stand the servers of its other file. */
async function readNameServers(root: string): Promise<Pick<MachineNetwork, "dns" | "domain">> {
  const own = readResolver(await textOf(join(root, "etc/resolv.conf")));
  if (!own.dns.every((server) => server.startsWith("127."))) return own;
  const { dns } = readResolver(await textOf(join(root, "run/systemd/resolve/resolv.conf")));
  return { ...own, dns };
}

async function textOf(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return "";
    throw error;
  }
}
