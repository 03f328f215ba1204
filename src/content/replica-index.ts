/** Versions that are here, read once: which of them are what their ids say, and where files of a hash lie in them. */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { EverbootError, errnoOf } from "../base/errors.ts";
import { MANIFEST_NAME, type Manifest } from "./manifest.ts";
import type { Elsewhere } from "./replica-staging.ts";
import { readVersionManifest, versionFolder, versionIds } from "./versions.ts";

export interface VersionIndex {
  readonly manifest: Manifest;
  /** Paths inside the version, by SHA-256. */
  readonly paths: ReadonlyMap<string, readonly string[]>;
}

/** A manifest of 10,000 files takes some 3 MB here. */
const MOST_KEPT = 4;

export class VersionIndexes {
  /** By folder, with what tells the manifest on disk from another one; the one used last is the last. */
  private readonly known = new Map<string, { readonly tag: string; readonly index: Promise<VersionIndex> }>();

  /** Undefined: it is not there, or its manifest is damaged. */
  async find(root: string, id: string): Promise<VersionIndex | undefined> {
    const tag = await manifestTag(root, id);
    if (tag === undefined) return undefined;
    const folder = versionFolder(root, id);
    const known = this.known.get(folder);
    const index = known?.tag === tag ? known.index : readIndex(root, id);
    this.known.delete(folder);
    this.known.set(folder, { tag, index });
    for (const oldest of [...this.known.keys()].slice(0, -MOST_KEPT)) this.known.delete(oldest);
    return index.catch(absentIfBroken);
  }
}

/** Changes when the manifest on the disk does; undefined: there is none. */
export async function manifestTag(root: string, id: string): Promise<string | undefined> {
  try {
    const info = await stat(join(versionFolder(root, id), MANIFEST_NAME), { bigint: true });
    return `${info.ino} ${info.size} ${info.mtimeNs}`;
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

/** Files of all versions of the tree, by hash. */
export async function filesOfVersions(root: string, indexes: VersionIndexes): Promise<Elsewhere> {
  const all: { readonly folder: string; readonly index: VersionIndex }[] = [];
  for (const id of await versionIds(root)) {
    const index = await indexes.find(root, id);
    if (index) all.push({ folder: versionFolder(root, id), index });
  }
  return (sha256) =>
    all.flatMap(({ folder, index }) => (index.paths.get(sha256) ?? []).map((path) => join(folder, path)));
}

async function readIndex(root: string, id: string): Promise<VersionIndex> {
  const manifest = await readVersionManifest(root, id);
  const byHash = Map.groupBy(manifest, ([, { sha256 }]) => sha256);
  return { manifest, paths: new Map([...byHash].map(([hash, entries]) => [hash, entries.map(([path]) => path)])) };
}

function absentIfBroken(error: unknown): undefined {
  if (!(error instanceof EverbootError) || error.code !== "state-broken") throw error;
}
