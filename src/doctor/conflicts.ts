/** Does another machine use an address of the site? Asked by ARP, which changes nobody's tables. */
import { cidrContains, type Ipv4, type Mac } from "../base/address.ts";
import { createVendors, type VendorOf } from "../cluster/unknown-vendors.ts";
import { probeArp } from "../net/arp.ts";
import type { LocalInterface } from "../net/interfaces.ts";
import type { Site } from "../site/model.ts";
import { servedDevices } from "./addresses.ts";
import type { Check, ServerScene } from "./check.ts";
import { macText } from "./dhcp.ts";
import { type Finding, finding } from "./findings.ts";

/** Hosts that are asked for on each interface: more would be a storm of broadcasts. */
const MOST_HOSTS = 256;

export const conflictsCheck: Check = {
  name: "conflicts",
  of: "server",
  look: async (scene, signal) => {
    const { site, server, interfaces, clock } = scene;
    const owned = ownedAddresses(scene);
    const vendors = createVendors();
    const devices = servedDevices(site, server, interfaces).flatMap(
      (device) => interfaces.find(({ name }) => name === device) ?? [],
    );
    const looks = devices.map(async ({ name: device, mac }) => {
      const near = inReach(owned, device, interfaces);
      const answers = await probeArp({ device, mac, addresses: near.map(({ address }) => address), clock, signal });
      return judgeAnswers(near, answers, new Set(interfaces.map((each) => each.mac)), vendors);
    });
    return (await Promise.all(looks)).flat();
  },
};

/** An address, and who may answer for it. */
export interface OwnedAddress {
  readonly address: Ipv4;
  readonly owner: string;
  /**
   * `self`: this machine alone, which does not hear itself. `server`: any one machine; by what MAC address is not declared.
   * `floating`: one of the servers. Else the MAC addresses of a host's NICs.
   */
  readonly by: "self" | "server" | "floating" | readonly Mac[];
  /** This machine has it. */
  readonly isHere: boolean;
}

function ownedAddresses({ site, server: self, interfaces }: ServerScene): readonly OwnedAddress[] {
  const local = new Set(interfaces.map(({ address }) => address));
  const servers = [...site.servers.values()].flatMap(({ name, address, floating }) => [
    { address, owner: `server ${name}`, by: name === self.name ? ("self" as const) : ("server" as const) },
    ...(floating === undefined
      ? []
      : [{ address: floating, owner: `server ${name} (floating)`, by: "floating" as const }]),
  ]);
  return [...servers, ...sampleOfHosts(site)].map((each) => ({ ...each, isHere: local.has(each.address) }));
}

/** Evenly spread over the site. */
function sampleOfHosts({ hosts }: Site): readonly Omit<OwnedAddress, "isHere">[] {
  const step = Math.max(1, Math.ceil(hosts.size / MOST_HOSTS));
  return [...hosts.values()]
    .filter((_, index) => index % step === 0)
    .map(({ name, address, nics }) => ({ address, owner: `host ${name}`, by: nics }));
}

function inReach(owned: readonly OwnedAddress[], device: string, interfaces: readonly LocalInterface[]) {
  const here = interfaces.filter(({ name }) => name === device);
  return owned.filter(({ address }) => here.some(({ cidr }) => cidrContains(cidr, address)));
}

/** `ours`: MAC addresses of this machine: one NIC hears what another one answers. */
export async function judgeAnswers(
  owned: readonly OwnedAddress[],
  answers: ReadonlyMap<Ipv4, readonly Mac[]>,
  ours: ReadonlySet<Mac>,
  vendor: VendorOf,
): Promise<readonly Finding[]> {
  const macsFor = (address: Ipv4) => (answers.get(address) ?? []).filter((mac) => !ours.has(mac));
  const others = owned.filter(({ by }) => by === "server");
  // In a network where no server has its own address nobody can be told from a stranger.
  const ofServers = others.length > 0 ? others.flatMap(({ address }) => macsFor(address)) : undefined;
  const found = await Promise.all(
    owned.map(async ({ address, owner, by, isHere }) => {
      const macs = macsFor(address);
      const strangers = macs.filter((mac) => !mayAnswer(mac, by, ofServers));
      const shown = await Promise.all(macs.map(async (mac) => macText(mac, await vendor(mac))));
      const evidence = `${shown.join(" and ")} ${shown.length === 1 ? "answers" : "answer"} ARP`;
      if (strangers.length > 0) return finding("address-taken", { address, owner }, evidence);
      const count = macs.length + (isHere ? 1 : 0);
      if (count < 2 || typeof by !== "string") return [];
      return finding(
        "address-twice",
        { address, owner, count },
        isHere ? `this machine has it, and ${evidence}` : evidence,
      );
    }),
  );
  return found.flat();
}

/** Servers are known by how they answer for their own addresses. Hosts are installed by any of their NICs. */
function mayAnswer(mac: Mac, by: OwnedAddress["by"], ofServers: readonly Mac[] | undefined): boolean {
  if (by === "self") return false;
  if (by === "server") return true;
  return by === "floating" ? (ofServers?.includes(mac) ?? true) : by.includes(mac);
}
