/** What a daemon is made of beside, where its site has several servers: common state, peers, floating addresses. */
import { join } from "node:path";
import { agreedOrders, type OrderServers } from "./balance/site-orders.ts";
import type { Ipv4 } from "./base/address.ts";
import type { Clock } from "./base/clock.ts";
import { EverbootError } from "./base/errors.ts";
import type { Log } from "./base/log.ts";
import { Floating } from "./cluster/floating/floating.ts";
import type { FloatingEvent } from "./cluster/floating/notify-fifo.ts";
import type { PairView } from "./cluster/pair-keeper.ts";
import { localInterfaces } from "./net/interfaces.ts";
import { allowNonlocalBind } from "./net/nonlocal-bind.ts";
import { openRawIpSender } from "./net/raw-packet.ts";
import { servedConnections, watchAccepted } from "./net/tcp-connections.ts";
import { POLICIES } from "./registry.ts";
import type { ClusterServer } from "./server/boot/operations.ts";
import { type AgreementOptions, createAgreement } from "./server/dhcp/agreement.ts";
import type { DhcpAgreement } from "./server/dhcp/exchange.ts";
import { floatingAddressesHere } from "./server/endpoint.ts";
import { FTP_PORTS } from "./server/ftp/server.ts";
import { NFS_PORT } from "./server/nfs/ganesha-config.ts";
import { createPeersServer, type PeersServer } from "./server/peers/server.ts";
import { loadSiteKey, nextEpoch } from "./server/peers/site-key.ts";
import type { Server } from "./server/server.ts";
import type { Handover } from "./server/tftp/handover.ts";
import type { TftpServer } from "./server/tftp/server.ts";
import { installsBy } from "./site/installs-by.ts";
import type { Site, Server as SiteServer } from "./site/model.ts";
import type { TcpConnection } from "./wire/peer-message.ts";

export interface ClusterOptions {
  readonly site: Site;
  readonly server: SiteServer;
  /** The state folder. */
  readonly folder: string;
  /** This server's own. */
  readonly addresses: readonly Ipv4[];
  /** How things stand with the common state. */
  readonly standing: AgreementOptions["standing"];
  /** Does it serve all its clients, or at least answer? It leaves its addresses to any server that is better off. */
  readonly isWell: () => boolean;
  readonly isDeaf: () => boolean;
  readonly clock: Clock;
  readonly log: Log;
  /** Where system programs are looked for: as PATH has it. */
  readonly searchPath?: string;
}

/** What the servers have agreed on by one revision of the site file. */
export interface SiteAgreement {
  /** By what all servers know alike. */
  readonly order: OrderServers;
  readonly agreement: DhcpAgreement;
}

export interface Cluster {
  /** Addresses that may come here: listened on from the start. */
  readonly floating: readonly Ipv4[];
  readonly handover: Handover;
  /** The site's secret: by it the servers know each other. */
  readonly key: Uint8Array;
  /** To start before those who serve, and after them. */
  readonly first: Server;
  readonly last: Server;
  /** Those on floating addresses, once they are there. */
  readonly tftp: Map<Ipv4, TftpServer>;
  /** For a site with the same servers. */
  agree(site: Site): SiteAgreement;
  servers(): readonly ClusterServer[];
  /** What is seen of a server, and of the LAN, beside the common state. */
  view(server: string): PairView;
  /** After all listeners are closed. */
  end(): Promise<void>;
}

/** Rejects with EverbootError `cluster-key-missing`, or as `loadSiteKey`, `nextEpoch` and `allowNonlocalBind` do. */
export async function openCluster(options: ClusterOptions): Promise<Cluster> {
  const { site, folder, clock, addresses } = options;
  const key = await loadSiteKey(folder);
  if (!key) throw new EverbootError("cluster-key-missing", { site: site.name, folder });
  allowNonlocalBind();
  return new ClusterParts(
    options,
    key,
    await nextEpoch(folder, clock.now()),
    floatingAddressesHere(site, addresses),
  ).parts(await openRawIpSender());
}

class ClusterParts {
  private readonly options: ClusterOptions;
  private readonly key: Uint8Array;
  private readonly epoch: number;
  private readonly addresses: readonly Ipv4[];
  private readonly tftp = new Map<Ipv4, TftpServer>();
  private connections: readonly TcpConnection[] = [];
  /** Since they were listed. */
  private readonly accepted: TcpConnection[] = [];
  private engine: Floating | undefined;

  constructor(options: ClusterOptions, key: Uint8Array, epoch: number, addresses: readonly Ipv4[]) {
    this.options = options;
    this.key = key;
    this.epoch = epoch;
    this.addresses = addresses;
  }

  parts(raw: Awaited<ReturnType<typeof openRawIpSender>>): Cluster {
    const { site } = this.options;
    const peers = this.createPeers(raw);
    return {
      floating: this.addresses,
      ...{ handover: peers.handover, key: this.key },
      first: this.withAccepted(peers),
      last: this.floatingServer(peers),
      tftp: this.tftp,
      agree: (current) => this.agree(current),
      view: (name) => ({ heard: this.engine?.heard(name) ?? "unknown", witness: this.engine?.witness ?? "unknown" }),
      servers: () => [...site.servers.values()].map((each) => this.describe(each)),
      end: async () => this.engine?.stop(),
    };
  }

  private agree(site: Site): SiteAgreement {
    const { server, clock, standing } = this.options;
    const order = agreedOrders(site, POLICIES);
    const agreement = createAgreement({
      ...{ site, self: server.name, order, clock, standing },
      isAlive: (name) => this.isAlive(name),
      holderOf: (address) => this.holderOf(address),
    });
    return { order, agreement };
  }

  private createPeers(raw: Awaited<ReturnType<typeof openRawIpSender>>): PeersServer {
    const { site, server, clock, log } = this.options;
    const others = [...site.servers.values()].filter(({ name }) => name !== server.name);
    return createPeersServer({
      ...{ name: server.name, address: "0.0.0.0" as Ipv4, key: this.key, epoch: this.epoch, clock, log },
      peers: new Map(others.map(({ name, address, links }) => [name, [address, ...links]])),
      sessions: () => [...this.tftp.values()].flatMap((each) => each.sessions()),
      connections: async () => {
        const before = this.accepted.length;
        this.connections = await servedConnections(this.ports());
        this.accepted.splice(0, before);
        return this.connections;
      },
      ...(raw && { raw }),
    });
  }

  /** Together with its ear for connections that are accepted: the listing sees them later. */
  private withAccepted(peers: PeersServer): Server {
    let unwatch = () => {};
    return {
      name: peers.name,
      start: async () => {
        await peers.start();
        unwatch = watchAccepted(this.ports(), (connection) => {
          this.accepted.push(connection);
          peers.opened(connection);
        });
      },
      stop: async () => {
        unwatch();
        await peers.stop();
      },
      counters: () => peers.counters(),
    };
  }

  /** The listeners are up when its addresses come; and on the way down the addresses go before the listeners close. */
  private floatingServer(peers: PeersServer): Server {
    const { site, server, folder, clock, log, isWell, isDeaf, searchPath = "" } = this.options;
    return {
      name: "floating",
      start: async () => {
        this.engine = await Floating.start({
          ...{ site, server, folder: join(folder, "floating"), key: this.key, clock, log, searchPath },
          interfaces: localInterfaces(),
          ...{ isWell, isDeaf },
          isIdle: (address) => this.isIdle(address),
          changed: (event) => this.changed(peers, event),
        });
      },
      stop: async () => this.engine?.leave(),
      counters: () => ({}),
    };
  }

  private changed(peers: PeersServer, { address, state }: FloatingEvent): void {
    this.options.log.info({ address, state }, "floating address");
    if (state === "master") peers.adopted(address);
    else {
      peers.released(address);
      this.tftp.get(address)?.letGo();
    }
  }

  private describe({ name, floating }: SiteServer): ClusterServer {
    const heldBy = floating === undefined ? undefined : this.holderOf(floating);
    return {
      name,
      alive: name === this.options.server.name || this.isAlive(name),
      ...(floating !== undefined && { floating }),
      ...(heldBy !== undefined && { heldBy }),
    };
  }

  private ports(): ReadonlySet<number> {
    const { httpPort, ftp } = this.options.server;
    const nfs = installsBy(this.options.site, "nfs") ? [NFS_PORT] : [];
    return new Set([httpPort, ...(ftp ? FTP_PORTS : []), ...nfs]);
  }

  private isIdle(address: Ipv4): boolean {
    const isHere = ({ server }: { readonly server: { readonly address: Ipv4 } }) => server.address === address;
    return (
      ![...this.connections, ...this.accepted].some(isHere) &&
      !(this.tftp.get(address)?.sessions().some(isHere) ?? false)
    );
  }

  private isAlive(name: string): boolean {
    return this.engine?.peers.some((peer) => peer.name === name && peer.heard !== "nowhere") ?? false;
  }

  private holderOf(address: Ipv4): string | undefined {
    if (this.engine?.states.get(address) === "master") return this.options.server.name;
    return this.engine?.peers.find(({ holds }) => holds.includes(address))?.name;
  }
}
