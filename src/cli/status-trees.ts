/** What servers lack of the trees, for the terminal. Pure. */
import { replicaLine } from "../content/replica-text.ts";
import type { TreesAnswer } from "../server/api/operations.ts";
import { bytesText } from "./status-units.ts";
import { printable } from "./status-width.ts";

/**
 * `server3: debian-12 63 % of 4.1 GiB from server1, server2`, a line for each version that a server lacks; nothing when all
 * have what they are to have.
 */
export function treesText(trees: Partial<TreesAnswer> | undefined): string[] {
  const lacking = (trees?.items ?? []).flatMap(({ name: tree, lacking }) =>
    lacking.map(({ server, ...status }) => printable(`${server}: ${replicaLine({ tree, ...status }, bytesText)}`)),
  );
  return [...lacking, ...(trees?.notes ?? []).map(printable)];
}
