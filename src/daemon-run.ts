/** One run of the servers, from the state that is opened first to the last listener. A restart in place is another run. */
import type { Ipv4 } from "./base/address.ts";
import { type Clock, sleep } from "./base/clock.ts";
import { type ErrorCode, EverbootError } from "./base/errors.ts";
import type { Log } from "./base/log.ts";
import type { Health } from "./cluster/health.ts";
import type { MemberRecord, Members } from "./cluster/members.ts";
import { type AppliedSite, followAppliedSite, readAppliedSite } from "./cluster/site-revisions.ts";
import type { StatePaths } from "./cluster/state-folder.ts";
import type { IssuedToken } from "./cluster/tokens.ts";
import { openCluster } from "./daemon-cluster.ts";
import { isCluster } from "./daemon-common.ts";
import type { DeskView } from "./daemon-desk.ts";
import type { ServedSite } from "./daemon-revisions.ts";
import { createServers } from "./daemon-servers.ts";
import { openState, type State, type Undo } from "./daemon-state.ts";
import { localInterfaces } from "./net/interfaces.ts";
import type { SiteDesk } from "./server/boot/operations.ts";
import { chooseServer, listenAddresses } from "./server/endpoint.ts";
import { createRateMeter } from "./server/rate-meter.ts";
import type { Server } from "./server/server.ts";
import type { Site, Server as SiteServer } from "./site/model.ts";

export interface RunOptions {
  /** Says where the state is. */
  readonly home: Site;
  /** Which of its servers this is; absent = found by its address. */
  readonly serverName?: string;
  readonly paths: StatePaths;
  readonly clock: Clock;
  readonly log: Log;
  /** Where system programs are looked for: as PATH has it. */
  readonly searchPath?: string;
  /** `PermitsOptions.handOutAgainMs`. */
  readonly handOutAgainMs?: number;
  /** What to serve, when it is known what was applied last. */
  readonly choose: (applied: AppliedSite | undefined) => ServedSite;
  /** Is told of each site file that is applied, and of those that cannot be read. */
  readonly applied: (site: AppliedSite) => void;
  readonly unreadable: (error: unknown) => void;
  readonly desk: (view: DeskView) => SiteDesk;
}

export interface Run {
  readonly server: string;
  readonly addresses: readonly Ipv4[];
  /** The site's first token for the API, if this run made it. Never rejects. */
  readonly firstToken: Promise<IssuedToken | undefined>;
  readonly members: () => Members;
  /** Does this server know all that the others have written? */
  readonly isCaughtUp: () => boolean;
  /** Serves by another site file from the next request on; its servers are the same. */
  swap(site: Site): void;
  /** Stops answering new machines first, lets transfers end, closes the state. */
  stop(): Promise<void>;
}

/** Rejects with an EverbootError when the world is not as the site file says; nothing is left open then. */
export async function startRun(options: RunOptions): Promise<Run> {
  const { home } = options;
  const undo: Undo = [];
  const stop = async () => {
    for (const step of undo.splice(0).reverse()) await step();
  };
  try {
    const { name } = chooseServer(home, options.serverName, localInterfaces());
    const figures: Partial<Figures> & { revision?: string } = {};
    const about = (): Omit<MemberRecord, "draining"> => ({
      revision: figures.revision ?? "",
      rate: figures.rate?.() ?? 0,
      queue: figures.queue?.() ?? 0,
      ...figures.trees?.(),
    });
    const state = await openState({ ...options, site: home, server: name, about, undo });
    const { site, run, ...told } = await startServers(options, name, state, undo);
    // Others may restart when they hear of the revision: not before this server serves.
    Object.assign(figures, told, { revision: site.revision });
    const swap = (next: Site) => {
      run.swap(next);
      figures.revision = next.revision;
    };
    return { ...run, swap, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** What it tells the other servers: bytes a second sent, machines that wait, its versions of trees. */
interface Figures {
  readonly rate: () => number;
  readonly queue: () => number;
  readonly trees: () => Pick<MemberRecord, "trees" | "lacks">;
}

interface Started extends Figures {
  readonly site: Site;
  readonly run: Omit<Run, "stop">;
}

async function startServers(options: RunOptions, name: string, state: State, undo: Undo): Promise<Started> {
  const { choose, clock, log } = options;
  const { site, number } = choose(await readAppliedSite(state.store));
  const server = site.servers.get(name);
  if (!server) throw new EverbootError("server-removed", { server: name, number });
  const addresses = listenAddresses(site, server, localInterfaces());
  const made: { health?: Health } = {};
  const cluster = isCluster(site)
    ? await openCluster(clusterOptions(options, { site, server, addresses, state, health: () => made.health }))
    : undefined;
  if (cluster) undo.push(cluster.end);
  const isAlive = (other: string) => cluster?.servers().some((each) => each.name === other && each.alive) ?? false;
  const { store, members } = state;
  const sites = options.desk({ server: name, store, members, isAlive: (other) => other === name || isAlive(other) });
  const parts = await createServers({ ...options, sites, site, server, addresses, state, cluster, isAlive, undo });
  made.health = parts.health;
  for (const each of parts.servers) {
    await each.start();
    undo.push(() => each.stop());
    log.info({ server: each.name }, "listening");
  }
  const { common } = state;
  const pair = common?.pair;
  if (pair && cluster) {
    pair.keeper.start(common.replica, () => cluster.view(pair.peer));
    undo.push(() => pair.keeper.stop());
  }
  void followAppliedSite(state.store, options.applied, options.unreadable, state.following).catch(options.unreadable);
  const firstToken = site.api ? makeFirstToken(state, name, log) : Promise.resolve(undefined);
  const run = { server: name, addresses, members, firstToken, isCaughtUp: () => common?.replica.caughtUp() ?? true };
  return {
    ...{ site, run: { ...run, swap: parts.swap }, queue: () => parts.live.waiting() },
    trees: parts.treeRecord,
    rate: createRateMeter(() => bytesSent(parts.servers), clock),
  };
}

const TOKEN_RETRY_MS = 2000;
/** The store refuses commits for now. */
const PASSING: readonly ErrorCode[] = ["store-unavailable", "cluster-away"];

/** Nobody waits for it: servers that start together have no quorum at first, and try again until they have. */
async function makeFirstToken(
  { tokens, following }: State,
  server: string,
  log: Log,
): Promise<IssuedToken | undefined> {
  const { clock, signal } = following;
  while (!signal.aborted) {
    try {
      return await tokens.first(server);
    } catch (error) {
      if (!(error instanceof EverbootError) || !PASSING.includes(error.code)) {
        log.error({ error }, "the first token cannot be made: make one with `everboot token add NAME --role admin`");
        return undefined;
      }
    }
    await sleep(clock, TOKEN_RETRY_MS, signal).catch(() => undefined);
  }
  return undefined;
}

interface ClusterParts {
  readonly site: Site;
  readonly server: SiteServer;
  readonly addresses: readonly Ipv4[];
  readonly state: State;
  readonly health: () => Health | undefined;
}

function clusterOptions({ paths, clock, log, searchPath }: RunOptions, parts: ClusterParts) {
  const { site, server, addresses, health } = parts;
  const { common, members, draining } = parts.state;
  const isFresh = (name: string) => members().get(name)?.fresh ?? false;
  return {
    ...{ site, server, addresses, folder: paths.folder, clock, log, ...(searchPath !== undefined && { searchPath }) },
    standing: () => ({ awayMs: common?.awayMs() ?? 0, isFresh }),
    // One that is taken out of service leaves its addresses as one that is not well does.
    isWell: () => !draining.has(server.name) && (health()?.isWell() ?? false),
    isDeaf: () => health()?.isDeaf() ?? true,
  };
}

function bytesSent(servers: readonly Server[]): number {
  return servers.reduce((sum, server) => sum + (server.counters().bytes ?? 0), 0);
}
