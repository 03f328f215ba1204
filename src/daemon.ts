/** The daemon: runs the servers by the site file that is applied, and takes the next one while they run. */
import type { Ipv4 } from "./base/address.ts";
import { type Clock, sleep } from "./base/clock.ts";
import { EverbootError } from "./base/errors.ts";
import type { Log } from "./base/log.ts";
import { type RunningEtcd, startEtcdMember } from "./cluster/etcd/member.ts";
import { RestartTurn, siteChange } from "./cluster/site-change.ts";
import type { AppliedSite } from "./cluster/site-revisions.ts";
import { lockState, type StateLock } from "./cluster/state-folder.ts";
import type { IssuedToken } from "./cluster/tokens.ts";
import { isCluster } from "./daemon-common.ts";
import { createSiteDesk, type Standing } from "./daemon-desk.ts";
import { type OwnFile, type ServedSite, SiteRevisionsHere } from "./daemon-revisions.ts";
import { type Run, startRun } from "./daemon-run.ts";
import type { Site } from "./site/model.ts";

export interface DaemonOptions {
  /** This server's own site file: served until one is applied. */
  readonly file: OwnFile;
  readonly serverName?: string;
  /** The state folder. */
  readonly state: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly pid: number;
  /** Where system programs are looked for: as PATH has it. */
  readonly searchPath?: string;
  /** `PermitsOptions.handOutAgainMs`. */
  readonly handOutAgainMs?: number;
}

export interface Daemon {
  readonly server: string;
  readonly addresses: readonly Ipv4[];
  /** The site's first token for the API, if this daemon made it: to be shown once. Never rejects. */
  readonly firstToken: Promise<IssuedToken | undefined>;
  /**
   * Resolves when it has ended by itself, as the applied site file no longer has this server; rejects when its servers
   * could not be started again.
   */
  readonly ended: Promise<void>;
  /** Stops answering new machines first, lets transfers end, closes the state. */
  stop(): Promise<void>;
}

/** Rejects with an EverbootError when the world is not as the site file says; nothing is left open then. */
export async function startDaemon(options: DaemonOptions): Promise<Daemon> {
  const lock = lockState(options.state, options.pid);
  try {
    const daemon = new RunningDaemon(options, lock);
    const { server, addresses, firstToken } = await daemon.start();
    return { server, addresses, firstToken, ended: daemon.ended, stop: () => daemon.stop() };
  } catch (error) {
    lock.release();
    throw error;
  }
}

/** Milliseconds between two looks at whose turn it is to restart. */
const TURN_MS = 500;

class RunningDaemon {
  private readonly options: DaemonOptions;
  private readonly lock: StateLock;
  private readonly files: SiteRevisionsHere;
  private readonly stopping = new AbortController();
  private readonly end = Promise.withResolvers<void>();
  private standing: Standing;
  /** Says where the state is. */
  private home: Site;
  private run: Run | undefined;
  /** This machine's member; it stays while the servers restart. */
  private etcd: RunningEtcd | undefined;
  private keepingUp: Promise<void> = Promise.resolve();

  constructor(options: DaemonOptions, lock: StateLock) {
    this.options = options;
    this.lock = lock;
    this.files = new SiteRevisionsHere(options.file, lock.paths.folder);
    this.home = options.file.site;
    this.standing = { served: this.files.own, applied: undefined, refused: undefined };
    // Nobody need ask how it ended.
    this.end.promise.catch(() => undefined);
  }

  get ended(): Promise<void> {
    return this.end.promise;
  }

  /** Rejects as `startDaemon` does. */
  start(): Promise<Run> {
    const starting = this.openWithEtcd();
    // What is applied meanwhile waits for the servers.
    this.keepingUp = starting.then(
      () => undefined,
      () => this.stopping.abort(),
    );
    return starting;
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.keepingUp;
    await this.run?.stop();
    await this.letGo();
  }

  private async openWithEtcd(): Promise<Run> {
    const { lock, home, options } = this;
    const { clock, log, searchPath = "" } = options;
    const endpoints = home.etcd ?? [];
    if (isCluster(home)) {
      this.etcd = await startEtcdMember({ state: lock.paths.folder, endpoints, clock, log, searchPath });
    }
    try {
      return await this.openFirst();
    } catch (error) {
      await this.etcd?.stop();
      throw error;
    }
  }

  /** The last step of the way down: etcd has what was written until now. */
  private async letGo(): Promise<void> {
    await this.etcd?.stop();
    this.lock.release();
  }

  /** What was applied but cannot be started does not keep a server down that has served another file well. */
  private async openFirst(): Promise<Run> {
    try {
      return await this.open(this.home, (applied) => this.choose(applied));
    } catch (error) {
      const kept = this.files.kept();
      const { served, applied } = this.standing;
      const isRemoved = error instanceof EverbootError && error.code === "server-removed";
      if (isRemoved || !applied || !kept || kept.site.revision === served.site.revision) throw error;
      this.refuse(applied, error);
      return this.open(this.home, () => kept);
    }
  }

  private choose(applied: AppliedSite | undefined): ServedSite {
    const { own } = this.files;
    if (!applied) return own;
    const { number } = applied;
    if (applied.revision !== own.site.revision)
      this.options.log.warn(
        { number, file: this.options.file.path },
        `this server's site file differs from applied revision ${number}, which is served: run \`everboot apply\` if it is newer`,
      );
    return this.load(applied) ?? this.files.kept() ?? own;
  }

  private async open(home: Site, choose: (applied: AppliedSite | undefined) => ServedSite): Promise<Run> {
    const { lock, options, run } = this;
    const { file, clock, log, searchPath, handOutAgainMs } = options;
    const serverName = run?.server ?? options.serverName;
    this.run = await startRun({
      ...{ home, paths: lock.paths, clock, log },
      ...(serverName !== undefined && { serverName }),
      ...(searchPath !== undefined && { searchPath }),
      ...(handOutAgainMs !== undefined && { handOutAgainMs }),
      choose: (applied) => {
        this.change({ applied });
        this.change({ served: choose(applied) });
        return this.standing.served;
      },
      desk: (view) => createSiteDesk({ ...view, file, clock, log, standing: () => this.standing }),
      applied: (applied) => this.take(applied),
      unreadable: (error) => log.error({ error }, "the applied site file cannot be read"),
    });
    this.home = home;
    await this.keep();
    return this.run;
  }

  private take(applied: AppliedSite): void {
    this.change({ applied });
    this.keepingUp = this.keepingUp
      .then(() => this.keepUpWith(applied))
      .catch((error: unknown) => this.options.log.error({ error }, "the applied site file cannot be served"));
  }

  /** One after the other; one that was followed by another meanwhile is passed over. */
  private async keepUpWith(applied: AppliedSite): Promise<void> {
    const { served, refused } = this.standing;
    if (this.isOutdated(applied) || refused?.revision === applied.revision) return;
    const next = this.load(applied);
    if (!next) return;
    const change = siteChange(served.site, next.site);
    if (change === "restart") return this.restartFor(next, applied);
    if (change === "swap") this.run?.swap(next.site);
    this.change({ served: next });
    await this.keep();
    this.options.log.info({ number: applied.number }, "serves by the applied site file");
  }

  private async restartFor(next: ServedSite, applied: AppliedSite): Promise<void> {
    const { run, options } = this;
    if (!run) return;
    const stays = next.site.servers.has(run.server);
    // Servers that have restarted do not talk to one that is to leave: it would take their addresses for a dead one's.
    if (stays && !(await this.isTurn(run, next, applied))) return;
    const { number } = next;
    options.log.info({ number }, stays ? "the servers change: restarts" : "this server is left out");
    await run.stop();
    if (stays) return this.reopen(next, applied);
    options.log.warn({ number }, `server ${run.server} is not in the applied site file: ends`);
    await this.letGo();
    this.end.resolve();
  }

  /** With the site file before, if the new one does not go here; and the servers after this one then keep theirs. */
  private async reopen(next: ServedSite, applied: AppliedSite): Promise<void> {
    const { served } = this.standing;
    // An operator may have moved etcd in this server's own file: that holds until what is applied moves it.
    const isMoved = served.site.etcd?.join() !== next.site.etcd?.join();
    try {
      await this.open(isMoved ? next.site : this.home, () => next);
    } catch (error) {
      this.refuse(applied, error);
      try {
        await this.open(this.home, () => served);
      } catch (second) {
        await this.letGo();
        this.end.reject(second);
      }
    }
  }

  /** Resolves when the servers before this one have restarted: `false` = it is no longer wanted. */
  private async isTurn(run: Run, { site, number }: ServedSite, applied: AppliedSite): Promise<boolean> {
    const { clock, log } = this.options;
    const turn = new RestartTurn(run.server, site);
    let told = "";
    while (!this.isOutdated(applied)) {
      const view = { now: clock.now(), members: run.members(), isCaughtUp: run.isCaughtUp() };
      const waiting = turn.waitsFor(view).join(", ");
      if (waiting === "") return true;
      if (waiting !== told) log.info({ number }, `waits to restart after ${waiting}`);
      told = waiting;
      await sleep(clock, TURN_MS, this.stopping.signal).catch(() => undefined);
    }
    return false;
  }

  private isOutdated(applied: AppliedSite): boolean {
    return this.stopping.signal.aborted || this.standing.applied !== applied;
  }

  private load(applied: AppliedSite): ServedSite | undefined {
    try {
      return this.files.load(applied);
    } catch (error) {
      this.refuse(applied, error);
      return undefined;
    }
  }

  private refuse({ revision, number }: AppliedSite, error: unknown): void {
    const why = error instanceof Error ? error.message : String(error);
    this.change({ refused: { revision, why } });
    this.options.log.error({ number, error }, `the applied site file cannot be served: ${why}`);
  }

  private async keep(): Promise<void> {
    const { served } = this.standing;
    if (served.number === 0) return;
    await this.files.keep(served).catch((error) => this.options.log.error({ error }, "the site file is not kept"));
  }

  private change(change: Partial<Standing>): void {
    this.standing = { ...this.standing, ...change };
  }
}
