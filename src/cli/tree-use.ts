/** Which versions of a tree running installs read: the daemon knows. */
import { EverbootError } from "../base/errors.ts";
import type { Io } from "./command.ts";
import { ask } from "./state-option.ts";

/** Ids of the versions of this tree that running installs read; undefined = no daemon tells. */
export type UsedVersions = (
  tree: string,
  io: Io,
  state: string | undefined,
) => Promise<ReadonlySet<string> | undefined>;

export const usedByDaemon: UsedVersions = async (tree, io, state) => {
  try {
    const answer = await ask(io, state, "GET", `/api/v1/trees/${encodeURIComponent(tree)}/used`);
    const { versions } = (answer ?? {}) as { readonly versions?: readonly string[] };
    return versions && new Set(versions);
  } catch (error) {
    if (!(error instanceof EverbootError)) throw error;
    return undefined;
  }
};
