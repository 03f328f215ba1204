/** This machine's member of etcd, where `member.json` says that there is one: runs as long as the daemon does. */
import { type Clock, sleep } from "../../base/clock.ts";
import type { Log } from "../../base/log.ts";
import { findProgram } from "../../net/programs.ts";
import { etcdFlags } from "./flags.ts";
import { etcdPaths, readMemberFile } from "./member-file.ts";
import { createMembership, type Membership } from "./membership.ts";
import { EtcdProcess } from "./process.ts";

export interface EtcdMemberOptions {
  /** The state folder; nobody else uses it (`lockState`). */
  readonly state: string;
  /** Client URLs of all members, as in the site file. */
  readonly endpoints: readonly string[];
  readonly clock: Clock;
  readonly log: Log;
  /** Where system programs are looked for: as PATH has it. */
  readonly searchPath?: string;
}

export interface RunningEtcd {
  /** Resolves when etcd has ended. */
  stop(): Promise<void>;
}

const PROMOTE_EVERY_MS = 500;
const NEED = { purpose: "the servers' common state", package: "etcd-server" } as const;

/** @throws EverbootError `tool-missing` */
export function findEtcd(searchPath: string): string {
  return findProgram("etcd", searchPath, NEED);
}

/**
 * Resolves when etcd is started; it takes part once a majority of the members runs. Nothing is started without
 * `member.json`, or where something answers as this member already, as an etcd that the init system runs. Rejects with
 * EverbootError `state-broken` or `tool-missing`.
 */
export async function startEtcdMember(options: EtcdMemberOptions): Promise<RunningEtcd> {
  const { state, endpoints, clock, log, searchPath = "" } = options;
  const paths = etcdPaths(state);
  const file = await readMemberFile(paths);
  if (!file) return { stop: async () => undefined };
  const program = findEtcd(searchPath);
  const etcd = new EtcdProcess({ program, args: etcdFlags(file, paths.data), paths, searchPath, clock, log });
  await etcd.endRemains();
  const ended = new AbortController();
  const membership = createMembership({ endpoints, clock, signal: ended.signal });
  if (await membership.status(file.clientUrl)) {
    membership.close();
    log.info({ url: file.clientUrl }, "etcd answers there already: none is started");
    return { stop: async () => undefined };
  }
  etcd.launch();
  const promoting = promoteWhenCaughtUp(membership, file.peerUrl, options, ended.signal);
  return {
    async stop() {
      ended.abort();
      await promoting;
      membership.close();
      await etcd.stop();
    },
  };
}

/**
 * A member that came into a cluster that ran has no vote before it has all that the others have: else it would count
 * for the quorum without being able to help. Resolves when it has a vote, or at the signal.
 */
async function promoteWhenCaughtUp(
  membership: Membership,
  peerUrl: string,
  { clock, log }: EtcdMemberOptions,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    const own = (await membership.list().catch(() => undefined))?.find(({ peerUrls }) => peerUrls.includes(peerUrl));
    if (own?.isLearner === false) return;
    // Refused until it has caught up.
    if (own?.isLearner && (await succeeds(membership.promote(own.id)))) {
      log.info({ peerUrl }, "this machine's member of etcd has caught up: it has a vote now");
      return;
    }
    await sleep(clock, PROMOTE_EVERY_MS, signal).catch(() => undefined);
  }
}

function succeeds(work: Promise<void>): Promise<boolean> {
  return work.then(
    () => true,
    () => false,
  );
}
