/** The site's trees as they are served: each opened when it is first asked for. */
import type { Clock } from "../../base/clock.ts";
import type { Log } from "../../base/log.ts";
import type { OpenTree } from "../../content/mirror.ts";
import type { Lookup } from "../../content/served-file.ts";
import { openTree } from "../../content/tree.ts";
import type { Tree } from "../../site/model.ts";

export interface Trees {
  /** `path` is relative to the tree. */
  lookup(tree: Tree, path: string): Promise<Lookup>;
  close(): Promise<void>;
}

export function createTrees(options: { readonly clock: Clock; readonly log: Log }): Trees {
  const open = new Map<string, Promise<OpenTree>>();
  const opened = (tree: Tree): Promise<OpenTree> => {
    const known = open.get(tree.name);
    if (known !== undefined) return known;
    const opening = openTree(tree, options);
    // What keeps it shut may be mended meanwhile: the next request tries again.
    opening.catch(() => open.delete(tree.name));
    open.set(tree.name, opening);
    return opening;
  };
  return {
    lookup: async (tree, path) => {
      try {
        return await (await opened(tree)).lookup(path);
      } catch (error) {
        options.log.error({ error, tree: tree.name }, "the tree cannot be opened");
        return { kind: "broken", code: "store-unavailable" };
      }
    },
    close: async () => {
      const trees = await Promise.allSettled(open.values());
      await Promise.all(trees.map((tree) => (tree.status === "fulfilled" ? tree.value.close() : undefined)));
    },
  };
}
