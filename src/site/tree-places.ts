/** Where a tree lies: below a server's address, and its versions in its own folder. */

/** In a tree's folder: one folder for each of its versions. */
export const VERSIONS_NAME = ".everboot-versions";

/** By HTTP and FTP: `/trees/debian-12@3f9c0a51b2d4`; without a version, whichever is served: `/trees/debian-12`. */
export function treePath(tree: string, version?: string): string {
  return version === undefined ? `/trees/${tree}` : `/trees/${tree}@${version}`;
}

/** What a client of NFS mounts: `/trees/debian-12/.everboot-versions/3f9c0a51b2d4`, or the tree's folder itself. */
export function nfsPath(tree: string, version?: string): string {
  return version === undefined ? `/trees/${tree}` : `/trees/${tree}/${VERSIONS_NAME}/${version}`;
}
