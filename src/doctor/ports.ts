/** Are the ports free that the daemon will listen on? While it runs it has them. */
import { createServer } from "node:net";
import type { Ipv4 } from "../base/address.ts";
import { EverbootError } from "../base/errors.ts";
import { openDatagramSocket } from "../net/datagram.ts";
import { listenError } from "../net/listen-error.ts";
import { ownersOfPort, type SocketOwner } from "../net/socket-owners.ts";
import { udpOpener } from "../net/udp.ts";
import { listenAddresses } from "../server/endpoint.ts";
import { servedDevices } from "./addresses.ts";
import type { Check, ServerScene } from "./check.ts";
import { type Finding, finding } from "./findings.ts";
import { type Service, servicesOf } from "./services.ts";

export const portsCheck: Check = {
  name: "ports",
  of: "server",
  look: async (scene) => {
    if (scene.daemon) return [];
    const taken: TakenPort[] = [];
    // One after the other: they would take each other's ports.
    for (const service of servicesOf(scene.site, scene.server))
      for (const where of placesOf(service, scene)) taken.push(...(await tryPort(service, where, scene)));
    return judgePorts(taken);
  },
};

export interface TakenPort {
  readonly service: Service;
  /** A device or an address. */
  readonly where: string;
  readonly owners: readonly SocketOwner[];
}

/** One finding for each service and who has its port, wherever that is. */
export function judgePorts(taken: readonly TakenPort[]): readonly Finding[] {
  const groups = Map.groupBy(
    taken,
    ({ service, owners }) => `${service.protocol} ${service.port} ${ownersText(owners)}`,
  );
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    if (!first) return [];
    const { name, protocol, port } = first.service;
    const where = group.map((each) => each.where).join(", ");
    const owner = ownersText(first.owners);
    const details = { protocol: protocol.toUpperCase(), port, service: name, where, owner };
    return [finding("port-taken", details, "it cannot be listened on: EADDRINUSE")];
  });
}

function ownersText(owners: readonly SocketOwner[]): string {
  return owners.map(({ program, pid }) => `${program} (pid ${pid})`).join(", ") || "another program";
}

function placesOf({ binds }: Service, { site, server, interfaces }: ServerScene): readonly string[] {
  const devices = servedDevices(site, server, interfaces);
  if (binds === "none" || devices.length === 0) return [];
  if (binds === "any") return ["0.0.0.0"];
  if (binds === "own") return [server.address];
  return binds === "device" ? devices : listenAddresses(site, server, interfaces);
}

/** As the daemon does it, for a moment. Rejects with EverbootError `port-denied`, or the system's error. */
async function tryPort(service: Service, where: string, { interfaces }: ServerScene): Promise<readonly TakenPort[]> {
  const { protocol, port, binds } = service;
  try {
    if (binds === "device") await tryDevice(where, port, interfaces.find(({ name }) => name === where)?.address);
    else if (protocol === "tcp") await tryTcp(where, port);
    else await (await openDatagramSocket("UDP", where, port, QUIET)).close();
    return [];
  } catch (error) {
    const isTaken = error instanceof EverbootError && error.code === "port-in-use";
    if (!isTaken) throw error;
    return [{ service, where, owners: await ownersOfPort(protocol === "tcp" ? "tcp" : "udp", port) }];
  }
}

const QUIET = { message: () => undefined, error: () => undefined };

async function tryDevice(device: string, port: number, address = "0.0.0.0" as Ipv4): Promise<void> {
  const opener = await udpOpener();
  const socket = await opener.open({ device, address, port, receive: () => undefined, failed: () => undefined });
  await socket.close();
}

function tryTcp(host: string, port: number): Promise<void> {
  const server = createServer();
  return new Promise((resolve, reject) => {
    server.once("error", (error) => reject(listenError(error, "TCP", host, port)));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve()));
  });
}
