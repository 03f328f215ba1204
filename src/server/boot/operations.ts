/** What the control API can be asked, answered from this daemon's own state. */
import type { Ipv4 } from "../../base/address.ts";
import type { Clock } from "../../base/clock.ts";
import { EverbootError } from "../../base/errors.ts";
import { type BootClient, classifyClient } from "../../boot/client.ts";
import type { BootPlan, PlanBoot, Refusal } from "../../boot/plan.ts";
import { installsAt } from "../../cluster/draining.ts";
import type { Journal } from "../../cluster/journal.ts";
import type { Members } from "../../cluster/members.ts";
import type { PairState } from "../../cluster/pair.ts";
import { isOpen, type Permit } from "../../cluster/permit-rules.ts";
import type { Permits } from "../../cluster/permits.ts";
import { foldFleet, foldStatus, type HostStatus } from "../../cluster/trace.ts";
import { findHost } from "../../site/find-host.ts";
import type { Host, Site } from "../../site/model.ts";
import { bondReport } from "../api/bond-report.ts";
import { hostMoment } from "../api/host-moment.ts";
import type {
  ApplyRequest,
  InstallOptions,
  LogQuery,
  MachineQuery,
  Operations,
  TreesDesk,
  UnknownMachines,
} from "../api/operations.ts";
import { serverSummaries } from "../api/server-summaries.ts";
import { createRateMeter } from "../rate-meter.ts";
import type { Server } from "../server.ts";
import type { InstallFiles } from "./install-files.ts";

/** One server of a cluster, as another one sees it. */
export interface ClusterServer {
  readonly name: string;
  readonly alive: boolean;
  readonly floating?: Ipv4;
  /** Name of the server that has the floating address; absent = nobody that we know of. */
  readonly heldBy?: string;
  /** It is being taken out of service. */
  readonly draining?: boolean;
  /** Installs that were sent there and are not over. */
  readonly installs?: number;
  /** The site file that it serves by; absent = not known, or none at this moment. */
  readonly serves?: ServedRevision;
}

export interface ServedRevision {
  /** `Site.revision` */
  readonly revision: string;
  /** Absent = it was never applied, or long ago. */
  readonly number?: number;
}

/** How things stand among the servers of a site. */
export interface ClusterReport {
  readonly servers: readonly ClusterServer[];
  /** What was applied last; absent = nothing yet. `trouble`: why this server cannot serve it, in words. */
  readonly site?: { readonly number: number; readonly revision: string; readonly trouble?: string };
  /** Why this server is not fit to hold floating addresses; empty = it is. */
  readonly troubles: readonly string[];
  /** Of this server's copy of the common state; `trouble` in words. */
  readonly state: {
    readonly state: string;
    readonly position: number;
    readonly outbox: number;
    /** Of two servers without a third machine. */
    readonly pair?: PairState;
    readonly trouble?: string;
  };
}

/** What `everboot apply` compares with and waits for. */
export interface SiteReport {
  readonly site: string;
  /** This server's name. */
  readonly server: string;
  /** How manyth site file was applied; 0 = none, and `text` is what this server serves by. */
  readonly number: number;
  readonly revision: string;
  readonly text: string;
  /** Milliseconds since 1970, and the server at which it was applied. */
  readonly at?: number;
  readonly by?: string;
  /** Why this server cannot serve it, in words. */
  readonly trouble?: string;
  readonly servers: ReadonlyArray<Pick<ClusterServer, "name" | "alive" | "serves">>;
}

/** The applied site file, and applying another one. */
export interface SiteDesk {
  report(): SiteReport;
  /**
   * Resolves when the file is applied, which is before the servers serve it. Rejects with EverbootError `site-invalid`,
   * `site-elsewhere`, or as `publishSite` does.
   */
  apply(request: ApplyRequest): Promise<ServedRevision>;
}

export interface OperationsOptions {
  readonly site: Site;
  readonly server: string;
  readonly permits: Permits;
  readonly plan: PlanBoot;
  readonly journal: Journal;
  readonly installFiles: InstallFiles;
  readonly servers: () => readonly Server[];
  readonly showHost: ShowHost;
  readonly clock: Clock;
  readonly sites: SiteDesk;
  /** Absent = this server is alone. */
  readonly cluster?: () => ClusterReport;
  /** Takes a server of the site out of service, or back into it; durable when it resolves. */
  readonly drain?: (server: string, draining: boolean) => Promise<unknown>;
  /** What the servers tell of themselves. */
  readonly members?: () => Members;
  /** The last lines of a host's log; absent = none are kept. */
  readonly log?: (host: string, query: LogQuery) => Promise<readonly string[]>;
  /** Absent = folded anew each time, by the host's own events alone. */
  readonly hostStatus?: (host: Host) => HostStatus;
  /** The first live server of the host's order, by name; absent = there is this one alone. */
  readonly first?: (host: Host) => string | undefined;
  /** Machines that ask and are no hosts. */
  readonly unknown?: UnknownMachines;
  /** Versions of the trees. */
  readonly trees?: TreesDesk;
}

const DEFAULT_MINUTES = 240;

/** What a host would be given, for the operator to read; the export room knows how. */
export interface ShowHost {
  /** Throws EverbootError `usage` for a format that there is not. */
  render(host: Host, format: string): Promise<unknown>;
  stages(host: Host): Promise<readonly unknown[]>;
}

export function createOperations(options: OperationsOptions): Operations {
  const { site, server, unknown, trees } = options;
  return {
    ...fleetOperations(options),
    ...hostOperations(options),
    ...permitOperations(options),
    ...{ ...(unknown && { unknown }), ...(trees && { trees }) },
    names: () => ({ site: site.name, revision: site.revision, server, hosts: [...site.hosts.keys()] }),
    site: async () => options.sites.report(),
    apply: (request) => options.sites.apply(request),
  };
}

function statusReader({ journal, permits, clock, hostStatus }: OperationsOptions): (host: Host) => HostStatus {
  if (hostStatus) return hostStatus;
  return ({ name }) => foldStatus(name, journal.events(name), permits.newestOf(name), clock.now());
}

type FleetOperations = Pick<Operations, "status" | "servers" | "cluster" | "drain">;

function fleetOperations(options: OperationsOptions): FleetOperations {
  const { site, server, clock, servers } = options;
  const statusOf = statusReader(options);
  const sent = () => servers().reduce((sum, each) => sum + (each.counters().bytes ?? 0), 0);
  const rate = createRateMeter(sent, clock);
  return {
    status: async () => ({
      ...{ site: site.name, revision: site.revision, server, now: clock.now() },
      counters: Object.fromEntries(servers().map((each) => [each.name, each.counters()])),
      ...foldFleet([...site.hosts.values()].map((host) => ({ profile: host.profile.name, ...statusOf(host) }))),
    }),
    servers: () => {
      const seen = options.cluster?.().servers ?? [aloneServer(options)];
      return serverSummaries({ self: server, servers: seen, members: options.members?.() ?? new Map(), rate: rate() });
    },
    cluster: async () => {
      if (!options.cluster) throw alone(site);
      return { server, ...options.cluster() };
    },
    drain: async ({ server: name, draining }) => {
      if (!options.drain) throw alone(site);
      if (!site.servers.has(name)) throw serverUnknown(site, name);
      return options.drain(name, draining);
    },
  };
}

function aloneServer({ site, server, permits }: OperationsOptions): ClusterServer {
  const installs = installsAt(permits.all(), server).length;
  return { name: server, alive: true, installs, serves: { revision: site.revision } };
}

type HostOperations = Pick<
  Operations,
  "isFirst" | "host" | "moment" | "boots" | "events" | "log" | "bond" | "plan" | "render" | "stages"
>;

function hostOperations(options: OperationsOptions): HostOperations {
  const { site, journal, clock, showHost, log, server, first = () => server } = options;
  const statusOf = statusReader(options);
  return {
    isFirst: (name) => {
      const host = site.hosts.get(name);
      return host !== undefined && first(host) === server;
    },
    host: async (name) => ({ now: clock.now(), ...statusOf(findHost(site, name)) }),
    moment: (name) => {
      const host = findHost(site, name);
      return hostMoment(statusOf(host), host.profile.name, journal.events(name), clock.now());
    },
    boots: (name) => journal.boots(findHost(site, name).name),
    events: (name) => journal.events(findHost(site, name).name),
    log: async (name, query) => {
      if (!log) throw new EverbootError("call-unknown");
      return log(findHost(site, name).name, query);
    },
    bond: (name) => bondReport(findHost(site, name), journal.events(name)),
    plan: async (name, machine) => planReport(options, findHost(site, name), machine),
    render: (name, format) => showHost.render(findHost(site, name), format),
    stages: async (name) => ({
      revision: site.revision,
      host: name,
      stages: site.hosts.has(name) ? await showHost.stages(findHost(site, name)) : [],
    }),
  };
}

function permitOperations(options: OperationsOptions): Pick<Operations, "install" | "cancel"> {
  const { site, permits } = options;
  return {
    install: async (name, request) => shownPermit(await install(options, findHost(site, name), request)),
    cancel: async (name) => shownPermit(await permits.cancel(findHost(site, name).name)),
  };
}

function alone(site: Site): EverbootError {
  return new EverbootError("usage", {
    what: `site ${site.name} has no cluster: one server, or no etcd under \`state\``,
  });
}

function serverUnknown(site: Site, server: string): EverbootError {
  const names = [...site.servers.keys()].join(", ");
  return new EverbootError("usage", { what: `no server ${server} in the site file: it has ${names}` });
}

/** A permit is only issued for what can be installed now: the operator is there to read why not. */
async function install(options: OperationsOptions, host: Host, request: InstallOptions): Promise<Permit> {
  const { tree } = host.profile;
  const { lacks } = await options.installFiles.handing(tree, host.address);
  if (lacks !== undefined)
    throw new EverbootError("tree-incomplete", { tree: tree.name, what: lacks.what, todo: lacks.todo });
  const { minutes = DEFAULT_MINUTES, replace = false, again = false } = request;
  const lifetimeMs = minutes * 60_000;
  try {
    return await options.permits.issue(host.name, { lifetimeMs, replace });
  } catch (error) {
    const open = again && !replace ? openPermit(options, host, lifetimeMs) : undefined;
    if (open && error instanceof EverbootError && error.code === "permit-exists") return open;
    throw error;
  }
}

/** The one that was asked for before, by all signs. */
function openPermit({ permits, clock }: OperationsOptions, host: Host, lifetimeMs: number): Permit | undefined {
  const permit = permits.newestOf(host.name);
  const isSame = permit && isOpen(permit, clock.now()) && permit.expires - permit.issued === lifetimeMs;
  return isSame ? permit : undefined;
}

/** Without the token: it is the machine's secret, and status is shown around. */
function shownPermit({ id, host, issued, expires, state }: Permit) {
  return { id, host, issued, expires, state };
}

async function planReport(options: OperationsOptions, host: Host, machine: MachineQuery) {
  const asking = askingClients(host, machine);
  const plans = asking.map((client) => ({ client, plan: options.plan(client) }));
  const refused = plans.find((each) => each.plan.kind === "refusal")?.plan;
  const first = plans[0]?.plan;
  return {
    host: host.name,
    address: host.address,
    action: refused ? "refused" : actionOf(first),
    reasons: reasonsOf(refused ?? first),
    steps: plans.map(stepOf),
  };
}

/** The machine's firmware, then the iPXE that it was given, as they would ask. */
function askingClients(host: Host, { arch, firmware }: MachineQuery): BootClient[] {
  const codes = { amd64: firmware === "bios" ? 0 : 7, i386: 6, arm64: 11 } as const;
  const asking = { archCodes: [codes[arch]], vendorClass: "PXEClient" };
  const [mac] = host.nics;
  return [
    classifyClient(mac, { ...asking, hasIpxeOptions: false }),
    ...(host.loader === "auto" || host.loader.startsWith("ipxe")
      ? [classifyClient(mac, { ...asking, hasIpxeOptions: true })]
      : []),
  ];
}

function actionOf(plan: BootPlan | Refusal | undefined): string {
  return plan?.kind === "plan" ? plan.action : "refused";
}

function reasonsOf(plan: BootPlan | Refusal | undefined): readonly string[] {
  if (plan?.kind === "plan") return plan.reasons.slice(0, 1);
  return plan ? [plan.text] : [];
}

function stepOf({ client, plan }: { client: BootClient; plan: BootPlan | Refusal }) {
  if (plan.kind === "refusal") return { asks: client.stage, gets: "nothing", why: plan.text };
  return { asks: client.stage, gets: plan.file?.path ?? "its address", why: plan.reasons.at(-1) ?? "" };
}
