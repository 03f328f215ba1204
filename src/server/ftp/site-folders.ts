/** The folders below the server's root: `/trees/<tree>/...` and `/trees/<tree>@<version>/...`. */
import { currentVersion, isVersionId, versionFolder } from "../../content/versions.ts";
import type { Tree } from "../../site/model.ts";
import { diskFolder, troubleOf } from "./disk-folder.ts";
import type { FolderEntry, FolderLookup, FolderResolver } from "./folders.ts";

export interface SiteFoldersOptions {
  /** By name, at this moment. */
  readonly trees: () => ReadonlyMap<string, Pick<Tree, "name" | "path" | "upstream">>;
}

type ServedTree = Pick<Tree, "name" | "path" | "upstream">;

export function createSiteFolders({ trees }: SiteFoldersOptions): FolderResolver {
  return async (path) => {
    const [top = "", tree = "", ...rest] = path.split("/").slice(1);
    if (top === "") return made(["trees"]);
    // What is made for each machine has no list; a client that goes there by CWD must get there.
    if (top !== "trees") return made([]);
    if (tree === "") return made([...trees().keys()]);
    return treeFolder(trees(), tree, rest.join("/"));
  };
}

async function treeFolder(trees: ReadonlyMap<string, ServedTree>, named: string, path: string): Promise<FolderLookup> {
  const [name = "", id] = named.split("@", 2);
  const tree = trees.get(name);
  if (!tree || (id !== undefined && !isVersionId(id))) return { kind: "absent" };
  const folder = await ofDisk(tree, id, path);
  // Which folders a mirror has upstream is not known here: each may hold a file that was never asked for.
  return tree.upstream !== undefined && folder.kind === "absent" ? made([]) : folder;
}

async function ofDisk(tree: ServedTree, id: string | undefined, path: string): Promise<FolderLookup> {
  try {
    const version = id ?? (await currentVersion(tree.path));
    return await diskFolder(version === undefined ? tree.path : versionFolder(tree.path, version), path);
  } catch (error) {
    return troubleOf(error);
  }
}

/** A folder that is on no disk. */
function made(names: readonly string[]): FolderLookup {
  const entries = names.toSorted().map((name): FolderEntry => ({ name, kind: "folder", size: 0, modified: 0 }));
  return { kind: "folder", modified: 0, entries: async () => entries };
}
