/** The state that the servers of a site have in common: this one's copy of it, and what it tells of the others. */
import { randomBytes } from "node:crypto";
import { type Clock, sleep } from "./base/clock.ts";
import type { Log } from "./base/log.ts";
import { type MemberRecord, type Members, membersOf } from "./cluster/members.ts";
import { readPairFile, writePairFile } from "./cluster/pair-file.ts";
import { PairKeeper, peerOfPair } from "./cluster/pair-keeper.ts";
import { isFact, resolveKey } from "./cluster/permit-facts.ts";
import type { Standing } from "./cluster/permits.ts";
import { createStanding } from "./cluster/standing.ts";
import type { ClusterReport } from "./server/boot/operations.ts";
import type { Site } from "./site/model.ts";
import { openEtcdStore } from "./store/etcd.ts";
import { openReplica, type Replica } from "./store/replica.ts";
import type { Store } from "./store/store.ts";

/** Two servers with a member of etcd each, and no third machine. */
export interface Pair {
  /** Name of the other server. */
  readonly peer: string;
  readonly keeper: PairKeeper;
}

/** Where the state is common to several servers. */
export interface Common {
  readonly replica: Replica;
  readonly pair?: Pair;
  readonly members: () => Members;
  /** Milliseconds since the common state was last reached; 0 = it is now. */
  readonly awayMs: () => number;
  /** For permits. */
  readonly standing: () => Standing;
  report(): ClusterReport["state"];
}

export interface CommonOptions {
  readonly site: Site;
  /** Name of this server. */
  readonly server: string;
  /** The state folder. */
  readonly folder: string;
  /** Its own store; closed with the replica. */
  readonly local: Store;
  readonly clock: Clock;
  readonly log: Log;
  /** What it tells the others of itself. */
  readonly about: () => MemberRecord;
}

/** Milliseconds that a server which starts waits for the cluster, to serve what was applied while it was away. */
const CATCH_UP_MS = 3000;

/** Does this site share its state among its servers? */
export function isCluster(site: Site): boolean {
  return site.etcd !== undefined && site.servers.size > 1;
}

export async function openCommon(options: CommonOptions): Promise<Common> {
  const { site, server, clock, local, about } = options;
  const pair = openPair(options);
  const remote = openEtcdStore({
    ...{ endpoints: site.etcd ?? [], prefix: `everboot/${site.name}/`, writer: server, clock, random: randomBytes },
  });
  const replica = await openReplica({
    ...{ local, remote, server, clock, random: randomBytes, isFact, resolve: resolveKey, about },
    ...(pair && { edits: () => pair.keeper.edits() }),
  });
  await Promise.race([replica.whenCaughtUp().catch(() => undefined), sleep(clock, CATCH_UP_MS)]);
  const others = [...site.servers.keys()].filter((name) => name !== server);
  return {
    ...{ replica, ...sightOf(replica, server, clock), ...(pair && { pair }) },
    standing: createStanding({ replica, others: () => others, clock, ...(pair && { pair: pair.keeper }) }),
    report: () => describe(replica, pair),
  };
}

function openPair({ site, server, folder, clock, log }: CommonOptions): Pair | undefined {
  const peer = peerOfPair(site.servers.keys(), site.etcd?.length ?? 0, server);
  if (peer === undefined) return undefined;
  const write = (state: "sole" | "paired") => writePairFile(folder, state);
  return { peer, keeper: new PairKeeper({ peer, clock, log, last: readPairFile(folder), write }) };
}

/** What the replica knows of the others, and of how far it is from them. */
function sightOf(replica: Replica, server: string, clock: Clock): Pick<Common, "members" | "awayMs"> {
  const opened = clock.now();
  const lastReached = () => Math.max(opened, replica.beats().get(server)?.heardAt ?? opened);
  return {
    members: () => membersOf(replica, clock.now()),
    awayMs: () => (replica.status().state === "current" ? 0 : clock.now() - lastReached()),
  };
}

function describe(replica: Replica, pair: Pair | undefined): ClusterReport["state"] {
  const { trouble, ...status } = replica.status();
  return {
    ...{ ...status, ...(pair && { pair: pair.keeper.state }) },
    ...(trouble instanceof Error && { trouble: trouble.message }),
  };
}
