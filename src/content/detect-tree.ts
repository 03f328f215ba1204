/** Which family's tree lies in a folder, and whether it is the one that the site file declares. */
import { closeSync, openSync, readdirSync, readSync, realpathSync, statSync } from "node:fs";
import { join, sep } from "node:path";
import { errnoOf } from "../base/errors.ts";
import type { DetectedTree, Family, TreeFiles } from "../os/family.ts";
import type { Tree } from "../site/model.ts";
import { isTreePath } from "./tree-path.ts";
import { compareBytes } from "./walk.ts";

export interface FoundTree extends DetectedTree {
  readonly family: string;
  /** Further families that take it for theirs. */
  readonly others: readonly string[];
}

/** By name, as the registry has them. */
export type Families = ReadonlyMap<string, Family>;

/** What tells the media of the families, for whoever named a folder without it. */
export const LOOKED_FOR =
  "dists/ or version.info (debian), .treeinfo or .discinfo (redhat), media.1/ or content with boot/ (suse), " +
  "LiveOS/ with boot/ (agama), .disk/info with casper/ (ubuntu)";

/**
 * Of a text, no more than this is read, in bytes: what matters stands at its beginning, also in the Release file of a
 * whole mirror, which is the longest.
 */
export const MOST_TEXT = 256 * 1024;

/**
 * Asks each family what the files are; undefined = no family knows them. When several take them for theirs, it is
 * `preferred`, which the site file names, else the first in the registry's order.
 */
export function detectTree(files: TreeFiles, families: Families, preferred = ""): FoundTree | undefined {
  const claims = [...families.values()].flatMap((family) => {
    const tree = family.detect(files);
    return tree === undefined ? [] : [{ ...tree, family: family.name }];
  });
  const best = claims.find(({ family }) => family === preferred) ?? claims[0];
  return best && { ...best, others: claims.filter((claim) => claim !== best).map(({ family }) => family) };
}

/** Suites of Debian without images of their own: those of the coming release install them. */
const ROLLING: readonly string[] = ["testing", "sid", "unstable"];

/** The first key of the site file's tree that says otherwise than its files; undefined = they agree. */
export function differingKey(
  tree: Pick<Tree, "family" | "release" | "arch">,
  found: FoundTree,
  files: TreeFiles,
): "family" | "release" | "arch" | undefined {
  if (found.family !== tree.family) return "family";
  // A Debian archive has many releases and architectures, under other names too, of which `found` is one.
  if (files.has(`dists/${tree.release}`)) return undefined;
  if (ROLLING.includes(tree.release)) return undefined;
  if (found.release !== tree.release && !found.release.startsWith(`${tree.release}.`)) return "release";
  return found.arch === tree.arch ? undefined : "arch";
}

/** `Rocky Linux 9.6 for amd64 (family redhat)` */
export function describeTree({ product, arch, family }: FoundTree): string {
  return `${product} for ${arch} (family ${family})`;
}

/**
 * The files of a folder. Symbolic links are followed as long as they stay inside it. Throws a system error for what is
 * there and cannot be read.
 */
export function folderFiles(root: string): TreeFiles {
  return {
    has: (path) => realPathInside(root, path) !== undefined,
    names: (folder) => unlessAbsent(() => namesOf(realPathInside(root, folder))) ?? [],
    text: (path) => unlessAbsent(() => headOf(realPathInside(root, path))),
  };
}

/** Where the file or folder really is; undefined when it is not there or outside of `root`. `""` is `root` itself. */
export function realPathInside(root: string, path: string): string | undefined {
  if (path !== "" && !isTreePath(path)) return undefined;
  return unlessAbsent(() => {
    const realRoot = realpathSync(root);
    const real = realpathSync(join(realRoot, path));
    const isInside = real === realRoot || real.startsWith(realRoot.endsWith(sep) ? realRoot : realRoot + sep);
    return isInside ? real : undefined;
  });
}

function namesOf(folder: string | undefined): string[] {
  return folder === undefined ? [] : readdirSync(folder).sort(compareBytes);
}

function headOf(path: string | undefined): string | undefined {
  // Opening a pipe would wait for its writer.
  if (path === undefined || !statSync(path).isFile()) return undefined;
  const file = openSync(path, "r");
  try {
    const bytes = Buffer.alloc(MOST_TEXT);
    return bytes.toString("utf8", 0, readSync(file, bytes));
  } finally {
    closeSync(file);
  }
}

const ABSENT: readonly unknown[] = ["ENOENT", "ENOTDIR", "ELOOP"];

function unlessAbsent<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    if (!ABSENT.includes(errnoOf(error))) throw error;
    return undefined;
  }
}
