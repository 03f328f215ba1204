/** A folder of the disk, as much of it as a FileResolver would serve. */
import { readdir, realpath, stat } from "node:fs/promises";
import { join, sep } from "node:path";
import { errnoOf } from "../../base/errors.ts";
import { lookupOfError } from "../../content/disk-file.ts";
import type { Lookup } from "../../content/served-file.ts";
import { isPrivatePath, isTreePath } from "../../content/tree-path.ts";
import { compareBytes } from "../../content/walk.ts";
import type { FolderEntry, FolderLookup } from "./folders.ts";
import { resolvePath } from "./path.ts";

/** `path` is relative to `root`; empty = `root` itself. Links are followed inside `root`, and not shown when they leave it. */
export async function diskFolder(root: string, path: string): Promise<FolderLookup> {
  if (path !== "" && !isTreePath(path)) return { kind: "refused" };
  if (isPrivatePath(path)) return { kind: "absent" };
  try {
    const [realRoot, real] = await Promise.all([realpath(root), realpath(join(root, path))]);
    if (!isInside(realRoot, real)) return { kind: "refused" };
    const info = await stat(real);
    if (!info.isDirectory()) return { kind: "absent" };
    return { kind: "folder", modified: Math.floor(info.mtimeMs), entries: () => entriesOf(realRoot, real) };
  } catch (error) {
    return troubleOf(error);
  }
}

/** Law 3. */
export function troubleOf(error: unknown): Exclude<Lookup, { kind: "file" }> {
  const lookup = lookupOfError(error);
  if (lookup.kind === "file") throw error;
  return lookup;
}

async function entriesOf(root: string, folder: string): Promise<readonly FolderEntry[]> {
  const names = (await readdir(folder)).filter((name) => !isPrivatePath(name) && isAskable(name)).sort(compareBytes);
  const entries = await Promise.all(names.map((name) => entryOf(root, join(folder, name), name)));
  return entries.filter((entry) => entry !== undefined);
}

/** Undefined for what is not served, or went away meanwhile. */
async function entryOf(root: string, path: string, name: string): Promise<FolderEntry | undefined> {
  try {
    const real = await realpath(path);
    const info = await stat(real);
    if (!isInside(root, real) || !(info.isFile() || info.isDirectory())) return undefined;
    const modified = Math.floor(info.mtimeMs);
    return info.isFile()
      ? { name, kind: "file", size: info.size, modified }
      : { name, kind: "folder", size: 0, modified };
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return undefined;
  }
}

/** Others could not be asked for, and would break a listing's lines. */
function isAskable(name: string): boolean {
  return resolvePath("/", name).kind === "path";
}

function isInside(root: string, path: string): boolean {
  return path === root || path.startsWith(root.endsWith(sep) ? root : root + sep);
}
