/** Do the other servers' ports answer this one? */
import { createSocket } from "node:dgram";
import { connect } from "node:net";
import type { Ipv4 } from "../base/address.ts";
import { errnoOf } from "../base/errors.ts";
import type { Server } from "../site/model.ts";
import { encodeTftp } from "../wire/tftp-packet.ts";
import { ANSWER_MS, inTime } from "./ask-http.ts";
import { type Check, peersOf } from "./check.ts";
import { type Finding, finding } from "./findings.ts";
import { type Service, servicesOf, TFTP_PORT } from "./services.ts";

export const reachCheck: Check = {
  name: "reach",
  of: "server",
  look: async (scene, signal) => {
    const looks = peersOf(scene).map(async (peer) => {
      const services = servicesOf(scene.site, peer).filter(isProbed);
      const ports = await Promise.all(
        services.map(async (service) => ({ service, state: await probe(service, peer.address, signal) })),
      );
      return judgeReach(peer, ports);
    });
    return (await Promise.all(looks)).flat();
  },
};

export type PortState = "open" | "closed" | "silent";

export interface ProbedPort {
  readonly service: Service;
  readonly state: PortState;
}

/** Those that answer a question that changes nothing. */
function isProbed({ protocol, port }: Service): boolean {
  return protocol === "tcp" || (protocol === "udp" && port === TFTP_PORT);
}

export function judgeReach({ name, address }: Pick<Server, "name" | "address">, ports: readonly ProbedPort[]) {
  const about = { server: name, address };
  const evidence = ports.map(({ service, state }) => `${service.protocol} ${service.port} ${state}`).join(", ");
  const daemon = ports.filter(({ service }) => service.binds !== "none");
  if (ports.every(({ state }) => state === "silent")) return [finding("server-silent", about, evidence)];
  if (daemon.every(({ state }) => state !== "open")) return [finding("daemon-away", about, evidence)];
  // etcd has checks of its own.
  return daemon.flatMap(({ service, state }): Finding[] => {
    if (state === "open") return [];
    const { name: label, protocol, port } = service;
    const details = { ...about, service: label, protocol: protocol.toUpperCase(), port };
    return [finding(state === "closed" ? "port-closed" : "port-silent", details, evidence)];
  });
}

function probe({ protocol, port }: Service, address: Ipv4, signal: AbortSignal): Promise<PortState> {
  return protocol === "tcp" ? probeTcp(address, port) : probeTftp(address, inTime(signal));
}

function probeTcp(host: Ipv4, port: number): Promise<PortState> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const end = (state: PortState) => {
      socket.destroy();
      resolve(state);
    };
    socket.setTimeout(ANSWER_MS, () => end("silent"));
    socket.once("connect", () => end("open"));
    socket.once("error", (error) => end(errnoOf(error) === "ECONNREFUSED" ? "closed" : "silent"));
  });
}

/**
 * A request in a mode that does not exist is answered by an ERROR at once (RFC 1350 section 5), by Everboot from the port
 * that was asked. The socket is connected, so it hears when the port is closed.
 */
async function probeTftp(address: Ipv4, signal: AbortSignal): Promise<PortState> {
  const socket = createSocket("udp4");
  try {
    return await new Promise((resolve) => {
      signal.addEventListener("abort", () => resolve("silent"), { once: true });
      socket.on("message", () => resolve("open"));
      socket.on("error", (error) => resolve(errnoOf(error) === "ECONNREFUSED" ? "closed" : "silent"));
      socket.connect(TFTP_PORT, address, () => socket.send(QUESTION));
    });
  } finally {
    socket.close();
  }
}

const QUESTION = encodeTftp({ kind: "read", path: "doctor", mode: "doctor", options: [] });
