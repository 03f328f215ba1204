/**
 * A tree that is a pull-through mirror of an apt archive or of repositories of rpm packages: a file is fetched from the
 * upstream when it is first asked for, checked against the signed index files, kept, and served from disk from then on.
 */
import { join } from "node:path";
import { type Clock, systemClock } from "../base/clock.ts";
import { EverbootError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import type { Tree } from "../site/model.ts";
import { aptUpstream } from "./apt-upstream.ts";
import { diskFile, lookupOfError } from "./disk-file.ts";
import { hashFile } from "./durable.ts";
import { folderResolver, type TreeResolver } from "./folder.ts";
import { MirrorCache } from "./mirror-cache.ts";
import { MIRROR_TIMING, type MirrorParts, type MirrorTiming } from "./mirror-deps.ts";
import { Indices } from "./mirror-index.ts";
import { PulledFiles } from "./mirror-pull.ts";
import { Refresher } from "./mirror-refresh.ts";
import { repositoriesOf } from "./mirror-repositories.ts";
import type { Repository } from "./mirror-repository.ts";
import { type ExpectedFile, MirrorStore } from "./mirror-store.ts";
import { type MirrorVersion, MirrorVersions } from "./mirror-versions.ts";
import type { Lookup } from "./served-file.ts";
import { isTreePath } from "./tree-path.ts";
import { Upstream } from "./upstream.ts";
import type { VersionedResolver } from "./versions-resolver.ts";

export interface MirrorOptions {
  readonly log: Log;
  readonly clock?: Clock;
  readonly timing?: Partial<MirrorTiming>;
  /** Finds the URL for `upstream: apt`; injected in tests. */
  readonly findUpstream?: () => Promise<string>;
}

/** A tree that is being served. */
export interface OpenTree extends VersionedResolver {
  /** Ends what is under way with an upstream. */
  close(): Promise<void>;
}

/**
 * Takes up what an earlier process kept; the upstream is not asked before a client asks. Throws EverbootError
 * `state-unwritable` when the tree's folder cannot be written, `tree-incomplete` when no keyring is known.
 */
export async function openMirror(tree: Tree, options: MirrorOptions): Promise<OpenTree> {
  const stop = new AbortController();
  const mirror = new Mirror(tree, repositoriesOf(tree), await gatherParts(tree, options, stop.signal));
  return {
    lookup: (path) => mirror.lookup(path),
    version: (id) => (path) => mirror.lookup(path, id),
    current: () => mirror.current(),
    async close() {
      stop.abort(new Error("the mirror is closed"));
      await mirror.idle();
    },
  };
}

async function gatherParts(tree: Tree, options: MirrorOptions, signal: AbortSignal): Promise<MirrorParts> {
  const clock = options.clock ?? systemClock;
  const log = options.log.child({ tree: tree.name });
  const timing = { ...MIRROR_TIMING, ...options.timing };
  const find = options.findUpstream ?? (() => aptUpstream(tree.family, tree.release));
  const store = await MirrorStore.open(tree.path);
  const cache = await MirrorCache.open({
    folder: store.filesFolder(),
    hot: timing.hot,
    clock,
    log,
    remove: (path) => store.remove(path),
    ...(tree.cache !== undefined && { limit: tree.cache }),
  });
  const upstream = new Upstream(baseOf(tree.upstream ?? "apt", find), { clock, log, signal, ...timing });
  return { store, cache, upstream, clock, log, timing };
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

/** An index file: its repository, and its path below the repository's folder. */
interface IndexPath {
  readonly repository: Repository;
  readonly inner: string;
}

class Mirror {
  private readonly parts: MirrorParts;
  private readonly repositories: readonly Repository[];
  private readonly versions: MirrorVersions;
  private readonly files: PulledFiles;
  private readonly indices: ReadonlyMap<Repository, Indices>;
  private readonly refresher: Refresher;
  /** The tree's folder itself, for what is put there by hand. */
  private readonly folder: TreeResolver;
  private readonly underWay = new Set<Promise<unknown>>();

  constructor(tree: Tree, repositories: readonly Repository[], parts: MirrorParts) {
    this.parts = parts;
    this.repositories = repositories;
    this.versions = new MirrorVersions(tree.path, repositories, parts.log);
    this.files = new PulledFiles(parts, (path, error) => this.broken(path, error));
    this.indices = new Map(repositories.map((each) => [each, new Indices(each, parts, this.files)]));
    this.refresher = new Refresher({ parts, versions: this.versions, indices: this.indices });
    this.folder = folderResolver(tree.path);
  }

  async idle(): Promise<void> {
    await Promise.allSettled([...this.underWay, this.refresher.idle(), this.files.idle()]);
  }

  /** For whoever begins now: the upstream is asked first when that is due. */
  async current(): Promise<string | undefined> {
    await this.refresher.fresh().catch((cause: unknown) => {
      this.parts.log.warn({ cause }, "the upstream cannot be mirrored now");
    });
    return (await this.versions.current())?.id;
  }

  /** Of the current version when no `id` is given. */
  async lookup(path: string, id?: string): Promise<Lookup> {
    const answer = this.answer(path, id);
    this.underWay.add(answer);
    return answer.finally(() => this.underWay.delete(answer));
  }

  private async answer(path: string, id: string | undefined): Promise<Lookup> {
    if (!isTreePath(path)) return { kind: "refused" };
    try {
      if (id !== undefined && (await this.versions.get(id)) === undefined) return { kind: "absent" };
      const index = this.indexPath(path);
      if (index?.repository.signed.includes(index.inner)) return await this.signedFile(index, path, id);
      if (index !== undefined) return await this.indexFile(index, id);
      const owners = this.repositories.filter((each) => each.packageName(path) !== undefined);
      return await (owners.length > 0 ? this.packageFile(path, owners, id) : this.otherFile(path, id));
    } catch (error) {
      return this.broken(path, error);
    }
  }

  private indexPath(path: string): IndexPath | undefined {
    const repository = this.repositories.find(({ folder }) => path.startsWith(`${folder}/`));
    return repository && { repository, inner: path.slice(repository.folder.length + 1) };
  }

  private async signedFile({ repository, inner }: IndexPath, path: string, id: string | undefined): Promise<Lookup> {
    if (id === undefined) await this.refresher.fresh();
    const { value: version } = await this.versionsFor(id, repository).next();
    const state = version?.states.get(repository);
    if (version === undefined || state === undefined) return { kind: "absent" };
    const place = join(version.folder, repository.folder, inner);
    const lookup = await diskFile(place);
    if (lookup.kind !== "file") return lookup;
    const { sha256 } = await hashFile(place);
    const { modified } = state;
    // Date and tag are the same on every server that keeps this file.
    return diskFile(place, { name: path, sha256: () => sha256, ...(modified !== undefined && { modified }) });
  }

  private async indexFile({ repository, inner }: IndexPath, id: string | undefined): Promise<Lookup> {
    let isKnown = false;
    for await (const { states } of this.versionsFor(id, repository)) {
      const state = states.get(repository);
      const lookup = state && (await this.indices.get(repository)?.lookup(state, inner));
      if (lookup !== undefined) return lookup;
      isKnown ||= state !== undefined;
    }
    return { kind: isKnown ? "refused" : "absent" };
  }

  private async packageFile(path: string, owners: readonly Repository[], id: string | undefined): Promise<Lookup> {
    const expected = await this.find(path, owners, id);
    if (expected === undefined) return { kind: "refused" };
    return this.files.lookup({ place: this.parts.store.filePath(path), expected, sources: [path], name: path });
  }

  /**
   * Only states that clients have seen can have named a package to them. An index that cannot be read now does not keep
   * the others from naming it.
   */
  private async find(path: string, owners: readonly Repository[], id?: string): Promise<ExpectedFile | undefined> {
    const failures: unknown[] = [];
    for await (const { states } of this.versionsFor(id, owners[0])) {
      for (const repository of owners) {
        const state = states.get(repository);
        const name = repository.packageName(path);
        if (state === undefined || name === undefined) continue;
        const expected = await this.indices
          .get(repository)
          ?.find(state, name)
          .catch((error: unknown) => void failures.push(error));
        if (expected !== undefined) return expected;
      }
    }
    if (failures.length > 0) throw failures[0];
    return undefined;
  }

  /** The files of the version first: kernel and initrd belong to it. What lies in the folder by hand is of no version. */
  private async otherFile(path: string, id: string | undefined): Promise<Lookup> {
    const version = id === undefined ? await this.versions.current() : await this.versions.get(id);
    const lookup = await version?.files(path);
    return lookup === undefined || lookup.kind === "absent" ? this.folder(path) : lookup;
  }

  /**
   * The version `id`; or, with no id, all, the current one first: installs that began with an earlier one go on with it.
   * Then a version is made first if there is none with this repository.
   */
  private async *versionsFor(
    id: string | undefined,
    repository?: Repository,
  ): AsyncGenerator<MirrorVersion, undefined> {
    const first = id === undefined ? await this.currentWith(repository) : await this.versions.get(id);
    if (first === undefined) return;
    yield first;
    if (id !== undefined) return;
    for (const version of await this.versions.all()) if (version.id !== first.id) yield version;
  }

  private async currentWith(repository?: Repository): Promise<MirrorVersion | undefined> {
    const current = await this.versions.current();
    if (repository === undefined || current?.states.has(repository)) return current;
    await this.refresher.look(repository);
    return this.versions.current();
  }

  private broken(path: string, error: unknown): Lookup {
    this.parts.log.error({ path, cause: error }, "a file of the mirror cannot be served");
    if (!(error instanceof EverbootError)) return lookupOfError(error);
    // Most likely the upstream has moved on: look at its signed files before the next answer.
    if (error.code === "upstream-mismatch") this.refresher.suspect();
    if (error.code === "upstream-down") return { kind: "broken", code: error.code, details: error.details };
    return { kind: "broken", code: error.code === "upstream-mismatch" ? error.code : "upstream-unavailable" };
  }
}
