/** What a daemon's servers are made of, in the order in which they start. */
import type { Ipv4 } from "./base/address.ts";
import type { Clock } from "./base/clock.ts";
import type { Log } from "./base/log.ts";
import { VERSION } from "./base/version.ts";
import { installsAt } from "./cluster/draining.ts";
import { Health } from "./cluster/health.ts";
import { httpEar, tftpEar } from "./cluster/health-ears.ts";
import { versionRead } from "./cluster/permit-files.ts";
import type { StatePaths } from "./cluster/state-folder.ts";
import { StatusBoard } from "./cluster/status-board.ts";
import { InstallSizes } from "./content/install-size.ts";
import type { Cluster } from "./daemon-cluster.ts";
import type { Common } from "./daemon-common.ts";
import { nfsServers } from "./daemon-nfs.ts";
import { LiveSite } from "./daemon-site.ts";
import type { State, Undo } from "./daemon-state.ts";
import { createSiteTrees, type SiteTrees } from "./daemon-trees.ts";
import { localInterfaces } from "./net/interfaces.ts";
import { udpOpener } from "./net/udp.ts";
import { createApiServer, networkDoorOf } from "./server/api/api.ts";
import { createLogEvents } from "./server/boot/log-events.ts";
import type { ClusterReport, SiteDesk } from "./server/boot/operations.ts";
import { createPermitGate } from "./server/boot/permit-gate.ts";
import { createTrees } from "./server/boot/trees.ts";
import { createDhcpServer, type DhcpServer } from "./server/dhcp/server.ts";
import { Forwarder } from "./server/dns/forwarder.ts";
import { createDnsServer } from "./server/dns/server.ts";
import { createFtpServer } from "./server/ftp/server.ts";
import { createSiteFolders } from "./server/ftp/site-folders.ts";
import { createHooks } from "./server/hooks/hooks.ts";
import { createHttpServer } from "./server/http/server.ts";
import { createMetrics, type Metrics } from "./server/metrics/metrics.ts";
import type { Server } from "./server/server.ts";
import { createSyslogServer } from "./server/syslog/server.ts";
import { createTftpServer } from "./server/tftp/server.ts";
import { openDashboard } from "./server/web/serve.ts";
import type { Site, Server as SiteServer } from "./site/model.ts";

export interface ServersOptions {
  readonly paths: StatePaths;
  readonly clock: Clock;
  readonly log: Log;
  readonly sites: SiteDesk;
  readonly site: Site;
  readonly server: SiteServer;
  /** This server's own. */
  readonly addresses: readonly Ipv4[];
  readonly state: State;
  readonly cluster: Cluster | undefined;
  /** Was this other server heard of late? */
  readonly isAlive: (server: string) => boolean;
  readonly undo: Undo;
  /** Where system programs are looked for: as PATH has it. */
  readonly searchPath?: string;
}

export interface Servers {
  /** To be started in this order: whoever is told of a server by DHCP must find it listening. */
  readonly servers: readonly Server[];
  readonly live: LiveSite;
  readonly health: Health;
  /** What this server tells the others of its trees. */
  readonly treeRecord: SiteTrees["record"];
  /** Serves by another site file from the next request on; its servers are the same. */
  swap(site: Site): void;
}

export async function createServers(options: ServersOptions): Promise<Servers> {
  const { server, addresses, state, cluster, clock, log } = options;
  const made: Made = { servers: [] };
  const board = statusBoard(options, made);
  const siteTrees = siteTreesOf(options, made);
  const live = createLive(options, made, board, siteTrees);
  made.live = live;
  const about = { clock, log, resolve: live.files, observer: live.transfers };
  // A floating address that is here already, as after a crash, is among this machine's own.
  const listened = [...new Set([...addresses, ...(cluster?.floating ?? [])])];
  const tftpAt = (address: Ipv4) =>
    createTftpServer({ ...about, address, ...(cluster && { handover: cluster.handover }) });
  for (const address of cluster?.floating ?? []) cluster?.tftp.set(address, tftpAt(address));
  const http = listened.map((address) => ({
    address,
    listener: createHttpServer({
      ...about,
      ...{ address, port: server.httpPort, resolve: live.httpFiles },
      routes: [live.reports, ...siteTrees.routes],
    }),
  }));
  const tftp = listened.map((address) => ({ address, listener: cluster?.tftp.get(address) ?? tftpAt(address) }));
  const syslog = listened.map((address) =>
    createSyslogServer({ address, log, clock, knows: live.isHost, onMessage: live.syslog }),
  );
  const nfs = nfsServers({ ...options, site: () => live.site });
  const byName = [...ftpServers(options, live, listened), ...nfs, ...dnsServers(options, live, listened)];
  const dhcp: DhcpServer = createDhcpServer({
    ...{ ...live.dhcp, interfaces: localInterfaces, leases: state.leases, clock, log, sockets: await udpOpener() },
  });
  const health = new Health({ clock, ears: earsOf(server, http, tftp), store: state.local });
  made.health = health;
  made.servers = [
    ...[...siteTrees.servers, ...(cluster ? [cluster.first] : [])],
    ...[...http, ...tftp].map(({ listener }) => listener),
    ...[...syslog, ...byName, dhcp, admissionOf(live)],
    ...(cluster ? [healthServer(health), cluster.last] : []),
  ];
  const metrics = metricsOf(options, { live, health, board, servers: () => made.servers });
  options.undo.push(metrics.stop);
  const { tokens, audit, journal } = state;
  const api = createApiServer({
    ...{ socket: options.paths.socket, operations: live.operations, clock, log, metrics: metrics.scrape },
    ...{ version: VERSION, access: { tokens, audit }, subscribe: journal.subscribe },
    ...(options.site.api && { network: networkDoorOf(options.site.api, server.address) }),
    web: await openDashboard(log),
  });
  const hooks = createHooks({
    ...{ server: server.name, site: () => live.site, feed: api.feed, clock, log },
    isFirst: (host) => live.operations().isFirst(host),
  });
  const swap = (next: Site) => {
    live.swap(next);
    siteTrees.desk.look();
    dhcp.swap(live.dhcp);
    hooks.siteChanged();
  };
  return { live, health, servers: [...made.servers, api, hooks], swap, treeRecord: siteTrees.record };
}

function ftpServers({ server, clock, log }: ServersOptions, live: LiveSite, listened: readonly Ipv4[]): Server[] {
  if (!server.ftp) return [];
  const folders = createSiteFolders({ trees: () => live.site.trees });
  const about = { clock, log, files: live.files, observer: live.transfers, folders };
  return listened.map((address) => createFtpServer({ ...about, address }));
}

function dnsServers({ site, log }: ServersOptions, live: LiveSite, listened: readonly Ipv4[]): Server[] {
  if (!site.dns) return [];
  const forwarder = new Forwarder();
  return listened.map((address) =>
    createDnsServer({ address, log, forwarder, site: live.dns, installAddresses: live.installAddresses }),
  );
}

interface Listening {
  readonly address: Ipv4;
  readonly listener: Server;
}

/** At the server's own address alone: any other one may leave. */
function earsOf({ address: own, httpPort }: SiteServer, http: readonly Listening[], tftp: readonly Listening[]) {
  return [
    ...http.filter(({ address }) => address === own).map((each) => httpEar(own, httpPort, countersOf(each))),
    ...tftp.filter(({ address }) => address === own).map((each) => tftpEar(own, countersOf(each))),
  ];
}

function countersOf({ listener }: Listening) {
  return () => listener.counters();
}

function siteTreesOf({ site, server, state, cluster, clock, log }: ServersOptions, made: Made): SiteTrees {
  return createSiteTrees({
    ...{ site: () => made.live?.site ?? site, server: server.name, state, clock, log },
    ...(cluster && { cluster }),
  });
}

interface Measured {
  readonly live: LiveSite;
  readonly health: Health;
  readonly board: StatusBoard;
  readonly servers: () => readonly Server[];
}

function metricsOf({ server, state, cluster, clock }: ServersOptions, measured: Measured): Metrics {
  const { journal, permits, local, storeTimes, draining, common } = state;
  const { live, health, board, servers } = measured;
  return createMetrics({
    ...{ version: VERSION, server: server.name, site: () => live.site, servers, clock },
    ...{ journal, permits, statusOf: (host) => board.status(host), health, local, storeTimes },
    ...(cluster &&
      common && {
        cluster: {
          servers: cluster.servers,
          isDraining: () => draining.has(server.name),
          awayMs: common.awayMs,
          state: () => ({ ...common.replica.status(), ...(common.pair && { pair: common.pair.keeper.state }) }),
        },
      }),
  });
}

interface Made {
  servers: readonly Server[];
  health?: Health;
  live?: LiveSite;
}

function statusBoard({ state, clock, undo }: ServersOptions, made: Made): StatusBoard {
  const { journal, permits } = state;
  const sizes = new InstallSizes();
  const board = new StatusBoard({
    ...{ journal, permits, clock, trouble: () => made.health?.stateTrouble() },
    treePackages: (host) =>
      sizes.packages(host, versionRead(permits.newestOf(host.name), host.profile.tree.name, clock.now())),
  });
  undo.push(() => board.close());
  return board;
}

function createLive(options: ServersOptions, made: Made, board: StatusBoard, siteTrees: SiteTrees): LiveSite {
  const { clock, log, site, server, addresses, sites, state, cluster, isAlive, undo } = options;
  const { journal, permits, logs, members, unknown } = state;
  const trees = createTrees({ clock, log });
  undo.push(trees.close);
  const gate = createPermitGate(permits, clock);
  const logEvents = createLogEvents({
    ...{ clock, logs, record: journal.record, eventsOf: journal.events, traceOf: journal.bootId },
    permitOf: (host) => permits.newestOf(host)?.id,
  });
  const calls = cluster && state.common ? clusterCalls(sites, state, cluster, state.common, made) : {};
  const { versions, desk } = siteTrees;
  return new LiveSite(
    {
      ...{ clock, log, server: server.name, addresses, trees, versions, gate, journal, permits },
      ...{ logs, logEvents, unknown, members, isAlive },
      ...(cluster && { cluster }),
      about: { servers: () => made.servers, sites, hostStatus: (host) => board.status(host), trees: desk, ...calls },
    },
    site,
  );
}

/** What the control API tells of the cluster, and does to it. */
function clusterCalls(sites: SiteDesk, { draining, permits }: State, cluster: Cluster, common: Common, made: Made) {
  const report = (): ClusterReport => {
    const { number, revision, trouble, servers } = sites.report();
    const serving = new Map(servers.map(({ name, serves }) => [name, serves && { serves }]));
    return {
      servers: cluster.servers().map((each) => ({
        ...{ ...each, ...serving.get(each.name), draining: draining.has(each.name) },
        installs: installsAt(permits.all(), each.name).length,
      })),
      ...(number > 0 && { site: { number, revision, ...(trouble !== undefined && { trouble }) } }),
      troubles: made.health?.troubles() ?? [],
      state: common.report(),
    };
  };
  return { cluster: report, drain: (server: string, isDraining: boolean) => draining.set(server, isDraining) };
}

/** Nothing to start: its figures are shown among those of the servers. */
function admissionOf(live: LiveSite): Server {
  return { name: "admission", start: async () => {}, stop: async () => {}, counters: () => live.counters() };
}

/** Looks at the listeners from when they are up. */
function healthServer(health: Health): Server {
  return { name: "health", start: async () => health.start(), stop: async () => health.stop(), counters: () => ({}) };
}
