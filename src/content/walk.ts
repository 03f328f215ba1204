/** The files of a folder. */
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { errnoOf } from "../base/errors.ts";
import { PRIVATE_PREFIX } from "./tree-path.ts";

/**
 * Relative paths of all regular files below `root`, symbolic links to files among them, each folder's names sorted.
 * Links to folders are not followed (they can form circles), links to nothing and Everboot's own files are left out.
 */
export async function* walkFiles(root: string, below = ""): AsyncGenerator<string> {
  const entries = await readdir(join(root, below), { withFileTypes: true });
  entries.sort((a, b) => compareBytes(a.name, b.name));
  for (const entry of entries) {
    if (entry.name.startsWith(PRIVATE_PREFIX)) continue;
    const path = below === "" ? entry.name : `${below}/${entry.name}`;
    if (entry.isDirectory()) yield* walkFiles(root, path);
    else if (entry.isFile() || (entry.isSymbolicLink() && (await isRegular(join(root, path))))) yield path;
  }
}

/** Order by UTF-8 bytes, the same everywhere. */
export function compareBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

async function isRegular(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile();
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return false;
  }
}
