/** The index files of one suite: kept by their hash, fetched when first needed, read to know the packages. */
import { dirname } from "node:path";
import { EverbootError } from "../base/errors.ts";
import {
  componentsFor,
  type FileHash,
  type FileIndex,
  PACKAGES_ENDINGS,
  type PackagesEnding,
  packagesFolders,
  type Release,
} from "./apt-index.ts";
import type { MirrorParts } from "./mirror-deps.ts";
import { readPackagesFile } from "./packages-file.ts";
import { RecentKeys, SingleFlight } from "./single-flight.ts";

const NO_FILES: FileIndex = new Map();

interface Variant {
  readonly path: string;
  readonly ending: PackagesEnding;
  readonly hash: FileHash;
}

export class SuiteIndices {
  private readonly suite: string;
  private readonly parts: MirrorParts;
  private readonly fetches = new SingleFlight<boolean>();
  private readonly absent: RecentKeys;
  /** Packages files that were read, by the hash of the first variant: states of the suite share what did not change. */
  private readonly parsed = new Map<string, Promise<FileIndex>>();

  constructor(suite: string, parts: MirrorParts) {
    this.suite = suite;
    this.parts = parts;
    this.absent = new RecentKeys(parts.clock, parts.timing.absence);
  }

  /**
   * Makes sure that the index file `path` (below `dists/<suite>/`) with this hash is kept, and gives its place on disk;
   * `undefined` when the upstream does not have it. Throws EverbootError `upstream-unavailable`, `upstream-mismatch`.
   */
  async file(release: Release, path: string, hash: FileHash): Promise<string | undefined> {
    const there = await this.fetches.run(hash.sha256, () => this.fetchOnce(release, path, hash));
    return there ? this.place(hash) : undefined;
  }

  /** What the signed indices of `release` say of a package file (`pool/...`). Throws as `file` does. */
  async find(release: Release, path: string): Promise<FileHash | undefined> {
    for (const component of componentsFor(release, path)) {
      for (const folder of packagesFolders(release, component, this.parts.arch)) {
        const hash = (await this.packages(release, folder)).get(path);
        if (hash !== undefined) return hash;
      }
    }
    return undefined;
  }

  /** Forgets the Packages files whose hash is not in `live`. */
  forgetAllBut(live: ReadonlySet<string>): void {
    for (const key of this.parsed.keys()) if (!live.has(key)) this.parsed.delete(key);
  }

  private place(hash: FileHash): string {
    return this.parts.store.objectPath(this.suite, hash);
  }

  private async fetchOnce(release: Release, path: string, hash: FileHash): Promise<boolean> {
    const place = this.place(hash);
    if (await this.parts.store.holds(place, hash)) return true;
    if (this.absent.has(hash.sha256)) return false;
    for (const source of sourcesOf(release, path, hash)) {
      const answer = await this.parts.upstream.get(`dists/${this.suite}/${source}`, (incoming) =>
        this.parts.store.keep(place, hash, incoming),
      );
      if (answer !== "absent") return true;
    }
    this.absent.add(hash.sha256);
    return false;
  }

  private async packages(release: Release, folder: string): Promise<FileIndex> {
    const variants = variantsOf(release, folder);
    const key = variants[0]?.hash.sha256 ?? folder;
    const known = this.parsed.get(key);
    if (known !== undefined) return known;
    const started = this.readPackages(release, variants);
    this.parsed.set(key, started);
    // What could not be had is tried again at the next request.
    const forget = () => this.parsed.delete(key);
    started.then((index) => index === NO_FILES && forget(), forget);
    return started;
  }

  private async readPackages(release: Release, variants: readonly Variant[]): Promise<FileIndex> {
    let missingTool: unknown;
    for (const variant of await this.keptFirst(variants)) {
      const place = await this.file(release, variant.path, variant.hash);
      if (place === undefined) continue;
      try {
        return await readPackagesFile(place, variant.ending);
      } catch (error) {
        if (!(error instanceof EverbootError && error.code === "tool-missing")) throw error;
        missingTool = error;
      }
    }
    if (missingTool !== undefined) throw missingTool;
    // A mirror may lack parts that the Release file lists, as installer components.
    this.parts.log.debug({ suite: this.suite, index: variants[0]?.path }, "the upstream lacks an index it lists");
    return NO_FILES;
  }

  /** The installer has mostly made us fetch one of the variants already. */
  private async keptFirst(variants: readonly Variant[]): Promise<readonly Variant[]> {
    const kept = await Promise.all(
      variants.map((variant) => this.parts.store.holds(this.place(variant.hash), variant.hash)),
    );
    return [...variants.filter((_, index) => kept[index]), ...variants.filter((_, index) => !kept[index])];
  }
}

/** Asked for by hash, an upstream that is just being updated still has the right one. */
function sourcesOf(release: Release, path: string, hash: FileHash): string[] {
  const folder = dirname(path) === "." ? "" : `${dirname(path)}/`;
  return release.byHash ? [`${folder}by-hash/SHA256/${hash.sha256}`, path] : [path];
}

function variantsOf(release: Release, folder: string): Variant[] {
  return PACKAGES_ENDINGS.flatMap((ending) => {
    const path = `${folder}/Packages${ending}`;
    const hash = release.files.get(path);
    return hash === undefined ? [] : [{ path, ending, hash }];
  });
}
