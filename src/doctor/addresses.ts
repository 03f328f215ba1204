/** Has this machine the addresses and interfaces that the site file gives its server, with a link on them? */
import { EverbootError } from "../base/errors.ts";
import type { MachineLink } from "../bond/machine-network.ts";
import type { LocalInterface } from "../net/interfaces.ts";
import { listenAddresses } from "../server/endpoint.ts";
import type { Server, Site } from "../site/model.ts";
import type { Check, Scene } from "./check.ts";
import { type Finding, finding } from "./findings.ts";

export const addressesCheck: Check = {
  name: "addresses",
  of: "machine",
  look: async (scene) => {
    const { site, server, interfaces, links } = scene;
    return server ? judgeAddresses(site, server, interfaces, links) : [unknownServer(scene)];
  },
};

function unknownServer({ site, interfaces }: Scene): Finding {
  const names = [...site.servers.keys()].join(", ");
  return finding("server-unknown", { names }, addressesText(interfaces));
}

function addressesText(interfaces: readonly LocalInterface[]): string {
  const own = interfaces.map(({ name, address }) => `${address} on ${name}`).join(", ");
  return `this machine has ${own || "no address"}`;
}

/** Interfaces that the server listens on, as far as they are there. */
export function servedDevices(site: Site, server: Server, interfaces: readonly LocalInterface[]): readonly string[] {
  try {
    const addresses = listenAddresses(site, server, interfaces);
    return [...new Set(interfaces.filter(({ address }) => addresses.includes(address)).map(({ name }) => name))];
  } catch (error) {
    if (error instanceof EverbootError) return [];
    throw error;
  }
}

/** `links`: empty where they cannot be read. */
export function judgeAddresses(
  site: Site,
  server: Server,
  interfaces: readonly LocalInterface[],
  links: readonly MachineLink[],
): readonly Finding[] {
  const { address, links: heartbeats } = server;
  const has = (wanted: string) => interfaces.some((each) => each.address === wanted);
  const seen = addressesText(interfaces);
  const about = { server: server.name };
  const missing = server.interfaces.filter((name) => !interfaces.some((each) => each.name === name));
  const served = servedDevices(site, server, interfaces);
  const dead = links.filter(({ name, up, carrier }) => served.includes(name) && !(up && carrier));
  return [
    ...(has(address) ? [] : [finding("address-missing", { ...about, address }, seen)]),
    ...missing.map((name) => finding("interface-missing", { ...about, interface: name }, seen)),
    ...dead.map(({ name, up }) => finding("link-down", { interface: name }, up ? "no carrier" : "it is switched off")),
    ...heartbeats
      .filter((link) => !has(link))
      .map((link) => finding("heartbeat-link-missing", { ...about, address: link }, seen)),
  ];
}
