/** Paths inside a tree: relative, `/` between the parts, as in a manifest, an index or a URL after decoding. */

/** Names that begin so belong to Everboot (manifest, mirror state, unfinished work) and are never served. */
export const PRIVATE_PREFIX = ".everboot-";

/** No empty, `.` or `..` part and no NUL: such a path cannot leave the tree except by a symbolic link. */
export function isTreePath(path: string): boolean {
  if (path.includes("\0")) return false;
  return path.split("/").every((part) => part !== "" && part !== "." && part !== "..");
}

export function isPrivatePath(path: string): boolean {
  return path.split("/").some((part) => part.startsWith(PRIVATE_PREFIX));
}
