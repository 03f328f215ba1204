/** The tree that a command names. */
import { EverbootError } from "../base/errors.ts";
import type { Site, Tree } from "../site/model.ts";
import { suggestion } from "../site/nearest.ts";

/** Throws EverbootError `tree-unknown`. */
export function findTree(site: Pick<Site, "trees">, name: string): Tree {
  const tree = site.trees.get(name);
  if (tree !== undefined) return tree;
  throw new EverbootError("tree-unknown", { tree: name, hint: `: ${suggestion(name, [...site.trees.keys()])}` });
}
