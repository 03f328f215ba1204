/** `everboot cluster init`, `join` and `witness`: how machines come into the cluster of a site. */
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import process from "node:process";
import { pino } from "pino";
import { type Clock, systemClock } from "../base/clock.ts";
import { EverbootError } from "../base/errors.ts";
import { type Enrolled, enrol } from "../cluster/etcd/enrol.ts";
import { findEtcd, startEtcdMember } from "../cluster/etcd/member.ts";
import { type EtcdPlace, etcdPlaces } from "../cluster/etcd/places.ts";
import { lockState } from "../cluster/state-folder.ts";
import { localInterfaces } from "../net/interfaces.ts";
import { chooseServer } from "../server/endpoint.ts";
import { createSiteKey, loadSiteKey, takeSiteKey } from "../server/peers/site-key.ts";
import type { Site } from "../site/model.ts";
import { type ClusterAction, requireClusterSite } from "./cluster-action.ts";
import type { Io } from "./command.ts";
import { wantPositionals } from "./options.ts";
import { stateFolder } from "./state-option.ts";

export const initCluster: ClusterAction = async (args, io) => {
  wantPositionals(args.words, 0, 0, "everboot cluster init [-c site.yaml] [--server NAME] [--state DIR]");
  const site = await requireClusterSite(args, io);
  const { name } = chooseServer(site, args.server, localInterfaces());
  const state = makeFolder(args.state, io);
  await enrolServer(site, name, state, true, io);
  const isNew = (await loadSiteKey(state)) === undefined;
  if (isNew) await createSiteKey(state);
  io.out(`${isNew ? "made" : "kept"} ${join(state, "cluster.key")}, the secret that the servers of ${site.name} share`);
  for (const line of nextSteps(site, name)) io.out(line);
  return 0;
};

export const joinCluster: ClusterAction = async (args, io) => {
  wantPositionals(args.words, 0, 0, "everboot cluster join --key FILE [-c site.yaml] [--server NAME] [--state DIR]");
  const site = await requireClusterSite(args, io);
  const { name } = chooseServer(site, args.server, localInterfaces());
  const state = makeFolder(args.state, io);
  await takeKey(args.key, state, io);
  await enrolServer(site, name, state, false, io);
  io.out("next: everboot up, with the site file that the others have");
  return 0;
};

export const runWitness: ClusterAction = async (args, io) => {
  wantPositionals(args.words, 0, 0, "everboot cluster witness [-c site.yaml] [--state DIR]");
  const site = await requireClusterSite(args, io);
  const place = witnessHere(site);
  const state = makeFolder(args.state, io);
  if ((await enrolAt(site, place, state, false, io)) === "runs") throw answersAlready(place);
  const lock = lockState(state, process.pid);
  const log = pino({ level: "info" }, pino.destination(2));
  // Between the end of one etcd and the start of the next there is nothing else that keeps this process alive.
  const alive = setInterval(() => undefined, 60_000);
  try {
    const etcd = await startEtcdMember({
      ...{ state, endpoints: site.etcd ?? [], clock: systemClock, log, searchPath: io.env.PATH ?? "" },
    });
    io.out(`ready: ${place.name} of site ${site.name}, member of etcd at ${place.clientUrl}`);
    if (!io.signal.aborted) await once(io.signal, "abort");
    await etcd.stop();
  } finally {
    clearInterval(alive);
    lock.release();
  }
  return 0;
};

function makeFolder(given: string | undefined, io: Io): string {
  const state = stateFolder(given, io);
  try {
    mkdirSync(state, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new EverbootError("state-unwritable", { path: state, reason: String(error) }, error);
  }
  return state;
}

async function takeKey(file: string | undefined, state: string, io: Io): Promise<void> {
  if (file !== undefined) return takeSiteKey(state, resolve(io.cwd, file));
  if (await loadSiteKey(state)) return;
  throw new EverbootError("usage", { what: "name the copy of the first server's cluster.key with --key FILE" });
}

async function enrolServer(site: Site, name: string, state: string, founding: boolean, io: Io): Promise<void> {
  const place = etcdPlaces(site).find((each) => each.isServer && each.name === name);
  if (place?.canRun) await enrolAt(site, place, state, founding, io);
  else io.out(`no etcd is run by ${name}: \`state\` names ${place ? "it with TLS, so you run it" : "none there"}`);
}

/** Tells what was found and done. */
async function enrolAt(site: Site, place: EtcdPlace, state: string, founding: boolean, io: Io): Promise<Enrolled> {
  const kind = await enrol({
    ...{ state, place, places: etcdPlaces(site), endpoints: site.etcd ?? [], clock: waitingClock, founding },
    pid: process.pid,
  });
  io.out(enrolmentText(kind, place));
  if (kind !== "runs") findEtcd(io.env.PATH ?? "");
  return kind;
}

function enrolmentText(kind: Enrolled, { name, clientUrl }: EtcdPlace): string {
  const member = `${name}: member of etcd at ${clientUrl}`;
  switch (kind) {
    case "runs":
      return `${member} answers already`;
    case "ready":
      return `${member} is set up already`;
    case "bootstrap":
      return `${member} will start together with the others`;
    case "adopt":
    case "add":
    case "replace":
      return `${member} comes into the cluster that runs; it has a vote when it has caught up`;
  }
}

/** Unlike the system's, it keeps the command alive while it waits for etcd. */
const waitingClock: Clock = {
  now: () => Date.now(),
  after(ms, task) {
    const handle = setTimeout(task, ms);
    return { cancel: () => clearTimeout(handle) };
  },
};

function nextSteps(site: Site, name: string): string[] {
  const others = [...site.servers.keys()].filter((each) => each !== name);
  const witnesses = etcdPlaces(site).filter(({ isServer, canRun }) => !isServer && canRun);
  return [
    `next, on ${others.join(", ")}: everboot cluster join --key FILE, with a copy of cluster.key and the same site file`,
    ...witnesses.map(({ clientUrl }) => `next, on ${new URL(clientUrl).hostname}: everboot cluster witness`),
    "then everboot up on each server",
  ];
}

function witnessHere(site: Site): EtcdPlace {
  const witnesses = etcdPlaces(site).filter(({ isServer, canRun }) => !isServer && canRun);
  const local = new Set<string>(localInterfaces().map(({ address }) => address));
  const found = witnesses.find(({ clientUrl }) => local.has(new URL(clientUrl).hostname));
  if (found) return found;
  const named = witnesses.map(({ clientUrl }) => clientUrl).join(", ") || "none: add its URL";
  throw new EverbootError("usage", { what: `this machine has the address of no witness under \`state\` (${named})` });
}

function answersAlready({ clientUrl }: EtcdPlace): EverbootError {
  return new EverbootError("cluster-refused", {
    what: `etcd answers at ${clientUrl} already`,
    todo: "end that one first, or leave it to be the witness",
  });
}
