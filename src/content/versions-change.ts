/** Changing a tree's versions: each change is one rename, so a kill or a full disk leaves what was there before. */
import { mkdir, open, readdir, rename, rm, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { EverbootError } from "../base/errors.ts";
import { syncFolder } from "./durable.ts";
import { MANIFEST_NAME, readManifest } from "./manifest.ts";
import {
  CURRENT_NAME,
  currentVersion,
  isPinned,
  linkText,
  listVersions,
  PIN_NAME,
  readVersionManifest,
  VERSIONS_NAME,
  versionFolder,
  versionId,
  versionIds,
} from "./versions.ts";
import { removeLeftovers, workName } from "./versions-work.ts";

/** Versions that are kept of each tree, besides those that are served, pinned or in use. */
export const KEPT_VERSIONS = 3;

/**
 * Makes `folder` a version of the tree: it holds all of its files and its manifest, checked and on the disk, and lies on
 * the tree's file system outside of the versions. It is served when `switchCurrent` says so. When the version is there
 * already, its files take the place of those there, which differ only where the disk spoiled them.
 * @returns its id. Throws EverbootError `state-broken` when it has no manifest.
 */
export async function publishVersion(root: string, folder: string): Promise<string> {
  const manifest = await readManifest(folder);
  if (manifest === undefined) throw new EverbootError("state-broken", { path: folder, reason: "no manifest" });
  const id = versionId(manifest);
  await syncFolders(folder);
  const target = versionFolder(root, id);
  await mkdir(dirname(target), { recursive: true });
  if ((await versionIds(root)).includes(id)) await mend(target, folder, [...manifest.keys(), MANIFEST_NAME]);
  else await rename(folder, target);
  await syncFolder(dirname(target));
  await syncFolder(root);
  return id;
}

/** Makes the names in `folder` and below survive a loss of power; what is in its files does already. */
async function syncFolders(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) await syncFolders(join(folder, entry.name));
  }
  await syncFolder(folder);
}

async function mend(target: string, folder: string, paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    await mkdir(dirname(join(target, path)), { recursive: true });
    await rename(join(folder, path), join(target, path));
  }
  await syncFolders(target);
}

/**
 * Serves version `id` from now on, in one step. Throws EverbootError `version-unknown`, or `state-broken` when its
 * manifest is damaged.
 */
export async function switchCurrent(root: string, id: string): Promise<void> {
  await requireVersion(root, id);
  await readVersionManifest(root, id);
  const link = join(root, workName("link"));
  await symlink(linkText(id), link);
  try {
    await rename(link, join(root, CURRENT_NAME));
    await syncFolder(root);
  } finally {
    await rm(link, { force: true });
  }
}

/** A pinned version is never removed by itself, nor by `removeVersion`. Throws EverbootError `version-unknown`. */
export async function setPinned(root: string, id: string, pinned: boolean): Promise<void> {
  await requireVersion(root, id);
  const path = join(versionFolder(root, id), PIN_NAME);
  if (pinned) await (await open(path, "w", 0o644)).close();
  else await rm(path, { force: true });
  await syncFolder(dirname(path));
}

/**
 * Removes a version. `used`: those that running installs read.
 * Throws EverbootError `version-unknown`, or `version-kept` for the current one, a pinned one, and one in use.
 */
export async function removeVersion(root: string, id: string, used: ReadonlySet<string>): Promise<void> {
  await removeLeftovers(root);
  await requireVersion(root, id);
  const keep = (reason: string, todo: string) => new EverbootError("version-kept", { version: id, reason, todo });
  if ((await currentVersion(root)) === id) throw keep("is the one that is served", "serve another one first");
  if (await isPinned(root, id)) throw keep("is pinned", "unpin it first");
  if (used.has(id)) throw keep("is read by running installs", "wait for their end");
  await takeAway(root, id);
}

/** Gone in one step; its files follow. */
async function takeAway(root: string, id: string): Promise<void> {
  const removed = join(root, workName("removed"));
  await rename(versionFolder(root, id), removed);
  await syncFolder(join(root, VERSIONS_NAME));
  await rm(removed, { recursive: true, force: true });
}

/**
 * Removes the versions that are not among the newest `keep`, nor current, pinned or in `used`.
 * @returns their ids, newest first.
 */
export async function pruneVersions(
  root: string,
  used: ReadonlySet<string>,
  keep: number = KEPT_VERSIONS,
): Promise<readonly string[]> {
  const old = (await listVersions(root)).slice(keep);
  const removed = old.filter(({ id, current, pinned }) => !current && !pinned && !used.has(id)).map(({ id }) => id);
  for (const id of removed) await takeAway(root, id);
  return removed;
}

async function requireVersion(root: string, id: string): Promise<void> {
  const ids = await versionIds(root);
  if (ids.includes(id)) return;
  const hint = ids.length === 0 ? "it has no versions, and is served as it lies" : `it has ${ids.join(", ")}`;
  throw new EverbootError("version-unknown", { tree: root, version: id, hint });
}
