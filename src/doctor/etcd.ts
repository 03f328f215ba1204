/** How the members of etcd are: reachable, of one version, with a quorum, quick enough. */
import { etcdPlaces } from "../cluster/etcd/places.ts";
import { type EtcdState, surveyEtcd } from "../cluster/etcd/survey.ts";
import { ANSWER_MS, askHttp, inTime, textOf } from "./ask-http.ts";
import { type Check, isShared } from "./check.ts";
import { type Finding, type FindingId, finding } from "./findings.ts";
import { isBefore, LEAST_ETCD } from "./programs.ts";

export const etcdCheck: Check = {
  name: "etcd",
  of: "machine",
  look: async ({ site, clock }, signal) => {
    if (!isShared(site)) return [];
    const { members, listed } = await surveyEtcd(etcdPlaces(site), { clock, signal, callMs: ANSWER_MS });
    const answering = members.filter(({ state }) => state !== "silent");
    const asked = await Promise.all(answering.map(({ name, url }) => askMember(name, url, signal)));
    return judgeEtcd({ hasQuorum: listed !== undefined, members, about: asked });
  },
};

export interface EtcdFacts {
  /** A member that knows a leader has answered. */
  readonly hasQuorum: boolean;
  readonly members: readonly { readonly name: string; readonly url: string; readonly state: EtcdState }[];
  /** What members say of themselves. */
  readonly about: readonly MemberAbout[];
}

export interface MemberAbout {
  readonly name: string;
  readonly version?: string;
  /** Milliseconds, mean over its life. */
  readonly writeMs?: number;
}

/** The next election begins after 300 ms without a sign of the leader, who waits for its disk. */
const SLOW_MS = 50;

const STATE_FINDINGS: Readonly<Partial<Record<EtcdState, FindingId>>> = {
  silent: "etcd-silent",
  leaderless: "etcd-leaderless",
  unlisted: "etcd-unlisted",
  learner: "etcd-learner",
};

export function judgeEtcd({ hasQuorum, members, about }: EtcdFacts): readonly Finding[] {
  const states = members.map(({ name, state }) => `${name} ${state}`).join(", ");
  const versions = [...new Set(about.flatMap(({ version }) => version ?? []))].sort();
  const mixed = versions.length > 1 ? [finding("etcd-mixed", { versions: versions.join(", ") }, "by /version")] : [];
  return [
    ...(hasQuorum ? [] : [finding("etcd-quorum", {}, states)]),
    ...members.flatMap(({ name, url, state }) => {
      const id = STATE_FINDINGS[state];
      return id ? [finding(id, { member: name, url }, states)] : [];
    }),
    ...about.flatMap(judgeMember),
    ...mixed,
  ];
}

function judgeMember({ name, version, writeMs }: MemberAbout): readonly Finding[] {
  const isOld = version !== undefined && isBefore(version, LEAST_ETCD);
  const evidence = "the mean of etcd_disk_wal_fsync_duration_seconds";
  return [
    ...(isOld ? [finding("etcd-old", { member: name, version, least: LEAST_ETCD }, "by /version")] : []),
    ...(writeMs !== undefined && writeMs > SLOW_MS
      ? [finding("etcd-slow", { member: name, ms: Math.round(writeMs) }, evidence)]
      : []),
  ];
}

/** By HTTP; what it does not tell, as over TLS with certificates, stays out. */
async function askMember(name: string, url: string, signal: AbortSignal): Promise<MemberAbout> {
  const [version, metrics] = await Promise.all([getText(`${url}/version`, signal), getText(`${url}/metrics`, signal)]);
  const told = /"etcdserver":\s*"([\d.]+)/.exec(version)?.[1];
  const writeMs = meanWriteMs(metrics);
  return { name, ...(told !== undefined && { version: told }), ...(writeMs !== undefined && { writeMs }) };
}

async function getText(url: string, signal: AbortSignal): Promise<string> {
  return askHttp(url, "GET", inTime(signal)).then(textOf, () => "");
}

/** Of Prometheus' text format. */
export function meanWriteMs(metrics: string): number | undefined {
  const [sum, count] = ["sum", "count"].map((part) =>
    Number(new RegExp(`^etcd_disk_wal_fsync_duration_seconds_${part} (\\S+)$`, "m").exec(metrics)?.[1]),
  );
  return sum !== undefined && count !== undefined && count > 0 ? (sum / count) * 1000 : undefined;
}
