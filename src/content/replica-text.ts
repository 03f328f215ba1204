/** What `everboot status` says of the versions of trees. Pure. */
import type { ReplicaStatus } from "./replica.ts";
import type { SiteHoldings } from "./replica-holdings.ts";

/**
 * `debian-12 63 % of 4.1 GiB from two, three`, or with its trouble in place of the servers.
 * @param bytesText an amount of bytes as words
 */
export function replicaLine(status: ReplicaStatus, bytesText: (bytes: number) => string): string {
  const { tree, bytes, done, from, trouble } = status;
  if (bytes === 0) return `${tree} ${trouble === undefined ? "is being looked for" : `is lacking: ${trouble}`}`;
  // Not 100 before it is whole.
  const percent = Math.min(99, Math.floor((done / bytes) * 100));
  const rest = trouble === undefined ? (from.length > 0 ? ` from ${from.join(", ")}` : "") : `: ${trouble}`;
  return `${tree} ${percent} % of ${bytesText(bytes)}${rest}`;
}

/**
 * One line for each tree that is plain on several servers and not the same on all: they work, and an install that changes
 * its server in the middle may meet files of the other.
 */
export function plainDifferences(held: SiteHoldings): readonly string[] {
  const trees = [...new Set([...held.values()].flatMap(Object.keys))].sort();
  return trees.flatMap((tree) => {
    const told = [...held].flatMap(([server, holdings]) => {
      const holding = holdings[tree];
      return holding && holding.current === undefined ? [{ server, manifest: holding.manifest ?? "none" }] : [];
    });
    const byManifest = Map.groupBy(told, ({ manifest }) => manifest);
    if (byManifest.size < 2) return [];
    const sides = [...byManifest].map(
      ([manifest, on]) => `${manifest} on ${on.map(({ server }) => server).join(", ")}`,
    );
    return [`${tree} differs (manifest ${sides.join("; ")}): import it at one server, and all will have that version`];
  });
}
