/** What of a daemon depends on the revision of the site file: made anew for each, exchanged between two requests. */
import { agreedOrders, type OrderServers, ordersByLoad } from "./balance/site-orders.ts";
import { type Ipv4, parseIpv4 } from "./base/address.ts";
import type { Clock } from "./base/clock.ts";
import type { Log } from "./base/log.ts";
import { type PlanBoot, planBoot } from "./boot/plan.ts";
import { AdmissionControl } from "./cluster/admission.ts";
import type { HostLogs } from "./cluster/host-log.ts";
import type { Journal } from "./cluster/journal.ts";
import type { Members } from "./cluster/members.ts";
import { versionRead } from "./cluster/permit-files.ts";
import type { Permits } from "./cluster/permits.ts";
import type { TreeVersions } from "./cluster/tree-versions.ts";
import type { UnknownMachines } from "./cluster/unknown.ts";
import { createUnknownDesk } from "./cluster/unknown-desk.ts";
import { macOfScriptPath } from "./cluster/unknown-sighting.ts";
import { loaderFile } from "./content/loaders.ts";
import type { FileResolver, Lookup, RedirectingResolver } from "./content/served-file.ts";
import { SingleFlight } from "./content/single-flight.ts";
import type { Cluster } from "./daemon-cluster.ts";
import { createShowHost } from "./export/show-host.ts";
import { familyOf } from "./os/family.ts";
import { lastingView } from "./os/server-urls.ts";
import { FAMILIES, POLICIES } from "./registry.ts";
import type { Operations } from "./server/api/api.ts";
import { type BootFilesOptions, createBootFiles, withoutRedirects } from "./server/boot/boot-files.ts";
import { firstBootJudge } from "./server/boot/first-boot-judge.ts";
import { createInstallFiles } from "./server/boot/install-files.ts";
import { InstallServers, type ServerStanding } from "./server/boot/install-servers.ts";
import type { LogEvents, LogLine } from "./server/boot/log-events.ts";
import { createOperations, type OperationsOptions } from "./server/boot/operations.ts";
import type { PermitGate } from "./server/boot/permit-gate.ts";
import { createRecorder, type Recorder } from "./server/boot/recorder.ts";
import { reportRoute } from "./server/boot/reports.ts";
import type { Trees } from "./server/boot/trees.ts";
import { createWhereabouts, type WhereaboutsOptions } from "./server/boot/whereabouts.ts";
import type { DhcpSite } from "./server/dhcp/server.ts";
import type { DhcpEvent } from "./server/dhcp/verdict.ts";
import { type DnsSite, dnsSite } from "./server/dns/judge.ts";
import { bootServerFor, installViewFor, lastingViewFor, serverFor } from "./server/endpoint.ts";
import type { Route } from "./server/http/route.ts";
import type { TransferObserver } from "./server/server.ts";
import type { Site, Server as SiteServer } from "./site/model.ts";

/** What stays when the site file changes. */
export interface Surroundings {
  readonly clock: Clock;
  readonly log: Log;
  /** Name of this server. */
  readonly server: string;
  /** Its own. */
  readonly addresses: readonly Ipv4[];
  readonly journal: Journal;
  readonly permits: Permits;
  readonly logs: HostLogs;
  readonly logEvents: LogEvents;
  /** Machines that are no hosts. */
  readonly unknown: UnknownMachines;
  readonly gate: PermitGate;
  readonly trees: Trees;
  readonly versions: TreeVersions;
  readonly cluster?: Cluster;
  /** Was this other server heard of late? */
  readonly isAlive: (server: string) => boolean;
  readonly members: () => Members;
  /** What the control API tells that is not of the site file. */
  readonly about: Pick<OperationsOptions, "servers" | "sites" | "cluster" | "drain" | "hostStatus" | "trees">;
}

interface SiteParts {
  readonly dhcp: DhcpSite;
  readonly dns: DnsSite;
  readonly installAddresses: (client: Ipv4) => readonly Ipv4[];
  readonly files: FileResolver;
  readonly httpFiles: RedirectingResolver;
  readonly admission: AdmissionControl;
  readonly transfers: TransferObserver;
  readonly reports: Route;
  readonly syslog: (line: SyslogLine) => void;
  readonly operations: Operations;
}

interface SyslogLine extends LogLine {
  readonly client: string;
}

/** Handlers for sockets that stay open: each request is handed to the parts of the moment, and stays with them. */
export class LiveSite {
  private readonly surroundings: Surroundings;
  private parts: SiteParts;
  /** That is served now. */
  site: Site;

  /** `site` has this server. */
  constructor(surroundings: Surroundings, site: Site) {
    this.surroundings = surroundings;
    this.site = site;
    this.parts = createParts(surroundings, site);
  }

  get dhcp(): DhcpSite {
    return this.parts.dhcp;
  }

  readonly files: FileResolver = (path, from) => this.parts.files(path, from);

  /** With the way to another server for what is not here. */
  readonly httpFiles: RedirectingResolver = (path, from) => this.parts.httpFiles(path, from);

  readonly transfers: TransferObserver = {
    started: (transfer) => this.parts.transfers.started(transfer),
    ended: (transfer) => this.parts.transfers.ended(transfer),
    request: (request) => this.parts.transfers.request(request),
  };

  /** Machines that wait here to be let in. */
  waiting(): number {
    return this.parts.admission.waiting();
  }

  counters(): Readonly<Record<string, number>> {
    return this.parts.admission.counters();
  }

  /** What is answered for names. */
  readonly dns = (): DnsSite => this.parts.dns;

  /** Where this client installs from now, if it asks by the install name. */
  readonly installAddresses = (client: Ipv4): readonly Ipv4[] => this.parts.installAddresses(client);

  readonly syslog = (line: SyslogLine): void => this.parts.syslog(line);

  /** Is this the address of a host, whose log is wanted? */
  readonly isHost = (address: string): boolean => this.parts.dhcp.site.hostByAddress.has(address as Ipv4);

  readonly operations = (): Operations => this.parts.operations;

  get reports(): Route {
    const { methods, pattern } = this.parts.reports;
    return { methods, pattern, handle: (request) => this.parts.reports.handle(request) };
  }

  swap(site: Site): void {
    this.parts = createParts(this.surroundings, site);
    this.site = site;
  }
}

function createParts(surroundings: Surroundings, site: Site): SiteParts {
  const { server: name, clock, log, journal, permits, gate, trees, cluster, about, unknown } = surroundings;
  unknown.settle((mac) => site.hostByMac.has(mac));
  const server = ownEntry(site, name);
  const agreed = cluster?.agree(site);
  const order = agreed?.order ?? agreedOrders(site, POLICIES);
  const shown = { site, families: FAMILIES };
  const servers = installServers(surroundings, site, order);
  const whereabouts = createWhereabouts(whereaboutsOptions(surroundings, servers));
  const installFiles = createInstallFiles({
    ...{ ...shown, order, tree: trees.lookup },
    versions: { current: currentOf(surroundings), holds: surroundings.versions.holds, find: whereabouts.find },
  });
  const view = viewOf(surroundings, site, server, agreed && servers);
  const recorder = siteRecorder(surroundings, site);
  const admission = createAdmission(surroundings, site, order, servers);
  const loaders = new SingleFlight<Lookup>();
  const files = createBootFiles({
    ...{ site, permits: gate, installFiles, tree: trees.lookup },
    loader: (name) => loaders.run(name, () => loaderFile(name)),
    ...{ admission, clock },
    serverFor: view,
    onScript: recorder.script,
    onUnlisted: recorder.unlisted,
    missing: whereabouts.answer,
  });
  const plan: PlanBoot = (client) => planBoot(site, client, (host) => gate.peek(host.name));
  const observer = (event: DhcpEvent) => {
    recorder.dhcp(event);
    logDhcp(log, event);
  };
  const bootServer = bootServerFor(site, name, servers.fit, surroundings.isAlive);
  const agreement = agreed && { agreement: { ...agreed.agreement, bootServer } };
  const showHost = createShowHost({ ...shown, order: servers.order, serverFor: view });
  return {
    dhcp: { site, server, plan, observer, stranger: (sighting) => unknown.note(sighting), ...agreement },
    dns: dnsSite(site, site.dns?.forward ?? []),
    installAddresses: (client) => servers.addresses(client, standingOf(surroundings)),
    ...{ httpFiles: files, files: withoutRedirects(files) },
    admission,
    transfers: withStrangers(recorder.transfers, site, unknown),
    reports: reportRoute({ permits: gate, append: journal.append, log, judge: firstBootJudge(site) }),
    syslog: syslogReader(site, surroundings.logEvents),
    operations: createOperations({
      ...{ ...about, site, server: name, clock, permits, plan, journal, installFiles, showHost },
      members: surroundings.members,
      log: (host, { lines, boot }) => surroundings.logs.tail(host, lines, boot),
      first: (host) => servers.holding(host, livingOf(surroundings, order(host)))[0]?.name,
      unknown: createUnknownDesk({ unknown, site, sites: about.sites }),
    }),
  };
}

function installServers({ versions, permits, clock }: Surroundings, site: Site, order: OrderServers): InstallServers {
  return new InstallServers({ site, order, versions, permitOf: permits.newestOf, now: () => clock.now() });
}

/** Dead ones are gone from the answers for names as soon as they are missed. */
function standingOf({ server, isAlive, members }: Surroundings): ServerStanding {
  const drained = new Set([...members().values()].filter(({ draining }) => draining).map(({ name }) => name));
  return { isAlive: (name) => name === server || isAlive(name), isDraining: (name) => drained.has(name) };
}

function livingOf({ server, isAlive }: Surroundings, servers: readonly SiteServer[]): readonly SiteServer[] {
  return servers.filter(({ name }) => name === server || isAlive(name));
}

/** Boots wait while it cannot be told: the operator reads why. */
function currentOf({ versions, log }: Surroundings) {
  return async (tree: string) => {
    try {
      return await versions.current(tree);
    } catch (error) {
      log.error({ error, tree }, "its current version cannot be told: machines that want it wait");
      throw error;
    }
  };
}

function whereaboutsOptions(surroundings: Surroundings, servers: InstallServers): WhereaboutsOptions {
  const { server: self, isAlive, versions, trees, permits, clock, cluster } = surroundings;
  const holdsOwn = ({ name }: SiteServer) => cluster?.servers().find((each) => each.name === name)?.heldBy === name;
  return {
    ...{ self, isAlive, holds: versions.holds, isHere: trees.has },
    serversFor: (client) => servers.ordered(client),
    isInUse: ({ name }, wanted) => permits.all().some((permit) => versionRead(permit, name, clock.now()) === wanted),
    viewOf: (server) =>
      holdsOwn(server)
        ? lastingView(server)
        : { address: server.address, httpPort: server.httpPort, name: server.name },
  };
}

function ownEntry(site: Site, name: string): SiteServer {
  const server = site.servers.get(name);
  if (!server) throw new Error(`a site without its server ${name} is not served`);
  return server;
}

function viewOf(
  { addresses, isAlive }: Surroundings,
  site: Site,
  server: SiteServer,
  servers: InstallServers | undefined,
): BootFilesOptions["serverFor"] {
  const own = (client: string) => serverFor(site, server, addresses, client);
  if (!servers) return own;
  const about = { site, self: server.name, isAlive, own };
  const isFit = (name: string, client: string, version?: string) => servers.isFit(name, client, version);
  return installViewFor({ ...about, isFit, usual: lastingViewFor({ ...about, fit: servers.fit }) });
}

function createAdmission(
  surroundings: Surroundings,
  site: Site,
  order: OrderServers,
  servers: InstallServers,
): AdmissionControl {
  const { server, permits, journal, clock, isAlive, members } = surroundings;
  const orderByLoad = ordersByLoad(site, POLICIES);
  return new AdmissionControl({
    ...{ site, self: server, permits, order, isAlive, members, clock, random: Math.random },
    holding: (host, among) => servers.holding(host, among),
    ...(orderByLoad && { orderByLoad }),
    lastSign: (host) => journal.events(host).at(-1)?.at,
  });
}

function siteRecorder({ server, permits, journal, clock, log }: Surroundings, site: Site): Recorder {
  return createRecorder({
    ...{ site, server, record: journal.record, now: () => clock.now() },
    permitOf: (host) => permits.newestOf(host)?.id,
    onPackage: (host) => {
      const permit = permits.newestOf(host);
      if (permit?.state !== "started") return;
      permits
        .advance(permit.token, "writing")
        .catch((error) => log.error({ error, host }, "permit not moved to writing"));
    },
  });
}

/** The path of a boot script names the machine that asks, host or not. */
function withStrangers(observer: TransferObserver, site: Site, unknown: UnknownMachines): TransferObserver {
  return {
    started: (transfer) => observer.started(transfer),
    request: (request) => observer.request(request),
    ended: (transfer) => {
      observer.ended(transfer);
      const mac = macOfScriptPath(transfer.path);
      const address = parseIpv4(transfer.client);
      if (mac && !site.hostByMac.has(mac)) unknown.note({ at: transfer.ended, mac, ...(address && { address }) });
    },
  };
}

function syslogReader(site: Site, logEvents: LogEvents) {
  return ({ client, program, text, stamp }: SyslogLine) => {
    const host = site.hostByAddress.get(client as Ipv4);
    // A stranger's lines would fill the disk in a host's name.
    if (!host) return;
    const { readLog } = familyOf(FAMILIES, host.profile.tree);
    const said = { ...(program !== undefined && { program }), ...(stamp !== undefined && { stamp }) };
    logEvents.line(host.name, { text, ...said }, readLog);
  };
}

/** Machines that are no hosts have no journal: what an operator must know of them is in the log. */
function logDhcp(log: Log, { kind, client, ...event }: DhcpEvent): void {
  if (kind === "decline") log.warn(event, "address in use: a machine declined it because another one answers to it");
  else log.debug({ ...event, asking: client.stage }, `dhcp ${kind}`);
}
