/** The composition root: what a daemon is made of, in the order in which it starts. */
import { randomBytes } from "node:crypto";
import { siteOrders } from "./balance/site-orders.ts";
import type { Ipv4 } from "./base/address.ts";
import type { Clock } from "./base/clock.ts";
import type { Log } from "./base/log.ts";
import { type PlanBoot, planBoot } from "./boot/plan.ts";
import { createHostLogs, type HostLogs } from "./cluster/host-log.ts";
import { type Journal, openJournal } from "./cluster/journal.ts";
import { LeaseTable } from "./cluster/leases.ts";
import { openPermits, type Permits } from "./cluster/permits.ts";
import { lockState, type StatePaths } from "./cluster/state-folder.ts";
import { loaderFile } from "./content/loaders.ts";
import { type Cluster, isCluster, openCluster, openClusterStore } from "./daemon-cluster.ts";
import { createShowHost } from "./export/show-host.ts";
import { localInterfaces } from "./net/interfaces.ts";
import { udpOpener } from "./net/udp.ts";
import { FAMILIES, POLICIES } from "./registry.ts";
import { createApiServer } from "./server/api/api.ts";
import { createBootFiles } from "./server/boot/boot-files.ts";
import { firstBootJudge } from "./server/boot/first-boot-judge.ts";
import { createInstallFiles } from "./server/boot/install-files.ts";
import { type ClusterReport, createOperations } from "./server/boot/operations.ts";
import { createPermitGate } from "./server/boot/permit-gate.ts";
import { createRecorder } from "./server/boot/recorder.ts";
import { reportRoute } from "./server/boot/reports.ts";
import { createTrees } from "./server/boot/trees.ts";
import { createDhcpServer } from "./server/dhcp/server.ts";
import type { DhcpEvent } from "./server/dhcp/verdict.ts";
import { chooseServer, lastingViewFor, listenAddresses, serverFor } from "./server/endpoint.ts";
import { createHttpServer } from "./server/http/server.ts";
import type { Server } from "./server/server.ts";
import { createSyslogServer } from "./server/syslog/server.ts";
import { createTftpServer } from "./server/tftp/server.ts";
import type { Site, Server as SiteServer } from "./site/model.ts";
import type { Replica } from "./store/replica.ts";
import { openSqliteStore } from "./store/sqlite.ts";

export interface DaemonOptions {
  readonly site: Site;
  readonly serverName?: string;
  /** The state folder. */
  readonly state: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly pid: number;
  /** Where system programs are looked for: as PATH has it. */
  readonly searchPath?: string;
}

export interface Daemon {
  readonly server: string;
  readonly addresses: readonly Ipv4[];
  /** Stops answering new machines first, lets transfers end, closes the state. */
  stop(): Promise<void>;
}

/** Rejects with an EverbootError when the world is not as the site file says; nothing is left open then. */
export async function startDaemon(options: DaemonOptions): Promise<Daemon> {
  const server = chooseServer(options.site, options.serverName, localInterfaces());
  const addresses = listenAddresses(options.site, server, localInterfaces());
  const undo: Undo = [];
  const stop = async () => {
    for (const step of undo.splice(0).reverse()) await step();
  };
  try {
    const lock = lockState(options.state, options.pid);
    undo.push(lock.release);
    const state = await openState(options, server.name, lock.paths, undo);
    const cluster = isCluster(options.site)
      ? await openCluster({ ...options, server, folder: lock.paths.folder, addresses })
      : undefined;
    if (cluster) undo.push(cluster.end);
    for (const each of await createServers(options, server, addresses, state, cluster, undo)) {
      await each.start();
      undo.push(() => each.stop());
      options.log.info({ server: each.name }, "listening");
    }
    return { server: server.name, addresses, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

interface State {
  readonly paths: StatePaths;
  readonly journal: Journal;
  readonly permits: Permits;
  readonly leases: LeaseTable;
  readonly logs: HostLogs;
  /** Where the state is common to several servers. */
  readonly replica?: Replica;
}

type Undo = Array<() => Promise<void> | void>;

async function openState(options: DaemonOptions, server: string, paths: StatePaths, undo: Undo): Promise<State> {
  const { site, clock } = options;
  const local = await openSqliteStore(paths.store);
  const replica = isCluster(site) ? await openClusterStore(site, server, local, clock) : undefined;
  const store = replica ?? local;
  undo.push(() => store.close());
  const ended = new AbortController();
  undo.push(() => ended.abort());
  const following = isCluster(site) ? { following: { signal: ended.signal, clock } } : {};
  const journal = await openJournal({ store, clock, server, ...following });
  undo.push(() => journal.flush());
  const permits = await openPermits({ store, clock, journal, random: randomBytes, ...following });
  const leases = await LeaseTable.open(store, following.following);
  const logs = createHostLogs(paths.logs);
  undo.push(() => logs.flush());
  return { paths, journal, permits, leases, logs, ...(replica && { replica }) };
}

/** In the order in which they start: whoever is told of a server by DHCP must find it listening. */
async function createServers(
  options: DaemonOptions,
  server: SiteServer,
  addresses: readonly Ipv4[],
  state: State,
  cluster: Cluster | undefined,
  undo: Undo,
): Promise<Server[]> {
  const { site, clock, log } = options;
  const boot = createBoot(options, server, addresses, state, cluster, undo);
  const about = { clock, log, resolve: boot.files, observer: boot.recorder.transfers };
  // A floating address that is here already, as after a crash, is among this machine's own.
  const listened = [...new Set([...addresses, ...(cluster?.floating ?? [])])];
  const tftp = (address: Ipv4) =>
    createTftpServer({ ...about, address, ...(cluster && { handover: cluster.handover }) });
  for (const address of cluster?.floating ?? []) cluster?.tftp.set(address, tftp(address));
  const servers: Server[] = [
    ...(cluster ? [cluster.first] : []),
    ...listened.map((address) =>
      createHttpServer({ ...about, address, port: server.httpPort, routes: [boot.reports] }),
    ),
    ...listened.map((address) => cluster?.tftp.get(address) ?? tftp(address)),
    ...listened.map((address) => createSyslogServer({ address, log, onMessage: boot.syslog })),
    createDhcpServer({
      site,
      server,
      interfaces: localInterfaces,
      plan: boot.plan,
      leases: state.leases,
      observer: (event) => {
        boot.recorder.dhcp(event);
        logDhcp(log, event);
      },
      clock,
      log,
      sockets: await udpOpener(),
      ...(cluster && { agreement: cluster.agreement }),
    }),
    ...(cluster ? [cluster.last] : []),
  ];
  const { replica } = state;
  const operations = createOperations({
    ...{ ...boot.operations, site, server: server.name, clock, servers: () => servers },
    ...(cluster && replica && { cluster: () => ({ servers: cluster.servers(), state: describeReplica(replica) }) }),
  });
  return [...servers, createApiServer({ socket: state.paths.socket, operations, log })];
}

/** What the protocol servers have in common: the plan, the files, the journal. */
function createBoot(
  { site, clock, log }: DaemonOptions,
  server: SiteServer,
  addresses: readonly Ipv4[],
  { journal, permits, logs }: State,
  cluster: Cluster | undefined,
  undo: Undo,
) {
  const gate = createPermitGate(permits, clock);
  const trees = createTrees({ clock, log });
  undo.push(trees.close);
  const about = { site, families: FAMILIES, order: siteOrders(site, POLICIES) };
  const installFiles = createInstallFiles({ ...about, tree: trees.lookup });
  const own = (client: string) => serverFor(site, server, addresses, client);
  const view = cluster ? lastingViewFor(site, cluster.order, own) : own;
  const recorder = createRecorder({
    site,
    server: server.name,
    permitOf: (host) => permits.newestOf(host)?.id,
    record: journal.record,
    onPackage: (host) => {
      const permit = permits.newestOf(host);
      if (permit?.state !== "started") return;
      permits
        .advance(permit.token, "writing")
        .catch((error) => log.error({ error, host }, "permit not moved to writing"));
    },
  });
  const files = createBootFiles({
    site,
    permits: gate,
    installFiles,
    loader: loaderFile,
    tree: trees.lookup,
    serverFor: view,
    onScript: recorder.script,
  });
  const plan: PlanBoot = (client) => planBoot(site, client, ({ name }) => gate.peek(name));
  return {
    plan,
    files,
    recorder,
    reports: reportRoute({ permits: gate, append: journal.append, log, judge: firstBootJudge(site) }),
    syslog: syslogWriter(site, logs),
    operations: { permits, plan, journal, installFiles, showHost: createShowHost({ ...about, serverFor: view }) },
  };
}

function describeReplica(replica: Replica): ClusterReport["state"] {
  const { trouble, ...status } = replica.status();
  return { ...status, ...(trouble instanceof Error && { trouble: trouble.message }) };
}

interface SyslogLine {
  readonly client: string;
  readonly program?: string;
  readonly text: string;
}

function syslogWriter(site: Site, logs: HostLogs) {
  return ({ client, program, text }: SyslogLine) => {
    const host = site.hostByAddress.get(client as Ipv4);
    // A stranger's lines would fill the disk in a host's name.
    if (host) logs.append(host.name, program === undefined ? text : `${program}: ${text}`);
  };
}

/** Machines that are no hosts have no journal: what an operator must know of them is in the log. */
function logDhcp(log: Log, { kind, client, ...event }: DhcpEvent): void {
  if (kind === "decline") log.warn(event, "address in use: a machine declined it because another one answers to it");
  else log.debug({ ...event, asking: client.stage }, `dhcp ${kind}`);
}
