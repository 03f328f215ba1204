/** Serving a tree by its versions: the current one, and any given one for as long as an install reads it. */
import { stat } from "node:fs/promises";
import { errnoOf } from "../base/errors.ts";
import { lookupOfError } from "./disk-file.ts";
import { folderResolver, type TreeResolver } from "./folder.ts";
import type { Lookup } from "./served-file.ts";
import { currentVersion, isVersionId, versionFolder } from "./versions.ts";

export interface VersionedResolver {
  /** In the current version; of a plain tree, as it lies. */
  readonly lookup: TreeResolver;
  /** Id of the current version: what a boot is handed keeps to it. Undefined = a plain tree. */
  current(): Promise<string | undefined>;
  /** Finds files of this version alone; absent when there is none of this id. */
  version(id: string): TreeResolver;
}

/** `root` is the tree's folder. Versions may come and go, and the current one change, at any time. */
export function versionedResolver(root: string): VersionedResolver {
  const plain = folderResolver(root);
  const versions = new Map<string, TreeResolver>();
  const ofVersion = async (id: string, path: string, absent: Lookup): Promise<Lookup> => {
    if (!(await isFolder(versionFolder(root, id)))) {
      versions.delete(id);
      return absent;
    }
    const known = versions.get(id) ?? folderResolver(versionFolder(root, id));
    versions.set(id, known);
    return known(path);
  };
  return {
    current: () => currentVersion(root),
    lookup: async (path) => {
      try {
        const id = await currentVersion(root);
        // A current version that is not there is an outage, no tree without files (law 3).
        return id === undefined ? await plain(path) : await ofVersion(id, path, BROKEN);
      } catch (error) {
        return lookupOfError(error);
      }
    },
    version: (id) => async (path) => {
      try {
        return isVersionId(id) ? await ofVersion(id, path, ABSENT) : ABSENT;
      } catch (error) {
        return lookupOfError(error);
      }
    },
  };
}

const ABSENT: Lookup = { kind: "absent" };
const BROKEN: Lookup = { kind: "broken", code: "store-unavailable" };

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") throw error;
    return false;
  }
}
