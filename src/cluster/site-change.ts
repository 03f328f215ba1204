/** What it takes to go from one revision of the site file to another one, and whose turn it is. Pure. */
import { formatCidr } from "../base/address.ts";
import { installsBy } from "../site/installs-by.ts";
import type { Server, Site, Subnet } from "../site/model.ts";
import type { Member, Members } from "./members.ts";

/**
 * - `none`: it is the same file
 * - `swap`: exchanged between two requests, no socket is touched
 * - `restart`: the servers themselves are others, or reach each other or their clients in another way
 */
export type SiteChange = "none" | "swap" | "restart";

export function siteChange(before: Site, after: Site): SiteChange {
  if (before.revision === after.revision) return "none";
  return standing(before) === standing(after) ? "swap" : "restart";
}

/** What sockets, floating addresses and the common state are founded on, as text to compare. */
function standing({ name, etcd, servers, subnets, api, profiles, dns }: Site): string {
  const all = [...servers.values()].map(serverStanding).toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const networks = subnets.map((subnet) => subnetStanding(subnet, all.length > 1)).toSorted();
  const nfs = installsBy({ profiles }, "nfs");
  return JSON.stringify({ name, etcd, all, networks, api, nfs, dns: dns !== undefined });
}

function serverStanding({ name, address, floating, interfaces, links, httpPort, ftp, serial }: Server) {
  return { name, address, floating, interfaces, links, httpPort, ftp, serial };
}

/** Several servers ask the router whether the LAN lives. */
function subnetStanding({ cidr, dhcp, router }: Subnet, several: boolean): string {
  return [formatCidr(cidr), dhcp === "off" ? "unserved" : "served", several ? router : ""].join(" ");
}

/** How a server sees the others at one moment. */
export interface View {
  /** Milliseconds since 1970. */
  readonly now: number;
  readonly members: Members;
  /** Does it know all that the others have written? */
  readonly isCaughtUp: boolean;
}

/** Milliseconds that a server may take to restart: transfers are given time to end. */
const PATIENCE_MS = 60_000;
/** Milliseconds that a server which is left out may take to end. */
const LEAVING_MS = 15_000;

/**
 * Servers that restart for the site `after` do so one after the other, by name. A server waits for those before it that
 * live, or did since it waits, until they serve the new revision. One that cannot serve it goes on with the old one, and
 * so stops all behind it. All wait for a moment for those that are left out to end: to one that is not told any more, who
 * has restarted looks dead.
 */
export class RestartTurn {
  private readonly self: string;
  private readonly after: Site;
  private readonly heard = new Map<string, number>();
  private began: number | undefined;

  constructor(self: string, after: Site) {
    this.self = self;
    this.after = after;
  }

  /** What it waits for, in words; nothing = it is its turn. To be asked once a second at least. */
  waitsFor({ now, members, isCaughtUp }: View): readonly string[] {
    if (!isCaughtUp) {
      // Who does not hear the others cannot tell how long they have been silent.
      for (const name of this.heard.keys()) this.heard.set(name, now);
      return ["the cluster"];
    }
    for (const { name, fresh } of members.values()) if (fresh) this.heard.set(name, now);
    this.began ??= now;
    const isLeaving = ({ name, fresh }: Member) => fresh && !this.after.servers.has(name);
    const leaving = now - this.began <= LEAVING_MS ? [...members.values()].filter(isLeaving) : [];
    const before = [...this.after.servers.keys()].filter((name) => name < this.self).toSorted();
    const restarting = before.filter((name) => {
      const at = this.heard.get(name);
      const member = members.get(name);
      const serves = member?.fresh && member.revision === this.after.revision;
      return at !== undefined && now - at <= PATIENCE_MS && !serves;
    });
    return [...leaving.map(({ name }) => name), ...restarting];
  }
}
