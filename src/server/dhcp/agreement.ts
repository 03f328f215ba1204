/** What the servers of a site have agreed on for each client: the order of the host, who lives, who holds which address. */

import type { OrderServers } from "../../balance/site-orders.ts";
import { ANY_IPV4, type Ipv4, type Mac } from "../../base/address.ts";
import type { Clock } from "../../base/clock.ts";
import type { Host, Site } from "../../site/model.ts";
import type { DhcpAgreement } from "./exchange.ts";
import type { DhcpRequest } from "./request.ts";
import { mayLend, type ShareStanding } from "./shares.ts";
import { isOurTurn, Tries } from "./turns.ts";

export interface AgreementOptions {
  readonly site: Site;
  /** This server's name. */
  readonly self: string;
  /** By what all servers know alike, no figures of load: all must name the same identity. */
  readonly order: OrderServers;
  /** Was this server heard of late? */
  readonly isAlive: (server: string) => boolean;
  /** Who has this floating address now; undefined = nobody that we know of. */
  readonly holderOf: (address: Ipv4) => string | undefined;
  readonly clock: Pick<Clock, "now">;
  /** How things stand with the common state: asked for each address of a pool. */
  readonly standing: () => Pick<ShareStanding, "awayMs" | "isFresh">;
}

export function createAgreement(options: AgreementOptions): DhcpAgreement {
  const { site, self, order, isAlive, holderOf, clock, standing } = options;
  const servers = [...site.servers.keys()];
  const tries = new Tries();
  const ours = new Set<Ipv4>();
  for (const { address, floating } of site.servers.values()) {
    ours.add(address);
    if (floating) ours.add(floating);
  }
  const serversFor = (mac: Mac, host: Host | undefined) => order(host ?? { name: mac, address: ANY_IPV4 });
  return {
    isOurTurn: (request, host) => {
      const count = tries.count(request.mac, whatIsSaid(request), clock.now());
      const names = serversFor(request.mac, host).map(({ name }) => name);
      return isOurTurn(request, count, {
        order: names,
        self,
        isAlive,
        holderOf,
        isOurs: (address) => ours.has(address),
      });
    },
    // The first server's even when it is dead: its address has an heir, and all servers name the same.
    identity: (mac, host) => serversFor(mac, host).find(({ floating }) => floating !== undefined)?.floating,
    mayLend: (pool, address) => mayLend(pool, address, { self, servers, ...standing() }),
  };
}

function whatIsSaid({ type, serverId, client: { stage } }: DhcpRequest): string {
  return `${type} ${serverId ?? ""} ${stage}`;
}
