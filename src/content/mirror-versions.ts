/**
 * The versions of a pull-through mirror's tree: each holds the signed files of one moment of all its repositories, and
 * what was imported into the tree. The index files and packages that those vouch for lie beside the versions.
 */
import { copyFile, link, mkdir, realpath } from "node:fs/promises";
import { dirname, join } from "node:path";
import { EverbootError, errnoOf } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import type { FileHash } from "./apt-index.ts";
import { hashFile } from "./durable.ts";
import { folderResolver, type TreeResolver } from "./folder.ts";
import { type Manifest, writeManifest } from "./manifest.ts";
import type { Repository, SignedState } from "./mirror-repository.ts";
import { SingleFlight } from "./single-flight.ts";
import {
  currentVersion,
  isPinned,
  isVersionId,
  listVersions,
  readVersionManifest,
  versionFolder,
  versionIds,
} from "./versions.ts";
import { KEPT_VERSIONS, pruneVersions, publishVersion, switchCurrent } from "./versions-change.ts";
import { inStaging, WorkUnderWay } from "./versions-work.ts";
import { walkFiles } from "./walk.ts";

export interface MirrorVersion {
  readonly id: string;
  /** Absolute path. */
  readonly folder: string;
  /** What its signed files say; a repository that it has none of, or none that can be trusted, is not there. */
  readonly states: ReadonlyMap<Repository, SignedState>;
  /** Its files themselves. */
  readonly files: TreeResolver;
}

/** New signed files of a repository, in a folder of the tree's file system. */
export interface Change {
  readonly repository: Repository;
  readonly folder: string;
}

/** Where one file of a new version comes from; absolute path. */
interface Source {
  readonly place: string;
  readonly hash?: FileHash;
}

export class MirrorVersions {
  private readonly root: string;
  private readonly repositories: readonly Repository[];
  private readonly log: Log;
  private readonly loaded = new Map<string, Promise<MirrorVersion>>();
  private readonly loading = new SingleFlight<MirrorVersion | undefined>();

  /** `root`: the tree's folder, absolute. */
  constructor(root: string, repositories: readonly Repository[], log: Log) {
    this.root = root;
    this.repositories = repositories;
    this.log = log;
  }

  /** Undefined: a plain tree, of which nothing was mirrored yet. */
  async current(): Promise<MirrorVersion | undefined> {
    const id = await currentVersion(this.root);
    return id === undefined ? undefined : this.get(id);
  }

  async get(id: string): Promise<MirrorVersion | undefined> {
    return this.loading.run(id, async () => {
      const there = isVersionId(id) && (await versionIds(this.root)).includes(id);
      if (!there) this.loaded.delete(id);
      return there ? this.load(id) : undefined;
    });
  }

  /** All that are there, newest first. */
  async all(): Promise<readonly MirrorVersion[]> {
    const versions = await Promise.all((await listVersions(this.root)).map(({ id }) => this.get(id)));
    return versions.filter((version) => version !== undefined);
  }

  /**
   * Makes a version: the imported files of the current one, the newest signed files of each repository, and `changes` in
   * place of theirs. Removes old versions that were made before `oldest` (milliseconds since 1970).
   * Throws EverbootError `upstream-unavailable` while an import runs.
   */
  async add(changes: readonly Change[], oldest: number): Promise<void> {
    await inStaging(this.root, async (staging) => {
      const manifest = new Map<string, FileHash>();
      for (const [path, source] of await this.sources(changes))
        manifest.set(path, await take(source, join(staging, path)));
      await writeManifest(staging, manifest);
      await publishVersion(this.root, staging);
    }).catch((error: unknown) => {
      throw error instanceof WorkUnderWay ? new EverbootError("upstream-unavailable", {}, error) : error;
    });
    await this.follow();
    const young = (await listVersions(this.root)).filter(({ made }) => made >= oldest);
    await pruneVersions(this.root, new Set(young.map(({ id }) => id)), KEPT_VERSIONS);
  }

  /** Serves the newest version, unless the current one is pinned: then the mirror stands still for its clients. */
  async follow(): Promise<void> {
    const [newest] = await listVersions(this.root);
    const current = await currentVersion(this.root);
    if (newest === undefined || newest.id === current) return;
    if (current === undefined || !(await isPinned(this.root, current))) await switchCurrent(this.root, newest.id);
  }

  private load(id: string): Promise<MirrorVersion> {
    const known = this.loaded.get(id);
    if (known !== undefined) return known;
    const loading = this.readVersion(id);
    this.loaded.set(id, loading);
    loading.catch(() => this.loaded.delete(id));
    return loading;
  }

  private async readVersion(id: string): Promise<MirrorVersion> {
    const folder = versionFolder(this.root, id);
    const states = new Map<Repository, SignedState>();
    for (const repository of this.repositories) {
      const state = await this.readState(repository, folder, id);
      if (state !== undefined) states.set(repository, state);
    }
    return { id, folder, states, files: folderResolver(folder) };
  }

  /** A state whose signature does not hold any more is left alone and not used. */
  private async readState(repository: Repository, folder: string, version: string): Promise<SignedState | undefined> {
    try {
      return await repository.read(join(folder, repository.folder));
    } catch (error) {
      if (!(error instanceof EverbootError && error.code === "upstream-mismatch")) throw error;
      this.log.warn({ repository: repository.name, version, cause: error }, "a kept signed file is not used");
      return undefined;
    }
  }

  /** By path in the tree. */
  private async sources(changes: readonly Change[]): Promise<ReadonlyMap<string, Source>> {
    const [newest] = await this.all();
    const imported = [...(await this.imported())].filter(([path]) => !this.isSigned(path));
    const signed = [...(newest ? await this.filesOf(newest.id) : [])].filter(([path]) => this.isSigned(path));
    const sources = new Map([...imported, ...signed]);
    for (const { repository, folder } of changes) {
      for (const name of repository.signed) sources.delete(`${repository.folder}/${name}`);
      for await (const name of walkFiles(folder)) {
        sources.set(`${repository.folder}/${name}`, { place: join(folder, name) });
      }
    }
    return sources;
  }

  private async imported(): Promise<ReadonlyMap<string, Source>> {
    const current = await currentVersion(this.root);
    if (current !== undefined) return this.filesOf(current);
    const files = new Map<string, Source>();
    for await (const path of walkFiles(this.root)) {
      // What comes from the upstream is no part of a plain folder that is taken in.
      if (!this.isMirrored(path)) files.set(path, { place: join(this.root, path) });
    }
    return files;
  }

  private async filesOf(id: string): Promise<ReadonlyMap<string, Source>> {
    const manifest: Manifest = await readVersionManifest(this.root, id);
    const folder = versionFolder(this.root, id);
    return new Map([...manifest].map(([path, hash]) => [path, { place: join(folder, path), hash }]));
  }

  private isSigned(path: string): boolean {
    return this.repositories.some(({ folder, signed }) => signed.some((name) => path === `${folder}/${name}`));
  }

  private isMirrored(path: string): boolean {
    return this.repositories.some(
      (repository) => path.startsWith(`${repository.folder}/`) || repository.packageName(path) !== undefined,
    );
  }
}

/** A hard link where the file system allows. */
async function take({ place, hash }: Source, target: string): Promise<FileHash> {
  await mkdir(dirname(target), { recursive: true });
  const real = await realpath(place);
  await link(real, target).catch(async (error: unknown) => {
    if (!["EXDEV", "EPERM", "EMLINK"].includes(errnoOf(error) ?? "")) throw error;
    await copyFile(real, target);
  });
  return hash ?? hashFile(target);
}
