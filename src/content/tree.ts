/** Opens a tree of the site file, whatever it is. */
import type { Tree } from "../site/model.ts";
import { type MirrorOptions, type OpenTree, openMirror } from "./mirror.ts";
import { versionedResolver } from "./versions-resolver.ts";

/** A mirror when the tree has an upstream, else its folder. Throws as `openMirror` does. */
export async function openTree(tree: Tree, options: MirrorOptions): Promise<OpenTree> {
  if (tree.upstream !== undefined) return openMirror(tree, options);
  return { ...versionedResolver(tree.path), close: async () => undefined };
}
