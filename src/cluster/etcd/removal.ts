/** May a member be taken out of etcd? Pure. */
import type { EtcdMember } from "./membership.ts";

/** What speaks against it, in words; undefined = nothing. `alive`: ids of the members that answer. */
export function removalProblem(
  members: readonly EtcdMember[],
  alive: ReadonlySet<string>,
  removed: EtcdMember,
): { readonly what: string; readonly todo: string } | undefined {
  if (removed.isLearner) return undefined;
  const rest = members.filter(({ id, isLearner }) => id !== removed.id && !isLearner);
  if (rest.length === 0) return { what: "it is the last member of etcd", todo: "add another one first" };
  const living = rest.filter(({ id }) => alive.has(id));
  const quorum = Math.floor(rest.length / 2) + 1;
  if (living.length >= quorum) return undefined;
  return {
    what: `of the ${rest.length} members left ${living.length} would be alive, and ${quorum} must be`,
    todo: "repair or remove a dead one first",
  };
}
