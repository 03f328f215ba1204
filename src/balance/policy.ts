/** The port of a balance policy: which server answers a client first, and who comes next when it is silent. */
import type { Ipv4 } from "../base/address.ts";
import type { Server } from "../site/model.ts";

/** What is fixed about a server, as the site file has it. */
export type ServerShare = Pick<Server, "name" | "weight" | "serves">;

/** Who asks: a host of the site, or a machine that the site file does not list. */
export interface Client {
  /** A host's name; of a machine that is no host its MAC address. */
  readonly name: string;
  /** The address that it has or is about to get. */
  readonly address: Ipv4;
}

/** What a server measured of itself a moment ago. */
export interface ServerLoad {
  /** Bytes a second sent to clients, mean over the last seconds. */
  readonly rate: number;
  /** Installs that run there, and those that were ordered to it since they were counted. */
  readonly installs: number;
}

/** By server; one that tells nothing is missing. */
export type Loads = ReadonlyMap<string, ServerLoad>;

/** Every server's name once, first to last. */
export type Orders = (client: Client, loads: Loads) => readonly string[];

/**
 * Pure: every server computes the same orders from the same site file and figures. Orders hold dead servers too;
 * whoever knows that one is dead passes over it. That way a death moves the dead server's clients and no others.
 */
export interface BalancePolicy {
  readonly name: string;
  /** Its orders change with the figures: servers whose figures differ for a moment may order differently. */
  readonly isByLoad: boolean;
  /**
   * Orders for these `hosts` among them all, not for one at a time: a policy that may look at all hosts can share them
   * exactly, where chance alone leaves 64 hosts of two servers at 32 +- 4. Clients that are not in `hosts` get an order
   * too. In which sequence hosts and servers are listed makes no difference.
   */
  prepare(hosts: readonly Client[], servers: readonly ServerShare[]): Orders;
}

/** Order of names by code unit: the same on every machine, whatever its locale. */
export function byName(a: { readonly name: string }, b: { readonly name: string }): number {
  if (a.name === b.name) return 0;
  return a.name < b.name ? -1 : 1;
}
