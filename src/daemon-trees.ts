/**
 * The versions of this server's trees within a daemon: which one is handed out, which servers have it, and with several
 * servers their replication.
 */
import { type Clock, steadyClock } from "./base/clock.ts";
import { EverbootError } from "./base/errors.ts";
import type { Log } from "./base/log.ts";
import { LinkKeeper } from "./cluster/link-keeper.ts";
import type { MemberRecord } from "./cluster/members.ts";
import type { TreeVersions } from "./cluster/tree-versions.ts";
import { versionsInUse } from "./cluster/versions-in-use.ts";
import { type ReplicatedTree, TreeReplica } from "./content/replica.ts";
import { type Holdings, HoldingsReader, type SiteHoldings, serversHolding } from "./content/replica-holdings.ts";
import { createHttpPeer, type TreePeer } from "./content/replica-peer.ts";
import { Throttle } from "./content/replica-throttle.ts";
import { currentVersion } from "./content/versions.ts";
import type { Cluster } from "./daemon-cluster.ts";
import type { State } from "./daemon-state.ts";
import type { TreesDesk } from "./server/api/operations.ts";
import type { Route } from "./server/http/route.ts";
import type { Server } from "./server/server.ts";
import { reportTrees } from "./server/trees/report.ts";
import { createTreeRoutes } from "./server/trees/routes.ts";
import type { Site, Server as SiteServer, Tree } from "./site/model.ts";
import { suggestion } from "./site/nearest.ts";

export interface SiteTreesOptions {
  /** That is served now. */
  readonly site: () => Site;
  /** Name of this server. */
  readonly server: string;
  readonly state: State;
  /** Absent = this server is alone. */
  readonly cluster?: Cluster;
  readonly clock: Clock;
  readonly log: Log;
}

export interface SiteTrees {
  readonly versions: TreeVersions;
  /** For the API. */
  readonly desk: TreesDesk;
  /** For all HTTP servers: what the other servers ask for. */
  readonly routes: readonly Route[];
  /** To start before those who serve: they want to know what is here. */
  readonly servers: readonly Server[];
  /** What this server tells the others. */
  readonly record: () => Pick<MemberRecord, "trees" | "lacks">;
}

export function createSiteTrees(options: SiteTreesOptions): SiteTrees {
  const { cluster } = options;
  return cluster ? new ReplicatedTrees(options, cluster).parts() : aloneTrees(options);
}

/** Of a server that is alone: what it serves is what it has. */
function aloneTrees({ site, server, state, clock }: SiteTreesOptions): SiteTrees {
  const reader = new HoldingsReader();
  const seen = new Map<string, string | undefined>();
  const current = async (name: string) => {
    const id = await ownCurrent(site().trees.get(name));
    seen.set(name, id);
    return id;
  };
  const list = async () => {
    const trees = [...site().trees.values()];
    const own = await reader.heldVersions(trees.filter(isReplicated));
    const held = new Map([[server, own]]);
    return reportTrees({ trees, held, currentOf: (tree) => own[tree]?.current, lacks: new Map() });
  };
  const used = (tree: string) => usedVersions(site(), tree, state, clock.now());
  return {
    versions: { current, lastCurrent: (tree) => seen.get(tree), holds: () => true },
    desk: { list, used, look: () => undefined },
    ...{ routes: [], servers: [], record: () => ({}) },
  };
}

function isReplicated({ upstream }: Tree): boolean {
  return upstream === undefined;
}

async function ownCurrent(tree: Tree | undefined): Promise<string | undefined> {
  return tree && isReplicated(tree) ? currentVersion(tree.path) : undefined;
}

/** Throws EverbootError `tree-unknown`. */
function usedVersions({ trees }: Site, tree: string, state: State, now: number): readonly string[] {
  if (trees.has(tree)) return versionsRead(state, tree, now);
  throw new EverbootError("tree-unknown", { tree, hint: `: ${suggestion(tree, [...trees.keys()])}` });
}

/** By running installs. */
function versionsRead({ permits }: State, tree: string, now: number): readonly string[] {
  const read = versionsInUse(permits.all(), now).filter((each) => each.tree === tree);
  return [...new Set(read.map(({ version }) => version))].sort();
}

/** Of what a server lacks, so many are told with each heartbeat. */
const MOST_TOLD = 3;

class ReplicatedTrees {
  private readonly options: SiteTreesOptions;
  private readonly replica: TreeReplica;
  private readonly keeper: LinkKeeper;
  private readonly key: Uint8Array;
  private readonly throttle: Throttle;
  /** By URL. */
  private readonly peers = new Map<string, TreePeer>();

  constructor(options: SiteTreesOptions, { key }: Cluster) {
    const { server, state, clock, log, site } = options;
    const { current, local } = state;
    if (!current) throw new Error("a cluster without common state");
    this.options = options;
    this.key = key;
    this.throttle = new Throttle(steadyClock, () => site().replication?.rate);
    this.keeper = new LinkKeeper({
      ...{ server, current, local, clock, log },
      poke: () => this.replica.poke(),
      kept: (tree) => (this.isCaughtUp() ? new Set(this.keptOf(tree)) : undefined),
    });
    this.replica = new TreeReplica({
      ...{ clock: steadyClock, log, random: Math.random, links: this.keeper },
      trees: () => this.trees(),
      peers: () => this.others().map((other) => this.peerAt(other)),
      scrubThrottle: new Throttle(steadyClock, () => site().replication?.scrub),
    });
    current.follow(() => this.replica.poke());
  }

  parts(): SiteTrees {
    const { server, clock, log, site } = this.options;
    const routes = createTreeRoutes({
      ...{ key: this.key, clock, log },
      isPeer: (name) => name !== server && site().servers.has(name),
      treePath: (name) => this.treeOf(name)?.path,
    });
    return {
      ...{ versions: this.versions(), desk: this.desk(), routes, servers: [this.server()] },
      record: () => ({ trees: this.replica.heldVersions(), lacks: this.replica.status().slice(0, MOST_TOLD) }),
    };
  }

  private server(): Server {
    const { replica, keeper } = this;
    return {
      name: replica.name,
      start: () => replica.start(),
      stop: async () => {
        keeper.stop();
        await replica.stop();
      },
      counters: () => replica.counters(),
    };
  }

  private versions(): TreeVersions {
    const said = (tree: string) => this.treeOf(tree) && this.options.state.current?.of(tree)?.version;
    return {
      current: async (tree) => said(tree) ?? (await ownCurrent(this.treeOf(tree))),
      lastCurrent: (tree) => said(tree) ?? this.replica.heldVersions()[tree]?.current,
      holds: (server, tree, version) => serversHolding([server], tree, version, this.held()).length > 0,
    };
  }

  private desk(): TreesDesk {
    const { site, state, clock } = this.options;
    return {
      list: async () => {
        const { lastCurrent: currentOf } = this.versions();
        return reportTrees({ trees: [...site().trees.values()], currentOf, held: this.held(), lacks: this.lacks() });
      },
      used: (tree) => {
        if (!this.isCaughtUp()) throw new EverbootError("cluster-away");
        return usedVersions(site(), tree, state, clock.now());
      },
      look: () => this.replica.poke(),
    };
  }

  private treeOf(name: string): Tree | undefined {
    const tree = this.options.site().trees.get(name);
    return tree && isReplicated(tree) ? tree : undefined;
  }

  private trees(): readonly ReplicatedTree[] {
    const { site, state } = this.options;
    const wanted = [...site().trees.values()].filter(isReplicated);
    return wanted.map(({ name, path }) => {
      const said = state.current?.of(name)?.version;
      return { name, path, ...(said !== undefined && { current: said }), keep: this.keptOf(name) };
    });
  }

  /** Pinned at any server, or read by running installs. */
  private keptOf(tree: string): readonly string[] {
    const { state, clock } = this.options;
    const pinned = [...this.held().values()].flatMap(({ [tree]: holding }) => holding?.pinned ?? []);
    return [...new Set([...pinned, ...versionsRead(state, tree, clock.now())])].sort();
  }

  private isCaughtUp(): boolean {
    return this.options.state.common?.replica.caughtUp() ?? false;
  }

  /** As told by the servers of the site; of this one, as it is. */
  private held(): SiteHoldings {
    const told = this.members().flatMap(({ name, trees }) => (trees ? [[name, trees] as const] : []));
    return new Map<string, Holdings>([...told, [this.options.server, this.replica.heldVersions()]]);
  }

  private lacks(): TreesSeenLacks {
    const told = this.members().map(({ name, lacks }) => [name, lacks ?? []] as const);
    return new Map([...told, [this.options.server, this.replica.status()]]);
  }

  private members() {
    const { site, state, server } = this.options;
    return [...state.members().values()].filter(({ name }) => name !== server && site().servers.has(name));
  }

  private others(): readonly SiteServer[] {
    return [...this.options.site().servers.values()].filter(({ name }) => name !== this.options.server);
  }

  private peerAt({ name, address, httpPort }: SiteServer): TreePeer {
    const { server: self, clock } = this.options;
    const url = `http://${address}:${httpPort}`;
    const key = `${name} ${url}`;
    const peer =
      this.peers.get(key) ?? createHttpPeer({ ...{ name, url, self, clock }, key: this.key, throttle: this.throttle });
    this.peers.set(key, peer);
    return peer;
  }
}

type TreesSeenLacks = Parameters<typeof reportTrees>[0]["lacks"];
