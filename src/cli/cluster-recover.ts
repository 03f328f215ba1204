/** `everboot cluster recover`: on with one server when most members of etcd are lost. */
import process from "node:process";
import { pino } from "pino";
import { systemClock } from "../base/clock.ts";
import { EverbootError } from "../base/errors.ts";
import { recoverCluster, refuseWhenAnyAnswers } from "../cluster/etcd/recover.ts";
import { writePairFile } from "../cluster/pair-file.ts";
import { peerOfPair } from "../cluster/pair-keeper.ts";
import { lockState } from "../cluster/state-folder.ts";
import { localInterfaces } from "../net/interfaces.ts";
import { chooseServer } from "../server/endpoint.ts";
import type { Site } from "../site/model.ts";
import { type ClusterAction, type ClusterArguments, requireClusterSite } from "./cluster-action.ts";
import type { Io } from "./command.ts";
import { wantPositionals } from "./options.ts";
import { stateFolder } from "./state-option.ts";

const USAGE = "everboot cluster recover --yes [--sole] [-c site.yaml] [--server NAME] [--state DIR]";

/** The ways on, and what is told of each. */
interface Way {
  /** Before it is done. */
  readonly warning: string;
  readonly next: readonly string[];
  /** Resolves when etcd is as it is to be. */
  readonly prepare: (site: Site, state: string, io: Io) => Promise<void>;
}

/** The lost members do not come back. */
const FOR_GOOD: Way = {
  warning:
    "makes a cluster of this server's member of etcd alone; what only the lost members had is lost. " +
    "They must be dead and stay so: with their old data they would be a second cluster",
  next: [
    "next: everboot up here",
    "then on each server that comes back, before its daemon starts: everboot cluster join; its old data of etcd are put aside",
    "take those that do not come back out of the site file, and run everboot apply",
  ],
  prepare: recoverEtcd,
};

/** The other server of a pair comes back some time. */
const FOR_NOW: Way = {
  warning: "the other server must be dead: if it serves too, a machine may be installed twice",
  next: ["next: everboot up here; when the other server is back, both agree by themselves"],
  prepare: ({ etcd = [] }) => refuseWhenAnyAnswers(etcd, systemClock),
};

export const recoverAlone: ClusterAction = async (args, io) => {
  wantPositionals(args.words, 0, 0, USAGE);
  const site = await requireClusterSite(args, io);
  const { name } = chooseServer(site, args.server, localInterfaces());
  const isPair = peerOfPair(site.servers.keys(), site.etcd?.length ?? 0, name) !== undefined;
  const way = wayOf(args, isPair);
  const state = stateFolder(args.state, io);
  const lock = lockState(state, process.pid);
  try {
    await way.prepare(site, state, io);
    if (isPair) writePairFile(state, "sole");
  } finally {
    lock.release();
  }
  io.out(`${name} goes on alone, with all that it knows`);
  for (const line of way.next) io.out(line);
  return 0;
};

/** @throws EverbootError `usage` without the operator's yes */
function wayOf({ sole = false, yes = false }: ClusterArguments, isPair: boolean): Way {
  if (sole && !isPair)
    throw new EverbootError("usage", { what: "--sole is for two servers with two members of etcd: leave it out" });
  const way = sole ? FOR_NOW : FOR_GOOD;
  if (!yes) throw new EverbootError("usage", { what: `${way.warning}: be sure, and run it again with --yes` });
  return way;
}

async function recoverEtcd({ etcd = [] }: Site, state: string, { env, signal }: Io): Promise<void> {
  const log = pino({ level: "warn" }, pino.destination(2));
  await recoverCluster({ state, endpoints: etcd, clock: systemClock, log, searchPath: env.PATH ?? "", signal });
}
