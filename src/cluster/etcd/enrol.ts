/** Makes a machine a member of the site's etcd: `member.json`, and the cluster's own list. Safe to repeat. */
import type { Clock } from "../../base/clock.ts";
import { EverbootError } from "../../base/errors.ts";
import type { EtcdTransport } from "../../store/etcd-transport.ts";
import { lockState } from "../state-folder.ts";
import { decideEnrolment, type Enrolment } from "./enrolment.ts";
import { etcdPaths, hasData, type MemberFile, readMemberFile, setDataAside, writeMemberFile } from "./member-file.ts";
import { createMembership, type EtcdMember, type Membership, untilHealthy } from "./membership.ts";
import type { EtcdPlace } from "./places.ts";

export interface EnrolOptions {
  /** The state folder. */
  readonly state: string;
  readonly place: EtcdPlace;
  /** Of the site file: every member that is to start together. */
  readonly places: readonly EtcdPlace[];
  /** Client URLs of all members. */
  readonly endpoints: readonly string[];
  readonly clock: Clock;
  /** Refuses to come into a cluster that runs: for the one who founds it. */
  readonly founding: boolean;
  /** Of this process: it takes the state folder while it writes there. */
  readonly pid: number;
  /** Default: HTTP. */
  readonly transport?: EtcdTransport;
}

export type Enrolled = "runs" | "ready" | "bootstrap" | "adopt" | "add" | "replace";

/**
 * Resolves with what was found, after it is done. Rejects with EverbootError `cluster-refused`, `etcd-away`,
 * `etcd-refused`, `daemon-running`, `state-unwritable` or `state-broken`.
 */
export async function enrol(options: EnrolOptions): Promise<Enrolled> {
  const membership = createMembership(options);
  try {
    const { enrolment, members } = await look(options, membership);
    if (options.founding && isComing(enrolment)) throw runsAlready(options);
    if (enrolment.kind === "stranger") throw stranger(options);
    if (enrolment.kind !== "runs" && enrolment.kind !== "ready") {
      const lock = lockState(options.state, options.pid);
      await carryOut(enrolment, options, membership, members).finally(lock.release);
    }
    return enrolment.kind;
  } finally {
    membership.close();
  }
}

async function look({ state, place }: EnrolOptions, membership: Membership) {
  const paths = etcdPaths(state);
  const [members, here, file] = await Promise.all([
    membership.list(),
    membership.status(place.clientUrl),
    readMemberFile(paths),
  ]);
  const enrolment = decideEnrolment({
    ...{ peerUrl: place.peerUrl, answersHere: here !== undefined, hasData: hasData(paths) },
    ...{ hasMemberFile: file !== undefined, ...(members && { members }) },
  });
  return { enrolment, members: members ?? [] };
}

function isComing({ kind }: Enrolment): boolean {
  return kind === "adopt" || kind === "add" || kind === "replace";
}

async function carryOut(
  enrolment: Exclude<Enrolment, { kind: "runs" | "ready" | "stranger" }>,
  options: EnrolOptions,
  membership: Membership,
  members: readonly EtcdMember[],
): Promise<void> {
  const { state, place, places } = options;
  const paths = etcdPaths(state);
  switch (enrolment.kind) {
    case "bootstrap":
      return writeMemberFile(paths, memberFile(place, namesOf(places), "new"));
    case "adopt":
      if (enrolment.hasForeignData) await setDataAside(paths);
      return writeMemberFile(paths, memberFile(place, namesIn(members), "existing"));
    case "replace":
      await membership.remove(enrolment.id);
      return comeIn(options, membership);
    case "add":
      return comeIn(options, membership);
  }
}

/** A refusal may mean that an earlier call got through: the list decides. */
async function comeIn({ state, place, clock }: EnrolOptions, membership: Membership): Promise<void> {
  const paths = etcdPaths(state);
  const refusal = await untilHealthy(() => membership.add(place.peerUrl), clock).catch((error: unknown) => error);
  const members = await membership.list();
  const isIn = members?.some(({ peerUrls }) => peerUrls.includes(place.peerUrl)) ?? false;
  if (!members || !isIn) throw refusal ?? new EverbootError("etcd-away", { endpoints: place.clientUrl });
  await setDataAside(paths);
  await writeMemberFile(paths, memberFile(place, namesIn(members), "existing"));
}

function memberFile(
  { name, clientUrl, peerUrl }: EtcdPlace,
  others: Readonly<Record<string, string>>,
  cluster: MemberFile["cluster"],
): MemberFile {
  const rest = Object.entries(others).filter(([, url]) => url !== peerUrl);
  return { name, clientUrl, peerUrl, members: { ...Object.fromEntries(rest), [name]: peerUrl }, cluster };
}

function namesOf(places: readonly EtcdPlace[]): Record<string, string> {
  return Object.fromEntries(places.map(({ name, peerUrl }) => [name, peerUrl]));
}

/** Those that have not started yet have no name: etcd wants one each, and it does not matter which. */
function namesIn(members: readonly EtcdMember[]): Record<string, string> {
  return Object.fromEntries(
    members.flatMap(({ id, name, peerUrls: [url] }) => (url === undefined ? [] : [[name || `member-${id}`, url]])),
  );
}

function stranger({ place }: EnrolOptions): EverbootError {
  return new EverbootError("cluster-refused", {
    what: `${place.clientUrl} answers, and is no member of this site's etcd`,
    todo: "end the daemon or the etcd there first",
  });
}

function runsAlready({ endpoints }: EnrolOptions): EverbootError {
  return new EverbootError("cluster-refused", {
    what: `the etcd of this site runs already (${endpoints.join(", ")})`,
    todo: "run `everboot cluster join --key FILE` here",
  });
}
