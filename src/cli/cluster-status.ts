/** `everboot cluster status`: servers, common state, members of etcd. */
import { systemClock } from "../base/clock.ts";
import { EverbootError } from "../base/errors.ts";
import { etcdPlaces } from "../cluster/etcd/places.ts";
import { type EtcdState, type SurveyedMember, surveyEtcd } from "../cluster/etcd/survey.ts";
import type { PairState } from "../cluster/pair.ts";
import { askCluster, type ClusterAction, type ClusterAnswer, type ServerAnswer, servedSite } from "./cluster-action.ts";
import { type Alignment, alignColumns } from "./columns.ts";
import { wantPositionals } from "./options.ts";

/** Without a daemon etcd is shown all the same: that is when one looks. */
export const showCluster: ClusterAction = async (args, io) => {
  wantPositionals(args.words, 0, 0, "everboot cluster status [-c site.yaml] [--state DIR] [--json]");
  const answer = await askCluster(io, args.state).catch((error: unknown) => {
    if (error instanceof EverbootError && error.code === "daemon-absent") return error;
    throw error;
  });
  const site = await servedSite(args, io);
  const { members: etcd } = await surveyEtcd(etcdPlaces(site), { clock: systemClock });
  const report = answer instanceof EverbootError ? undefined : answer;
  const lines = [...(report ? clusterText(report) : []), ...etcdText(etcd)];
  for (const line of args.json ? [JSON.stringify({ ...report, etcd })] : lines) io.out(line);
  if (answer instanceof EverbootError) throw answer;
  return isWell(answer, etcd) ? 0 : 1;
};

/**
 * All live and serve the same site file, each but those that are drained with its own address; nothing waits, and every
 * member of etcd has a vote.
 */
export function isWell(report: ClusterAnswer, etcd: readonly SurveyedMember[]): boolean {
  const { servers, state } = report;
  const isAtHome = ({ name, floating, heldBy, draining = false }: ServerAnswer) =>
    draining || floating === undefined || heldBy === name;
  return (
    servers.every((server) => server.alive && isAtHome(server) && !isBehind(server, report)) &&
    report.troubles.length === 0 &&
    state.state === "current" &&
    state.outbox === 0 &&
    etcd.every((member) => member.state === "leader" || member.state === "follower")
  );
}

/** Not known is not judged. */
function isBehind({ serves }: ServerAnswer, { site }: ClusterAnswer): boolean {
  return site !== undefined && serves !== undefined && serves.revision !== site.revision;
}

const HEADER = ["SERVER", "", "FLOATING", "HELD BY", "SITE FILE"];
const ALL_LEFT: Alignment = HEADER.map(() => "left");

export function clusterText(report: ClusterAnswer): string[] {
  const { servers, state, site } = report;
  const rows = servers.map((server) => [
    server.name,
    lifeText(server, report),
    server.floating ?? "-",
    server.floating === undefined ? "-" : (server.heldBy ?? "nobody"),
    servesText(server, report),
  ]);
  const facts = state.outbox === 1 ? "1 fact waits" : `${state.outbox} facts wait`;
  const trouble = state.trouble === undefined || state.state === "current" ? "" : ` (${state.trouble})`;
  return [
    ...alignColumns([HEADER, ...rows], ALL_LEFT, ""),
    ...report.troubles.map((trouble) => `${report.server}: ${trouble}`),
    ...(site?.trouble === undefined ? [] : [`site file ${site.number} is not served here: ${site.trouble}`]),
    `common state: ${state.state}${trouble}, revision ${state.position}, ${facts} to be told to the cluster`,
    ...(state.pair === undefined ? [] : [`pair: ${PAIR_TEXT[state.pair]}`]),
  ];
}

const PAIR_TEXT: Readonly<Record<PairState, string>> = {
  paired: "both servers know the same",
  sole: "the other server is dead: this one goes on alone",
  waiting: "the other server may have gone on alone: nothing is installed from here until both agree",
};

function lifeText({ name, alive, draining = false, installs = 0 }: ServerAnswer, report: ClusterAnswer): string {
  const life = name === report.server ? "this one" : alive ? "alive" : "not heard";
  if (!draining) return life;
  return installs === 0 ? `${life}, drained` : `${life}, draining: ${installsText(installs)}`;
}

export function installsText(count: number): string {
  return count === 1 ? "1 install goes on" : `${count} installs go on`;
}

/** `3`, `3 of 4`; the beginning of the revision where no number is known. */
function servesText(server: ServerAnswer, report: ClusterAnswer): string {
  const { serves } = server;
  if (!serves) return "-";
  const own = serves.number ?? serves.revision.slice(0, 8);
  return isBehind(server, report) ? `${own} of ${report.site?.number}` : `${own}`;
}

const STATE_TEXT: Readonly<Record<EtcdState, string>> = {
  leader: "leads",
  follower: "follows",
  learner: "catches up, no vote yet",
  leaderless: "has no leader",
  silent: "does not answer",
  unlisted: "is no member: everboot cluster join",
};

export function etcdText(members: readonly SurveyedMember[]): string[] {
  const rows = members.map(({ name, url, state }) => [name, url, STATE_TEXT[state]]);
  return alignColumns([["ETCD", "", ""], ...rows], ["left", "left", "left"], "");
}
