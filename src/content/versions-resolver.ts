/** Serving a tree by its versions: the current one, and any given one for as long as an install reads it. */
import { lstat, stat } from "node:fs/promises";
import { join } from "node:path";
import { errnoOf } from "../base/errors.ts";
import { lookupOfError } from "./disk-file.ts";
import { type FileVersion, isLocalFolder, versionOf } from "./file-version.ts";
import { type FolderResolver, folderResolver, type TreeResolver } from "./folder.ts";
import { isAsItWas, quickLstatOncePerTurn } from "./quick-stat.ts";
import type { Lookup } from "./served-file.ts";
import { Once } from "./single-flight.ts";
import { CURRENT_NAME, currentVersion, isVersionId, versionFolder } from "./versions.ts";

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
  const versions = new Map<string, FolderResolver>();
  const link = new CurrentLink(root);
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
      const seen = link.known();
      const known = seen && (seen.id === undefined ? plain : versions.get(seen.id))?.known(path);
      if (known) return known;
      try {
        const id = await link.read();
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

/** Which version is served, as the link said when it was last read. */
class CurrentLink {
  private readonly root: string;
  private readonly path: string;
  private readonly isLocal: Once<boolean>;
  private seen: { readonly id: string | undefined; readonly link: FileVersion | undefined } | undefined;

  constructor(root: string) {
    this.root = root;
    this.path = join(root, CURRENT_NAME);
    this.isLocal = new Once(() => isLocalFolder(root));
  }

  /** Undefined when it has to be read again. */
  known(): { readonly id: string | undefined } | undefined {
    return this.seen && isAsItWas(quickLstatOncePerTurn(this.path), this.seen.link) ? this.seen : undefined;
  }

  /** Rejects as `currentVersion` does. */
  async read(): Promise<string | undefined> {
    const link = await lstat(this.path, { bigint: true }).then(versionOf, () => undefined);
    const id = await currentVersion(this.root);
    const isLocal = await this.isLocal.get().catch(() => false);
    this.seen = isLocal && (id === undefined) === (link === undefined) ? { id, link } : undefined;
    return id;
  }
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
