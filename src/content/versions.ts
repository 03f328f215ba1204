/**
 * Versions of a tree: each a folder of its own below the tree's, named by its manifest's hash, never changed once it is
 * there. A symbolic link says which one is served.
 */
import { createHash } from "node:crypto";
import { lstat, readdir, readlink, stat } from "node:fs/promises";
import { join } from "node:path";
import { EverbootError, errnoOf } from "../base/errors.ts";
import { VERSIONS_NAME } from "../site/tree-places.ts";
import { formatManifest, MANIFEST_NAME, type Manifest, readManifest } from "./manifest.ts";
import { PRIVATE_PREFIX } from "./tree-path.ts";
import { compareBytes } from "./walk.ts";

export interface TreeVersion {
  /** The first 12 hex digits of its formatted manifest's SHA-256. */
  readonly id: string;
  /** When it came here, in milliseconds since 1970. */
  readonly made: number;
  readonly files: number;
  readonly bytes: number;
  /** Is it the one that is served? */
  readonly current: boolean;
  /** It is never removed by itself. */
  readonly pinned: boolean;
}

export { VERSIONS_NAME };
/** In the tree's folder: a symbolic link to the version that is served. */
export const CURRENT_NAME = `${PRIVATE_PREFIX}current`;
/** In a version's folder: an empty file. */
export const PIN_NAME = `${PRIVATE_PREFIX}pinned`;

const ID_LENGTH = 12;
const ID = /^[0-9a-f]{12}$/;

export function isVersionId(text: string): boolean {
  return ID.test(text);
}

export function versionId(manifest: Manifest): string {
  return createHash("sha256").update(formatManifest(manifest)).digest("hex").slice(0, ID_LENGTH);
}

/** Absolute when `root`, the tree's folder, is; it need not be there. */
export function versionFolder(root: string, id: string): string {
  return join(root, VERSIONS_NAME, id);
}

/** What `CURRENT_NAME` says when version `id` is served. */
export function linkText(id: string): string {
  return `${VERSIONS_NAME}/${id}`;
}

/** Undefined: a plain tree, served as it lies. Throws EverbootError `state-broken` when the link is none of ours. */
export async function currentVersion(root: string): Promise<string | undefined> {
  const path = join(root, CURRENT_NAME);
  try {
    const text = await readlink(path);
    const id = text.slice(-ID_LENGTH);
    if (isVersionId(id) && text === linkText(id)) return id;
  } catch (error) {
    if (ABSENT.includes(errnoOf(error))) return undefined;
    if (errnoOf(error) !== "EINVAL") throw error;
  }
  throw new EverbootError("state-broken", { path, reason: `no symbolic link to a folder of ${VERSIONS_NAME}` });
}

const ABSENT: readonly unknown[] = ["ENOENT", "ENOTDIR"];

/** The folder whose files are the tree now: that of the current version, or of a plain tree its own. */
export async function servedFolder(root: string): Promise<string> {
  const id = await currentVersion(root);
  return id === undefined ? root : versionFolder(root, id);
}

/** Ids of the versions that are there, sorted. */
export async function versionIds(root: string): Promise<readonly string[]> {
  const names = await readdir(join(root, VERSIONS_NAME)).catch((error: unknown) => {
    if (ABSENT.includes(errnoOf(error))) return [];
    throw error;
  });
  return names.filter(isVersionId).sort(compareBytes);
}

/**
 * Newest first, by id when of one moment; empty for a plain tree. Throws EverbootError `state-broken` when a version's
 * manifest is not the one that its id stands for.
 */
export async function listVersions(root: string): Promise<readonly TreeVersion[]> {
  const [ids, current] = await Promise.all([versionIds(root), currentVersion(root)]);
  const versions: TreeVersion[] = [];
  for (const id of ids) versions.push(await describeVersion(root, id, current));
  return versions.sort((a, b) => b.made - a.made || compareBytes(a.id, b.id));
}

async function describeVersion(root: string, id: string, current: string | undefined): Promise<TreeVersion> {
  const manifest = await readVersionManifest(root, id);
  const bytes = [...manifest.values()].reduce((sum, { size }) => sum + size, 0);
  const [made, pinned] = await Promise.all([madeAt(root, id), isPinned(root, id)]);
  return { id, made, files: manifest.size, bytes, current: id === current, pinned };
}

/** The manifest is the last file of a version that is written. */
async function madeAt(root: string, id: string): Promise<number> {
  return Math.floor((await stat(join(versionFolder(root, id), MANIFEST_NAME))).mtimeMs);
}

export async function isPinned(root: string, id: string): Promise<boolean> {
  try {
    await lstat(join(versionFolder(root, id), PIN_NAME));
    return true;
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") throw error;
    return false;
  }
}

/** Throws EverbootError `state-broken` when it is not there, damaged, or not the one that `id` stands for. */
export async function readVersionManifest(root: string, id: string): Promise<Manifest> {
  const folder = versionFolder(root, id);
  const manifest = await readManifest(folder);
  if (manifest !== undefined && versionId(manifest) === id) return manifest;
  const reason = manifest === undefined ? "it is not there" : `it is not that of version ${id}`;
  throw new EverbootError("state-broken", { path: join(folder, MANIFEST_NAME), reason });
}
