/** A machine for checks to look at: server1 of the contract's pair. */
import type { Ipv4, Mac } from "../../../src/base/address.ts";
import { statePaths } from "../../../src/cluster/state-folder.ts";
import type { ServerScene } from "../../../src/doctor/check.ts";
import type { LocalInterface } from "../../../src/net/interfaces.ts";
import { FAMILIES, POLICIES } from "../../../src/registry.ts";
import { createFakeClock } from "../../support/fake-clock.ts";
import { exampleSite } from "../../support/sites.ts";

export const OWN_MAC = "02:00:00:00:00:11" as Mac;

export function local(name: string, address: string, base: string, prefix = 24): LocalInterface {
  return { name, address: address as Ipv4, mac: OWN_MAC, cidr: { base: base as Ipv4, prefix } };
}

export const INTERFACES = [local("eth0", "192.168.0.11", "192.168.0.0"), local("eth1", "10.0.0.3", "10.0.0.0")];

export function scene(): ServerScene {
  const site = exampleSite("pair");
  const server = site.servers.get("server1");
  if (!server) throw new Error("the example has no server1");
  return {
    ...{ site, server, interfaces: INTERFACES, links: [], state: statePaths("/nowhere") },
    ...{ families: FAMILIES, policies: POLICIES, searchPath: "" },
    ...{ clock: createFakeClock(), random: (bytes) => new Uint8Array(bytes) },
  };
}
