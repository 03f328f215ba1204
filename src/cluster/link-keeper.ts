/**
 * Keeps a server's current links and the word of the cluster together: says what an operator has switched here, and tells
 * the replica what to follow. It remembers in the server's own store which versions the link was put on by the cluster's word.
 */
import type { Clock, Timer } from "../base/clock.ts";
import { EverbootError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import type { LinkJudge, ReplicatedTree } from "../content/replica.ts";
import { pruneVersions } from "../content/versions-change.ts";
import type { Store } from "../store/store.ts";
import { type CurrentVersions, judgeLink } from "./current-versions.ts";

export interface LinkKeeperOptions {
  /** Name of this server. */
  readonly server: string;
  readonly current: CurrentVersions;
  /** This server's own. */
  readonly local: Pick<Store, "get" | "commit">;
  readonly clock: Clock;
  readonly log: Log;
  /** Has it be looked at again. */
  readonly poke: () => void;
  /** Versions of the tree that must stay; undefined = that cannot be told now. */
  readonly kept: (tree: string) => ReadonlySet<string> | undefined;
}

const PREFIX = "own/served-versions/";
/** Milliseconds until what could not be said is said again. */
const RETRY_MS = 2000;
const UNSAID =
  "the version that is served here is not said to all servers yet: it will be when the cluster can be reached";
const CAME_WITH = "this server came with a version that is not the cluster's: it will serve the cluster's";
/** Others who say something at the same time; more is a store that does not keep its contract. */
const MOST_TRIES = 10;

export class LinkKeeper implements LinkJudge {
  private readonly options: LinkKeeperOptions;
  private readonly served = new Map<string, readonly string[]>();
  /** By tree: what was told of it last. */
  private readonly told = new Map<string, string>();
  private retry: Timer | undefined;

  constructor(options: LinkKeeperOptions) {
    this.options = options;
  }

  async judge(
    tree: string,
    link: string | undefined,
    isSound: (id: string) => Promise<boolean>,
  ): Promise<string | undefined> {
    const served = await this.servedOf(tree);
    const said = this.options.current.of(tree)?.version;
    const verdict = judgeLink({ link, said, served });
    // From now on a version that turns up here was taken in by an operator.
    if (link === undefined && served === undefined) await this.remember(tree, []);
    if (verdict === "follow") {
      if (link !== undefined && served === undefined) this.tell(tree, CAME_WITH, { version: link, current: said });
      return said;
    }
    if (link === undefined) return undefined;
    if (verdict === "agreed") await this.remember(tree, [link]);
    // What is damaged here cannot be had from here.
    else if (await isSound(link)) await this.say(tree, link);
    return undefined;
  }

  async switching(tree: string, from: string | undefined, to: string): Promise<void> {
    // Whichever of the two a crash leaves, it is no operator's doing.
    await this.remember(tree, from === undefined ? [to] : [from, to]);
  }

  async switched({ name, path }: ReplicatedTree, to: string): Promise<void> {
    // Who switches it back to the one before, does so on purpose.
    await this.remember(name, [to]);
    const { kept: keptOf, log } = this.options;
    const kept = keptOf(name);
    if (kept === undefined) return;
    try {
      const removed = await pruneVersions(path, kept);
      if (removed.length > 0) log.info({ tree: name, removed }, "old versions of the tree were removed");
    } catch (error) {
      if (!(error instanceof EverbootError)) throw error;
      log.warn({ tree: name, error }, "old versions of the tree are kept");
    }
  }

  stop(): void {
    this.retry?.cancel();
  }

  private async say(tree: string, version: string): Promise<void> {
    const { current, clock, server, log } = this.options;
    try {
      for (let tries = 0; tries < MOST_TRIES; tries++) {
        const before = current.of(tree)?.version;
        const served = this.served.get(tree);
        // Somebody else was quicker.
        if (judgeLink({ link: version, said: before, served }) !== "say") return this.options.poke();
        if (!(await current.say(tree, { version, at: clock.now(), by: server }))) continue;
        log.info({ tree, version, before }, "all servers are told to serve this version of the tree");
        this.told.delete(tree);
        return await this.remember(tree, [version]);
      }
    } catch (error) {
      if (!(error instanceof EverbootError)) throw error;
      this.tell(tree, UNSAID, { version, error });
    }
    this.retry?.cancel();
    this.retry = clock.after(RETRY_MS, () => this.options.poke());
  }

  /** Once, until something else is to be told of the tree. */
  private tell(
    tree: string,
    text: string,
    facts: { readonly version: string; readonly current?: string | undefined; readonly error?: unknown },
  ): void {
    const what = `${facts.version} ${text}`;
    if (this.told.get(tree) !== what) this.options.log.warn({ tree, ...facts }, text);
    this.told.set(tree, what);
  }

  private async servedOf(tree: string): Promise<readonly string[] | undefined> {
    const known = this.served.get(tree);
    if (known) return known;
    const entry = await this.options.local.get(keyOf(tree));
    const served = entry && (JSON.parse(entry.value) as readonly string[]);
    if (served) this.served.set(tree, served);
    return served;
  }

  private async remember(tree: string, versions: readonly string[]): Promise<void> {
    if (JSON.stringify(this.served.get(tree)) === JSON.stringify(versions)) return;
    await this.options.local.commit({ put: [{ key: keyOf(tree), value: JSON.stringify(versions) }] });
    this.served.set(tree, versions);
  }
}

function keyOf(tree: string): string {
  return PREFIX + encodeURIComponent(tree);
}
