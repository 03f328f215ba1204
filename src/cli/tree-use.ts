/** What a daemon that runs beside a command has to do with the versions of trees. */
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

/** Tells the daemon that something was changed on the disk, so that it looks at once; without one there is nobody to tell. */
export type TellDaemon = (io: Io, state: string | undefined) => Promise<void>;

export const haveDaemonLook: TellDaemon = async (io, state) => {
  try {
    await ask(io, state, "POST", "/api/v1/trees/look");
  } catch (error) {
    if (!(error instanceof EverbootError)) throw error;
  }
};

/** For who has no daemon. */
export const tellNobody: TellDaemon = async () => undefined;
