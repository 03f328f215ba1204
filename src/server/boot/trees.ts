/**
 * The site's trees as they are served: each opened when it is first asked for. One whose entry in the site file has
 * changed is another one; who still reads the old one has it open.
 */
import type { Clock } from "../../base/clock.ts";
import type { Log } from "../../base/log.ts";
import type { OpenTree } from "../../content/mirror.ts";
import type { Lookup } from "../../content/served-file.ts";
import { openTree } from "../../content/tree.ts";
import { versionIds } from "../../content/versions.ts";
import type { Tree } from "../../site/model.ts";

export interface Trees {
  /** `path` is relative to the tree; in the version that is served, or in `version`. */
  lookup(tree: Tree, path: string, version?: string): Promise<Lookup>;
  /** Is there a folder of this version? Rejects when that cannot be read. */
  has(tree: Tree, version: string): Promise<boolean>;
  close(): Promise<void>;
}

export function createTrees(options: { readonly clock: Clock; readonly log: Log }): Trees {
  const open = new Map<string, Promise<OpenTree>>();
  // Entries as text take longer to compare than most files to find.
  const entries = new WeakMap<Tree, string>();
  const opened = (tree: Tree): Promise<OpenTree> => {
    const entry = entries.get(tree) ?? JSON.stringify(tree);
    entries.set(tree, entry);
    const known = open.get(entry);
    if (known !== undefined) return known;
    const opening = openTree(tree, options);
    // What keeps it shut may be mended meanwhile: the next request tries again.
    opening.catch(() => open.delete(entry));
    open.set(entry, opening);
    return opening;
  };
  return {
    lookup: async (tree, path, version) => {
      try {
        const { lookup, version: ofVersion } = await opened(tree);
        return await (version === undefined ? lookup : ofVersion(version))(path);
      } catch (error) {
        options.log.error({ error, tree: tree.name }, "the tree cannot be opened");
        return { kind: "broken", code: "store-unavailable" };
      }
    },
    has: async ({ path }, version) => (await versionIds(path)).includes(version),
    close: async () => {
      const trees = await Promise.allSettled(open.values());
      await Promise.all(trees.map((tree) => (tree.status === "fulfilled" ? tree.value.close() : undefined)));
    },
  };
}
