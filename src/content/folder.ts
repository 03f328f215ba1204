/** A tree that is a plain folder. */
import { realpath, stat } from "node:fs/promises";
import { join, sep } from "node:path";
import { errnoOf } from "../base/errors.ts";
import { type DiskVersion, diskFile, lookupOfError } from "./disk-file.ts";
import { MANIFEST_NAME, type Manifest, readManifest } from "./manifest.ts";
import type { Lookup } from "./served-file.ts";
import { SingleFlight } from "./single-flight.ts";
import { isPrivatePath, isTreePath } from "./tree-path.ts";

/** Finds a file of a tree by its path inside the tree. */
export type TreeResolver = (relativePath: string) => Promise<Lookup>;

/**
 * Serves the regular files below `root`. Symbolic links are followed as long as the real path stays inside `root`'s
 * real path, and refused when it does not. A file that the tree's manifest lists carries the manifest's hash as its
 * tag, so that every server with the same bytes gives the same tag.
 */
export function folderResolver(root: string): TreeResolver {
  const manifest = new CurrentManifest(root);
  // A rack that is switched on asks for the same few files.
  const lookups = new SingleFlight<Lookup>();
  return async (relativePath) => {
    if (!isTreePath(relativePath)) return { kind: "refused" };
    if (isPrivatePath(relativePath)) return { kind: "absent" };
    return lookups.run(relativePath, () => lookUp(root, relativePath, manifest));
  };
}

async function lookUp(root: string, relativePath: string, manifest: CurrentManifest): Promise<Lookup> {
  try {
    const real = await realPathInside(root, relativePath);
    if (real === undefined) return { kind: "refused" };
    const hashOf = await manifest.read();
    let listed: Listed;
    const sha256 = (version: DiskVersion) => {
      listed = hashOf?.(relativePath, version);
      return listed === "other" ? undefined : listed?.sha256;
    };
    const found = await diskFile(real, { name: relativePath, sha256 });
    return found.kind === "file" && listed === "other"
      ? { ...found, file: { ...found.file, isUnlisted: true } }
      : found;
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
  private version = "";
  private hashOf: Promise<HashOf | undefined> = Promise.resolve(undefined);

  constructor(root: string) {
    this.root = root;
  }

  async read(): Promise<HashOf | undefined> {
    const info = await stat(join(this.root, MANIFEST_NAME), { bigint: true }).catch(ignoreAbsence);
    if (info === undefined) return undefined;
    const version = `${info.ino} ${info.size} ${info.mtimeNs}`;
    if (version !== this.version) {
      this.version = version;
      this.hashOf = loadHashes(this.root, Number(info.mtimeNs / 1_000_000n));
    }
    return this.hashOf;
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
