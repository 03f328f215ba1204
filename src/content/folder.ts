/** A tree that is a plain folder. */
import { realpath, stat } from "node:fs/promises";
import { join, sep } from "node:path";
import { errnoOf } from "../base/errors.ts";
import { type DiskVersion, diskFile, lookupOfError } from "./disk-file.ts";
import { type FileVersion, isLocalFolder, isSameVersion, versionOf } from "./file-version.ts";
import { FreshLookups } from "./fresh-lookups.ts";
import { MANIFEST_NAME, type Manifest, readManifest } from "./manifest.ts";
import type { Lookup } from "./served-file.ts";
import { Once, SingleFlight } from "./single-flight.ts";
import { isPrivatePath, isTreePath } from "./tree-path.ts";

/** Finds a file of a tree by its path inside the tree. */
export type TreeResolver = (relativePath: string) => Promise<Lookup>;

export interface FolderResolver extends TreeResolver {
  /** The same without waiting, of a file that was found before and is still as it was. */
  known(relativePath: string): Lookup | undefined;
}

/**
 * Serves the regular files below `root`. Symbolic links are followed as long as the real path stays inside `root`'s
 * real path, and refused when it does not. A file that the tree's manifest lists carries the manifest's hash as its
 * tag, so that every server with the same bytes gives the same tag.
 */
export function folderResolver(root: string): FolderResolver {
  const folder: Folder = {
    root,
    manifest: new CurrentManifest(root),
    fresh: new FreshLookups(root, MANIFEST_NAME),
    isLocal: new Once(() => isLocalFolder(root)),
  };
  // A rack that is switched on asks for the same few files.
  const lookups = new SingleFlight<Lookup>();
  const known = (relativePath: string) => folder.fresh.get(relativePath);
  const find = async (relativePath: string): Promise<Lookup> => {
    if (!isTreePath(relativePath)) return { kind: "refused" };
    if (isPrivatePath(relativePath)) return { kind: "absent" };
    return known(relativePath) ?? lookups.run(relativePath, () => lookUp(folder, relativePath));
  };
  return Object.assign(find, { known });
}

interface Folder {
  readonly root: string;
  readonly manifest: CurrentManifest;
  readonly fresh: FreshLookups;
  /** Rejects as long as the folder is not there. */
  readonly isLocal: Once<boolean>;
}

async function lookUp({ root, manifest, fresh, isLocal: local }: Folder, relativePath: string): Promise<Lookup> {
  try {
    const real = await realPathInside(root, relativePath);
    if (real === undefined) return { kind: "refused" };
    const isLocal = await local.get();
    const [hashOf, written] = await manifest.read();
    let listed: Listed;
    const sha256 = (version: DiskVersion) => {
      listed = hashOf?.(relativePath, version);
      return listed === "other" ? undefined : listed?.sha256;
    };
    const found = await diskFile(real, { name: relativePath, sha256, isLocal });
    if (found.kind !== "file") return found;
    const lookup: Lookup = listed === "other" ? { ...found, file: { ...found.file, isUnlisted: true } } : found;
    const [segment] = found.file.segments;
    if (segment?.kind === "disk" && segment.version) fresh.keep(relativePath, lookup, segment.version, written);
    return lookup;
  } catch (error) {
    return lookupOfError(error);
  }
}

async function realPathInside(root: string, relativePath: string): Promise<string | undefined> {
  const [realRoot, real] = await Promise.all([realpath(root), realpath(join(root, relativePath))]);
  return real.startsWith(realRoot.endsWith(sep) ? realRoot : realRoot + sep) ? real : undefined;
}

/** `other` = the manifest lists other bytes than these; undefined = it lists none. */
type Listed = { readonly sha256: string } | "other" | undefined;
type HashOf = (path: string, version: DiskVersion) => Listed;

/** The manifest on disk, read again when it was replaced. */
class CurrentManifest {
  private readonly root: string;
  private version: FileVersion | undefined;
  private hashOf: Promise<HashOf | undefined> = Promise.resolve(undefined);

  constructor(root: string) {
    this.root = root;
  }

  /** With the version of the manifest; both undefined when there is none. */
  async read(): Promise<[hashOf?: HashOf | undefined, version?: FileVersion]> {
    const info = await stat(join(this.root, MANIFEST_NAME), { bigint: true }).catch(ignoreAbsence);
    if (info === undefined) return [];
    const version = versionOf(info);
    if (!this.version || !isSameVersion(this.version, version)) {
      this.version = version;
      this.hashOf = loadHashes(this.root, Number(info.mtimeNs / 1_000_000n));
    }
    return [await this.hashOf, version];
  }
}

/**
 * The manifest speaks for a file only while the file has the listed size and was not written after the manifest: a file
 * changed by hand must not keep its old tag. A manifest that cannot be read is no reason to serve nothing.
 */
async function loadHashes(root: string, written: number): Promise<HashOf | undefined> {
  const manifest: Manifest | undefined = await readManifest(root).catch(() => undefined);
  return (path, version) => {
    const entry = manifest?.get(path);
    if (entry === undefined) return undefined;
    return entry.size === version.size && version.modified <= written ? { sha256: entry.sha256 } : "other";
  };
}

function ignoreAbsence(error: unknown): undefined {
  if (errnoOf(error) !== "ENOENT") throw error;
}
