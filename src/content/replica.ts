/**
 * Keeps this server's versions of trees as the cluster wants them: fetches what is lacking, follows the current one, looks
 * for bit rot and mends it. Nothing here is waited for by what serves clients.
 */
import { type Clock, sleep } from "../base/clock.ts";
import { EverbootError, errorText } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import { noteDamage, notedVersions, readDamage } from "./replica-damage.ts";
import type { FetchOptions, FetchProgress, FetchTiming } from "./replica-fetch.ts";
import { type Holdings, HoldingsReader } from "./replica-holdings.ts";
import { VersionIndexes } from "./replica-index.ts";
import type { TreePeer } from "./replica-peer.ts";
import { type ScrubFinding, scrub } from "./replica-scrub.ts";
import type { Throttle } from "./replica-throttle.ts";
import { askHolders, clearWork, fetchVersion, repairVersion, type WantedVersion } from "./replica-version.ts";
import { currentVersion, versionIds } from "./versions.ts";
import { switchCurrent } from "./versions-change.ts";

/** A tree without upstream, as the site file and the cluster have it. */
export interface ReplicatedTree {
  readonly name: string;
  /** Absolute path of its folder. */
  readonly path: string;
  /** The version that all servers are to serve; absent = a plain tree, or the cluster has said nothing yet. */
  readonly current?: string;
  /** Further versions that are to be here: pinned ones, and those that running installs read. */
  readonly keep: readonly string[];
}

/** All in milliseconds. */
export interface ReplicaTiming {
  /** Between two looks at what is lacking, unless poked. */
  readonly round: number;
  /** From the start to the first scrub, and between two. */
  readonly firstScrub: number;
  readonly scrub: number;
}

export interface ReplicaOptions {
  readonly trees: () => readonly ReplicatedTree[];
  /** The other servers of the site. */
  readonly peers: () => readonly TreePeer[];
  /** Of the scrub's reading. */
  readonly scrubThrottle: Throttle;
  readonly clock: Clock;
  readonly log: Log;
  /** From 0 to less than 1. */
  readonly random: () => number;
  /** Told when what is held here has changed. */
  readonly changed?: () => void;
  /** Absent: the current link follows `ReplicatedTree.current`. */
  readonly links?: LinkJudge;
  readonly timing?: Partial<ReplicaTiming & FetchTiming>;
}

/** Says what becomes of the current links. Calls that reject are made again in the next round. */
export interface LinkJudge {
  /**
   * Asked of each tree in each round, with the version that is served, if it is not a plain tree.
   * @returns the version to serve once it is here; undefined = what is served stays
   */
  judge(tree: string, link: string | undefined, isSound: (id: string) => Promise<boolean>): Promise<string | undefined>;
  /** Before the link is exchanged. */
  switching(tree: string, from: string | undefined, to: string): Promise<void>;
  /** After it was. */
  switched(tree: ReplicatedTree, to: string): Promise<void>;
}

/** A version on its way here, or that cannot come. */
export interface ReplicaStatus extends FetchProgress {
  readonly tree: string;
  readonly version: string;
  /** One line: why it does not go on. */
  readonly trouble?: string;
}

const OUTDATED = new Error("this version is not wanted any more");

const TIMING: ReplicaTiming = { round: 30_000, firstScrub: 600_000, scrub: 7 * 86_400_000 };

/**
 * A server to the daemon. Counters: `fetched` and `repaired` (versions, files), `damaged` (files found), `trouble` (rounds of
 * a tree that failed).
 */
export class TreeReplica {
  readonly name: string = "replication";
  private readonly options: ReplicaOptions;
  private readonly timing: ReplicaTiming;
  private readonly indexes = new VersionIndexes();
  private readonly holdings = new HoldingsReader();
  private readonly counts = { damaged: 0, fetched: 0, repaired: 0, trouble: 0 };
  /** By tree and version. */
  private readonly lacking = new Map<string, ReplicaStatus>();
  private held: Holdings = {};
  private looking: Promise<void> = Promise.resolve();
  private fetching: { readonly wanted: WantedVersion; readonly stop: AbortController } | undefined;
  private readonly stopping = new AbortController();
  private poked = Promise.withResolvers<void>();
  private running: Promise<unknown> = Promise.resolve();

  constructor(options: ReplicaOptions) {
    this.options = options;
    this.timing = { ...TIMING, ...options.timing };
  }

  /** Resolves when it is known what is held here. */
  async start(): Promise<void> {
    await this.look();
    this.running = Promise.all([
      this.goOn(() => this.everyRound((tree) => this.follow(tree))),
      this.goOn(() => this.everyRound((tree) => this.bringUp(tree))),
      this.goOn(() => this.waitAndScrub()),
    ]);
  }

  /** What has come so far is kept. */
  async stop(): Promise<void> {
    this.stopping.abort(new Error("replication is stopped"));
    await this.running;
  }

  counters(): Readonly<Record<string, number>> {
    return { ...this.counts };
  }

  /** For this server's record in the common state: as of the last look at the disk. */
  heldVersions(): Holdings {
    return this.held;
  }

  /** What is lacking here, in the order in which it is fetched. */
  status(): readonly ReplicaStatus[] {
    return [...this.lacking.values()];
  }

  /** The cluster wants something else, or versions have come or gone: looks now. */
  poke(): void {
    this.poked.resolve();
    this.poked = Promise.withResolvers();
  }

  private async goOn(turn: () => Promise<void>): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      try {
        await turn();
      } catch (error) {
        if (signal.aborted) return;
        this.options.log.error({ error }, "replication has failed, and is tried again");
        await this.wait(this.timing.round).catch(() => undefined);
      }
    }
  }

  private async everyRound(work: (tree: ReplicatedTree) => Promise<void>): Promise<void> {
    const { promise } = this.poked;
    for (const tree of this.options.trees()) {
      try {
        await work(tree);
      } catch (error) {
        this.stopping.signal.throwIfAborted();
        this.counts.trouble += 1;
        this.options.log.error({ error, tree: tree.name }, "the tree cannot be replicated now");
      }
    }
    await this.look();
    await Promise.race([promise, this.wait(this.timing.round)]);
  }

  private async waitAndScrub(): Promise<void> {
    const { firstScrub, scrub } = this.timing;
    await this.wait(firstScrub);
    for (;;) {
      await this.scrub();
      await this.wait(scrub);
    }
  }

  private wait(ms: number): Promise<void> {
    return sleep(this.options.clock, ms, this.stopping.signal);
  }

  /** Serves what the cluster calls current, once it is here and sound. What it wants no more is not fetched on. */
  private async follow(tree: ReplicatedTree): Promise<void> {
    const { name, path: root } = tree;
    const { links, log } = this.options;
    const fetching = this.fetching;
    if (fetching?.wanted.tree === name && !wantedOf(tree).includes(fetching.wanted.id)) fetching.stop.abort(OUTDATED);
    const link = await currentVersion(root);
    const isSound = (id: string) => this.isSound(root, id);
    const target = links ? await links.judge(name, link, isSound) : tree.current;
    if (target === undefined || target === link || !(await isSound(target))) return;
    await links?.switching(name, link, target);
    // Whoever has exchanged it meanwhile did so on purpose.
    if ((await currentVersion(root)) !== link) return this.poke();
    await switchCurrent(root, target);
    log.info({ tree: name, version: target }, "the tree's current version is served now");
    await links?.switched(tree, target);
    await this.look();
  }

  private async isSound(root: string, id: string): Promise<boolean> {
    return (await this.indexes.find(root, id)) !== undefined && (await readDamage(root, id)).length === 0;
  }

  private async bringUp(tree: ReplicatedTree): Promise<void> {
    const { name, path: root } = tree;
    const here = await versionIds(root);
    const lacking = wantedOf(tree).filter((id) => !here.includes(id));
    this.list(name, lacking);
    await clearWork(root, lacking, here);
    const damaged: string[] = [];
    for (const id of await notedVersions(root)) if ((await readDamage(root, id)).length > 0) damaged.push(id);
    if (lacking.length + damaged.length === 0) return;
    const holders = await askHolders(name, this.options.peers(), this.options.log, this.stopping.signal);
    for (const id of damaged) await this.mend({ tree: name, root, id }, holders.get(id) ?? []);
    for (const id of lacking) await this.fetch({ tree: name, root, id }, holders.get(id) ?? []);
  }

  private async fetch(wanted: WantedVersion, holders: readonly TreePeer[]): Promise<void> {
    const { tree, id: version } = wanted;
    const key = `${tree} ${version}`;
    const before = this.lacking.get(key);
    const stop = new AbortController();
    this.fetching = { wanted, stop };
    try {
      const onProgress = (progress: FetchProgress) => void this.lacking.set(key, { tree, version, ...progress });
      const options = { ...this.fetchOptions(stop.signal), onProgress };
      if (holders.length === 0 || !(await fetchVersion(wanted, holders, options))) {
        throw new EverbootError("tree-unheld", { tree, version });
      }
    } catch (error) {
      this.stopping.signal.throwIfAborted();
      if (stop.signal.aborted) return this.poke();
      const trouble = error instanceof EverbootError ? error.message : errorText("internal");
      if (before?.trouble !== trouble) this.options.log.warn({ error }, trouble);
      this.lacking.set(key, { bytes: 0, done: 0, ...this.lacking.get(key), tree, version, from: [], trouble });
      return;
    } finally {
      this.fetching = undefined;
    }
    this.lacking.delete(key);
    this.counts.fetched += 1;
    this.options.log.info({ tree, version }, "a version of the tree has come, whole");
    this.poke();
  }

  private async mend(wanted: WantedVersion, holders: readonly TreePeer[]): Promise<void> {
    const { tree, root, id: version } = wanted;
    const repaired = await repairVersion(wanted, holders, this.fetchOptions(this.stopping.signal));
    for (const path of repaired) this.options.log.warn({ tree, version, path }, "a damaged file was repaired");
    this.counts.repaired += repaired.length;
    for (const path of await readDamage(root, version)) {
      this.options.log.warn({}, errorText("tree-damaged", { tree, version, path }));
    }
    await this.look();
  }

  private fetchOptions(stop: AbortSignal): FetchOptions {
    const { clock, log, timing } = this.options;
    const signal = AbortSignal.any([stop, this.stopping.signal]);
    return { clock, log, signal, ...(timing && { timing }) };
  }

  /** Once over all versions that are here. */
  private async scrub(): Promise<void> {
    const all: WantedVersion[] = [];
    for (const { name: tree, path: root } of this.options.trees()) {
      for (const id of await versionIds(root)) all.push({ tree, root, id });
    }
    const { random, scrubThrottle: throttle } = this.options;
    const found = scrub(all, { indexes: this.indexes, throttle, signal: this.stopping.signal, random });
    for await (const finding of found) await this.noteFinding(finding.version, finding);
  }

  private async noteFinding(
    { tree, root, id: version }: WantedVersion,
    { path, problem }: ScrubFinding,
  ): Promise<void> {
    if (problem === "extra") {
      this.options.log.warn({ tree, version, path }, "a file lies in a version that its manifest does not list");
      return;
    }
    this.options.log.error({ problem }, errorText("tree-damaged", { tree, version, path }));
    this.counts.damaged += 1;
    await noteDamage(root, version, [path]);
    await this.look();
    this.poke();
  }

  /** One after the other: the last one tells how it is. */
  private look(): Promise<void> {
    const looked = this.looking.then(() => this.lookNow());
    this.looking = looked.catch(() => undefined);
    return looked;
  }

  private async lookNow(): Promise<void> {
    const { trees, log, changed } = this.options;
    const held = await this.holdings.heldVersions(trees(), (tree, error) => {
      log.error({ error, tree }, "the versions of the tree cannot be listed");
    });
    const isNew = JSON.stringify(held) !== JSON.stringify(this.held);
    this.held = held;
    if (isNew) changed?.();
  }

  /** What is lacking of the tree now, before it is known how much that is. */
  private list(tree: string, lacking: readonly string[]): void {
    for (const [key, status] of this.lacking) {
      if (status.tree === tree && !lacking.includes(status.version)) this.lacking.delete(key);
    }
    for (const version of lacking) {
      const key = `${tree} ${version}`;
      if (!this.lacking.has(key)) this.lacking.set(key, { tree, version, bytes: 0, done: 0, from: [] });
    }
  }
}

/** The most wanted first. */
function wantedOf({ current, keep }: ReplicatedTree): readonly string[] {
  return [...new Set([...(current === undefined ? [] : [current]), ...keep])];
}
