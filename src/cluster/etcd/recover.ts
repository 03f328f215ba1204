/** A cluster of one member made of what is left of a cluster that has lost its quorum for good. */
import { type Clock, sleep } from "../../base/clock.ts";
import { EverbootError } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import { etcdFlags } from "./flags.ts";
import { findEtcd } from "./member.ts";
import { etcdPaths, hasData, type MemberFile, readMemberFile } from "./member-file.ts";
import { createMembership, type Membership } from "./membership.ts";
import { EtcdProcess } from "./process.ts";

export interface RecoverOptions {
  /** The state folder; no daemon uses it. */
  readonly state: string;
  /** Client URLs of all members. */
  readonly endpoints: readonly string[];
  readonly clock: Clock;
  readonly log: Log;
  /** As PATH has it. */
  readonly searchPath: string;
  /** Ends the attempt. */
  readonly signal: AbortSignal;
}

const LOOK_MS = 100;
/** Milliseconds for reading its data, and for an election that it cannot lose. */
const LEADS_WITHIN_MS = 60_000;

/**
 * Starts this machine's member once with `--force-new-cluster`, until it leads alone, and ends it again: the daemon
 * starts it as ever then. Its data stay. Rejects with EverbootError `cluster-refused` when there is nothing here to
 * recover from, when any member answers, or when it does not lead in time.
 */
export async function recoverCluster(options: RecoverOptions): Promise<void> {
  const { state, endpoints, clock, log, searchPath, signal } = options;
  const paths = etcdPaths(state);
  const file = await readMemberFile(paths);
  if (!file || !hasData(paths)) throw nothingHere(paths.folder);
  const membership = createMembership({ endpoints: [file.clientUrl], clock, signal });
  const args = [...etcdFlags(file, paths.data), "--force-new-cluster"];
  const etcd = new EtcdProcess({ program: findEtcd(searchPath), args, paths, searchPath, clock, log });
  try {
    await etcd.endRemains();
    await refuseWhenAnyAnswers(endpoints, clock);
    etcd.launch();
    if (await leadsAlone(membership, file, options)) return;
    throw new EverbootError("cluster-refused", {
      what: `etcd did not start within ${LEADS_WITHIN_MS / 1000} s (${etcd.lastLine})`,
      todo: "look into it, or recover on another server",
    });
  } finally {
    membership.close();
    await etcd.stop();
  }
}

/**
 * Members that are alive may yet find their quorum again; then there would be two clusters. Rejects with EverbootError
 * `cluster-refused` when any member answers.
 */
export async function refuseWhenAnyAnswers(endpoints: readonly string[], clock: Clock): Promise<void> {
  const membership = createMembership({ endpoints, clock });
  const found = await Promise.all(endpoints.map(async (url) => ((await membership.status(url)) ? url : undefined)));
  membership.close();
  const answering = found.filter((url) => url !== undefined);
  if (answering.length === 0) return;
  throw new EverbootError("cluster-refused", {
    what: `etcd answers at ${answering.join(", ")}`,
    todo: "start the daemon here, which may bring the quorum back; if it does not, end those members for good first",
  });
}

async function leadsAlone(
  membership: Membership,
  file: MemberFile,
  { clock, signal }: RecoverOptions,
): Promise<boolean> {
  const end = clock.now() + LEADS_WITHIN_MS;
  while (clock.now() < end && !signal.aborted) {
    const members = await membership.list();
    if (members?.length === 1 && members[0]?.peerUrls.includes(file.peerUrl)) return true;
    await sleep(clock, LOOK_MS, signal).catch(() => undefined);
  }
  return false;
}

function nothingHere(folder: string): EverbootError {
  return new EverbootError("cluster-refused", {
    what: `${folder} holds no member of etcd with data`,
    todo: "recover on a server whose member has them",
  });
}
