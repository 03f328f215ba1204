/**
 * A tree that is a pull-through mirror of a Debian archive: a file is fetched from the upstream when it is first asked
 * for, checked against the signed Release file, kept, and served from disk from then on.
 */
import { type Clock, systemClock } from "../base/clock.ts";
import { EverbootError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import type { Tree } from "../site/model.ts";
import type { FileHash } from "./apt-index.ts";
import { aptUpstream } from "./apt-upstream.ts";
import { diskFile, lookupOfError } from "./disk-file.ts";
import { folderResolver, type TreeResolver } from "./folder.ts";
import { MIRROR_TIMING, type MirrorParts, type MirrorTiming } from "./mirror-deps.ts";
import { MirrorStore } from "./mirror-store.ts";
import { MirrorSuite } from "./mirror-suite.ts";
import type { Lookup } from "./served-file.ts";
import { RecentKeys, SingleFlight } from "./single-flight.ts";
import { isTreePath } from "./tree-path.ts";
import { Upstream } from "./upstream.ts";

export interface MirrorOptions {
  readonly log: Log;
  readonly clock?: Clock;
  readonly timing?: Partial<MirrorTiming>;
  /** Finds the URL for `upstream: apt`; injected in tests. */
  readonly findUpstream?: () => Promise<string>;
}

/** A tree that is being served. */
export interface OpenTree {
  readonly lookup: TreeResolver;
  /** Ends what is under way with the upstream. */
  close(): Promise<void>;
}

/** The suites of one release that an archive has beside it. */
const SUITE_ENDINGS = ["", "-updates", "-security", "-proposed-updates", "-backports", "-backports-sloppy"];

const KEYRINGS: Readonly<Record<string, string>> = {
  debian: "/usr/share/keyrings/debian-archive-keyring.gpg",
  ubuntu: "/usr/share/keyrings/ubuntu-archive-keyring.gpg",
};

/**
 * Takes up what an earlier process kept; the upstream is not asked before a client asks. Throws EverbootError
 * `state-unwritable` when the tree's folder cannot be written, `tree-incomplete` when no keyring is known.
 */
export async function openMirror(tree: Tree, options: MirrorOptions): Promise<OpenTree> {
  const stop = new AbortController();
  const mirror = new Mirror(tree, await gatherParts(tree, options, stop.signal));
  await mirror.load();
  return {
    lookup: (path) => mirror.lookup(path),
    async close() {
      stop.abort(new Error("the mirror is closed"));
      await mirror.idle();
    },
  };
}

async function gatherParts(tree: Tree, options: MirrorOptions, signal: AbortSignal): Promise<MirrorParts> {
  const keyring = tree.keyring ?? KEYRINGS[tree.family];
  if (keyring === undefined) {
    throw new EverbootError("tree-incomplete", { tree: tree.name, what: "a keyring", todo: "set `keyring`" });
  }
  const clock = options.clock ?? systemClock;
  const timing = { ...MIRROR_TIMING, ...options.timing };
  const find = options.findUpstream ?? (() => aptUpstream(tree.family, tree.release));
  return {
    arch: tree.arch,
    keyring,
    store: await MirrorStore.open(tree.path),
    upstream: new Upstream(baseOf(tree.upstream ?? "apt", find), {
      clock,
      idleMs: timing.idle,
      retryDelays: timing.retries,
      signal,
    }),
    clock,
    log: options.log.child({ tree: tree.name }),
    timing,
  };
}

/** apt is asked once; when it did not know, again at the next need. */
function baseOf(upstream: string, find: () => Promise<string>): () => Promise<string> {
  if (upstream !== "apt") return async () => upstream.replace(/\/+$/, "");
  let found: string | undefined;
  return async () => {
    found ??= await find();
    return found;
  };
}

class Mirror {
  private readonly tree: Tree;
  private readonly parts: MirrorParts;
  private readonly folder: TreeResolver;
  private readonly suites: ReadonlyMap<string, MirrorSuite>;
  private readonly packages = new SingleFlight<Lookup>();
  private readonly absent: RecentKeys;
  private readonly underWay = new Set<Promise<Lookup>>();

  constructor(tree: Tree, parts: MirrorParts) {
    this.tree = tree;
    this.parts = parts;
    this.folder = folderResolver(tree.path);
    this.suites = new Map(
      SUITE_ENDINGS.map((ending) => tree.release + ending).map((name) => [name, new MirrorSuite(name, parts)]),
    );
    this.absent = new RecentKeys(parts.clock, parts.timing.absence);
  }

  async load(): Promise<void> {
    const kept = await this.parts.store.suites();
    await Promise.all(kept.map((name) => this.suites.get(name)?.load()));
  }

  async idle(): Promise<void> {
    const suites = [...this.suites.values()];
    await Promise.allSettled([...this.underWay, ...suites.map((suite) => suite.idle())]);
  }

  async lookup(path: string): Promise<Lookup> {
    const answer = this.answer(path);
    this.underWay.add(answer);
    return answer.finally(() => this.underWay.delete(answer));
  }

  private async answer(path: string): Promise<Lookup> {
    if (!isTreePath(path)) return { kind: "refused" };
    const [top, suite = "", ...rest] = path.split("/");
    try {
      if (top === "dists") return (await this.suites.get(suite)?.lookup(rest.join("/"))) ?? { kind: "absent" };
      if (top === "pool") return await this.packages.run(path, () => this.packageFile(path));
    } catch (error) {
      return this.broken(path, error);
    }
    return this.folder(path);
  }

  private async packageFile(path: string): Promise<Lookup> {
    const { store, upstream } = this.parts;
    const expected = await this.find(path);
    if (expected === undefined) return { kind: "refused" };
    const place = store.poolPath(path);
    if (!(await store.holds(place, expected))) {
      if (this.absent.has(path)) return { kind: "absent" };
      const answer = await upstream.get(path, (incoming) => store.keep(place, expected, incoming));
      if (answer === "absent") {
        this.absent.add(path);
        return { kind: "absent" };
      }
    }
    return diskFile(place, { sha256: () => expected.sha256 });
  }

  /**
   * Only suites that clients have seen can have named a package to them. An index that cannot be read now does not keep
   * the others from naming it.
   */
  private async find(path: string): Promise<FileHash | undefined> {
    let failure: unknown;
    for (const [name, suite] of this.suites) {
      if (name !== this.tree.release && !suite.known) continue;
      try {
        const hash = await suite.find(path);
        if (hash !== undefined) return hash;
      } catch (error) {
        failure ??= error;
      }
    }
    if (failure !== undefined) throw failure;
    return undefined;
  }

  private broken(path: string, error: unknown): Lookup {
    this.parts.log.error({ path, cause: error }, "a file of the mirror cannot be served");
    if (!(error instanceof EverbootError)) return lookupOfError(error);
    const code = error.code === "upstream-mismatch" ? error.code : "upstream-unavailable";
    return { kind: "broken", code };
  }
}
