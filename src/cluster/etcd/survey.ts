/** How the members of a site's etcd are, for people to read. */
import { createMembership, type EtcdMember, type EtcdStatus, type MembershipOptions } from "./membership.ts";
import type { EtcdPlace } from "./places.ts";

/**
 * `learner`: copies what the cluster has, no vote yet. `leaderless`: answers, and knows no leader. `silent`: does not
 * answer. `unlisted`: the site file names it, and the cluster does not know it.
 */
export type EtcdState = "leader" | "follower" | "learner" | "leaderless" | "silent" | "unlisted";

export interface SurveyedMember {
  readonly name: string;
  /** Where it answers clients; where it answers members, when the site file does not name it and it never started. */
  readonly url: string;
  readonly state: EtcdState;
}

export interface EtcdSurvey {
  /** Those of the site file first. */
  readonly members: readonly SurveyedMember[];
  /** As the cluster has them; absent = no member with a leader answers. */
  readonly listed?: readonly EtcdMember[];
  /** Ids of the listed members that answer and know a leader. */
  readonly alive: ReadonlySet<string>;
}

export async function surveyEtcd(
  places: readonly EtcdPlace[],
  options: Omit<MembershipOptions, "endpoints">,
): Promise<EtcdSurvey> {
  const membership = createMembership({ ...options, endpoints: places.map(({ clientUrl }) => clientUrl) });
  try {
    const listed = await membership.list();
    const others = (listed ?? []).flatMap(({ clientUrls: [url] }) => url ?? []);
    const urls = [...new Set([...places.map(({ clientUrl }) => clientUrl), ...others])];
    const answers = await Promise.all(urls.map(async (url) => [url, await membership.status(url)] as const));
    return describeEtcd(places, listed, new Map(answers));
  } finally {
    membership.close();
  }
}

/** Pure. `statuses` by client URL. */
export function describeEtcd(
  places: readonly EtcdPlace[],
  listed: readonly EtcdMember[] | undefined,
  statuses: ReadonlyMap<string, EtcdStatus | undefined>,
): EtcdSurvey {
  const rows = places.map((place) => ({ place, member: listed?.find((member) => isAt(member, place)) }));
  const known = new Set(rows.map(({ member }) => member));
  const others = (listed ?? []).filter((member) => !known.has(member));
  const members = [
    ...rows.map(({ place, member }) => ({
      name: place.name,
      url: place.clientUrl,
      state: listed && !member ? "unlisted" : stateOf(member, statuses.get(place.clientUrl)),
    })),
    ...others.map((member) => {
      const url = member.clientUrls[0] ?? member.peerUrls[0] ?? "";
      return { name: member.name || member.id, url, state: stateOf(member, statuses.get(url)) };
    }),
  ] satisfies readonly SurveyedMember[];
  const answering = [...statuses.values()].filter((status) => status?.leader !== undefined);
  return { members, ...(listed && { listed }), alive: new Set(answering.flatMap((status) => status?.id ?? [])) };
}

export function isAt({ clientUrls, peerUrls }: EtcdMember, { clientUrl, peerUrl }: EtcdPlace): boolean {
  return clientUrls.includes(clientUrl) || peerUrls.includes(peerUrl);
}

function stateOf(member: EtcdMember | undefined, status: EtcdStatus | undefined): EtcdState {
  if (!status) return "silent";
  if (status.leader === undefined) return "leaderless";
  if (member?.isLearner) return "learner";
  return status.leader === status.id ? "leader" : "follower";
}
