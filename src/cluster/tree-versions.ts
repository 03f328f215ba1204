/** The port by which boots learn which version of a tree they are handed, and which servers have it. */

export interface TreeVersions {
  /**
   * The version that a boot which begins now is handed: the one that the cluster calls current, of a single server the one
   * that is served. Undefined: a plain tree or a mirror, served as it lies. Rejects when it cannot be told now.
   */
  current(tree: string): Promise<string | undefined>;
  /** The same as of the last look, for decisions that cannot wait. */
  lastCurrent(tree: string): string | undefined;
  /**
   * Is the server fit to serve this version, as it holds it whole and checked? Every server is, of a plain tree or mirror
   * (`undefined`). One that has told nothing is not.
   */
  holds(server: string, tree: string, version: string | undefined): boolean;
}
