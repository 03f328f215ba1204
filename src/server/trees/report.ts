/** Who has which version of the trees, and who lacks what, as the API tells it. Pure. */
import type { ReplicaStatus } from "../../content/replica.ts";
import type { SiteHoldings, TreeHolding } from "../../content/replica-holdings.ts";
import { plainDifferences } from "../../content/replica-text.ts";
import type { Tree } from "../../site/model.ts";
import type { TreesAnswer } from "../api/operations.ts";
import type { TreeReport } from "../api/shapes.ts";

export interface TreesSeen {
  /** In the order of the answer. */
  readonly trees: readonly Tree[];
  /** The version that all servers are to serve. */
  readonly currentOf: (tree: string) => string | undefined;
  /** By server; of one that has told nothing, nothing is told. */
  readonly held: SiteHoldings;
  /** By server: what it says that it lacks. */
  readonly lacks: ReadonlyMap<string, readonly ReplicaStatus[]>;
}

export function reportTrees(seen: TreesSeen): TreesAnswer {
  return { items: seen.trees.map((tree) => reportTree(tree, seen)), notes: plainDifferences(seen.held) };
}

function reportTree({ name, upstream }: Tree, seen: TreesSeen): TreeReport {
  const mirror = { name, kind: "mirror", versions: [], lacking: [] } as const;
  if (upstream !== undefined) return { ...mirror, versions: [], lacking: [] };
  const held = [...seen.held].flatMap(([server, { [name]: holding }]) => (holding ? [{ server, holding }] : []));
  const current = seen.currentOf(name);
  const ids = [...new Set(held.flatMap(({ holding }) => holding.versions))].sort();
  const having = (ids: (holding: TreeHolding) => readonly string[] | undefined, id: string) =>
    held.filter(({ holding }) => ids(holding)?.includes(id)).map(({ server }) => server);
  return {
    name,
    kind: current === undefined && ids.length === 0 ? "plain" : "versions",
    ...(current !== undefined && { current }),
    versions: ids.map((id) => ({
      id,
      holders: having(({ versions }) => versions, id),
      pinned: having(({ pinned }) => pinned, id),
    })),
    lacking: held.flatMap(({ server, holding }) => lackingAt(server, name, holding, current, seen)),
  };
}

const NOT_WHOLE = "it is not there whole";

/** What the server tells of; and the current version, of which one that has just begun, or has found damage, tells nothing. */
function lackingAt(
  server: string,
  tree: string,
  { versions }: TreeHolding,
  current: string | undefined,
  { lacks }: TreesSeen,
): TreeReport["lacking"] {
  const told = (lacks.get(server) ?? []).filter((status) => status.tree === tree && !versions.includes(status.version));
  const lacking = told.map(({ tree: _tree, from, ...status }) => ({ server, ...status, from: [...from] }));
  if (current === undefined || versions.includes(current)) return lacking;
  if (told.some(({ version }) => version === current)) return lacking;
  return [{ server, version: current, bytes: 0, done: 0, from: [], trouble: NOT_WHOLE }, ...lacking];
}
