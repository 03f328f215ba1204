/** What the control API can be asked, answered from this daemon's own state. */
import type { Ipv4 } from "../../base/address.ts";
import type { Clock } from "../../base/clock.ts";
import { EverbootError } from "../../base/errors.ts";
import { type BootClient, classifyClient } from "../../boot/client.ts";
import type { BootPlan, PlanBoot, Refusal } from "../../boot/plan.ts";
import type { Journal } from "../../cluster/journal.ts";
import type { PairState } from "../../cluster/pair.ts";
import type { Permit } from "../../cluster/permit-rules.ts";
import type { Permits } from "../../cluster/permits.ts";
import { foldFleet, foldStatus } from "../../cluster/trace.ts";
import { findHost } from "../../site/find-host.ts";
import type { Host, Site } from "../../site/model.ts";
import type { ApplyRequest, MachineQuery, Operations } from "../api/api.ts";
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
}

/** What a host would be given, for the operator to read; the export room knows how. */
export interface ShowHost {
  /** Throws EverbootError `usage` for a format that there is not. */
  render(host: Host, format: string): Promise<unknown>;
  stages(host: Host): Promise<readonly unknown[]>;
}

export function createOperations(options: OperationsOptions): Operations {
  const { site, permits, journal, clock } = options;
  const statusOf = (host: Host) =>
    foldStatus(host.name, journal.events(host.name), permits.newestOf(host.name), clock.now());
  return {
    status: async () => ({
      site: site.name,
      revision: site.revision,
      server: options.server,
      now: clock.now(),
      counters: Object.fromEntries(options.servers().map((server) => [server.name, server.counters()])),
      ...foldFleet([...site.hosts.values()].map((host) => ({ profile: host.profile.name, ...statusOf(host) }))),
    }),
    host: async (name) => ({ now: clock.now(), ...statusOf(findHost(site, name)) }),
    install: (name, request) => install(options, findHost(site, name), request),
    cluster: async () => {
      if (!options.cluster) throw alone(site);
      return { server: options.server, ...options.cluster() };
    },
    site: async () => options.sites.report(),
    apply: (request) => options.sites.apply(request),
    drain: async ({ server, draining }) => {
      if (!options.drain) throw alone(site);
      if (!site.servers.has(server)) throw serverUnknown(site, server);
      return options.drain(server, draining);
    },
    cancel: async (name) => shownPermit(await permits.cancel(findHost(site, name).name)),
    plan: async (name, machine) => planReport(options, findHost(site, name), machine),
    render: (name, format) => options.showHost.render(findHost(site, name), format),
    stages: async (name) => ({
      revision: site.revision,
      host: name,
      stages: site.hosts.has(name) ? await options.showHost.stages(findHost(site, name)) : [],
    }),
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
async function install(options: OperationsOptions, host: Host, request: Parameters<Operations["install"]>[1]) {
  const { tree } = host.profile;
  const lacks = await options.installFiles.treeLacks(tree);
  if (lacks !== undefined)
    throw new EverbootError("tree-incomplete", { tree: tree.name, what: lacks.what, todo: lacks.todo });
  const { minutes, replace } = request;
  const permit = await options.permits.issue(host.name, {
    ...(minutes !== undefined && { lifetimeMs: minutes * 60_000 }),
    ...(replace !== undefined && { replace }),
  });
  return shownPermit(permit);
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
