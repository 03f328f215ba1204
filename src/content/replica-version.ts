/** Brings one version of a tree here from peers, whole; and mends one that is here. */
import { mkdir, readdir, readFile, rename, rm, statfs } from "node:fs/promises";
import { dirname, join } from "node:path";
import { EverbootError, errnoOf, errorText } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import { syncFolder } from "./durable.ts";
import { MANIFEST_NAME, type Manifest, parseManifest, writeManifest } from "./manifest.ts";
import { forgetDamage, isNotesFolder, notedVersions, noteRepair, REPLICA_NAME, readDamage } from "./replica-damage.ts";
import { type FetchOptions, fetchFiles, logTrouble } from "./replica-fetch.ts";
import { filesOfVersions, VersionIndexes } from "./replica-index.ts";
import { PeerTrouble, type TreePeer } from "./replica-peer.ts";
import { pieceKey, piecesOf } from "./replica-pieces.ts";
import { isSound, Staging } from "./replica-staging.ts";
import { versionFolder, versionId } from "./versions.ts";
import { publishVersion } from "./versions-change.ts";

export interface WantedVersion {
  /** The tree's name. */
  readonly tree: string;
  /** The tree's folder. */
  readonly root: string;
  readonly id: string;
}

/** By version of the tree: the peers that say they hold it; none of a peer that does not answer. Rejects when aborted. */
export async function askHolders(
  tree: string,
  peers: readonly TreePeer[],
  log: Log,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, readonly TreePeer[]>> {
  const ask = async (peer: TreePeer) => {
    try {
      return (await peer.versions(tree, signal)).map(({ id }) => ({ id, peer }));
    } catch (error) {
      if (!(error instanceof PeerTrouble)) throw error;
      logTrouble(log, peer, { tree, id: "any" }, error);
      return [];
    }
  };
  const told = (await Promise.all(peers.map(ask))).flat();
  const byId = Map.groupBy(told, ({ id }) => id);
  return new Map([...byId].map(([id, held]) => [id, held.map(({ peer }) => peer)]));
}

/**
 * True when the version is here, whole and checked; false when the peers, all of which have it, did not give all of it: what
 * has come is kept for the next time. Throws EverbootError `tree-no-room`, errors of the file system, and when aborted.
 */
export async function fetchVersion(
  wanted: WantedVersion,
  peers: readonly TreePeer[],
  options: FetchOptions,
): Promise<boolean> {
  const { tree, root, id } = wanted;
  const work = workFolder(root, id);
  await mkdir(work, { recursive: true });
  const manifest = (await keptManifest(work, id)) ?? (await manifestFromPeers(wanted, peers, options));
  if (!manifest) return false;
  await writeManifest(work, manifest);
  const staging = await openStaging(root, work, manifest, options);
  await requireRoom(wanted, manifest, staging);
  if (!(await fetchFiles({ tree, id, manifest, staging, peers }, options))) return false;
  await writeManifest(staging.files, manifest);
  await publishVersion(root, staging.files);
  await rm(work, { recursive: true, force: true });
  return true;
}

/**
 * Replaces the files of a version that are noted as damaged (`noteDamage`) by sound ones: from other versions, or from
 * `peers`. Replaced files are new ones: who reads an old one goes on with it.
 * @returns the paths that are whole again. Rejects as `fetchVersion` does.
 */
export async function repairVersion(
  wanted: WantedVersion,
  peers: readonly TreePeer[],
  options: FetchOptions,
): Promise<readonly string[]> {
  const { tree, root, id } = wanted;
  const damaged = await readDamage(root, id);
  const folder = versionFolder(root, id);
  const whole = (await keptManifest(folder, id)) ?? (await manifestFromPeers(wanted, peers, options));
  if (!whole) return [];
  const repaired: string[] = [];
  if (damaged.includes(MANIFEST_NAME)) {
    await writeManifest(folder, whole);
    repaired.push(MANIFEST_NAME);
  }
  const manifest = new Map([...whole].filter(([path]) => damaged.includes(path)));
  const work = workFolder(root, `${id}-repair`);
  const staging = await openStaging(root, work, manifest, options);
  await fetchFiles({ tree, id, manifest, staging, peers }, options);
  for (const [path, file] of manifest) {
    if (!(await isSound(join(staging.files, path), file))) continue;
    await replace(join(staging.files, path), join(folder, path));
    repaired.push(path);
  }
  await noteRepair(root, id, repaired);
  await rm(work, { recursive: true, force: true });
  return repaired;
}

/**
 * Removes what was begun of versions that are not `lacking` any more, and what is noted of versions that are gone.
 * @param here ids of the versions that are here
 */
export async function clearWork(root: string, lacking: readonly string[], here: readonly string[]): Promise<void> {
  const gone = (await notedVersions(root)).filter((id) => !here.includes(id));
  for (const id of gone) await forgetDamage(root, id);
  const names = await readdir(join(root, REPLICA_NAME)).catch((error: unknown) => {
    if (errnoOf(error) === "ENOENT") return [];
    throw error;
  });
  const useless = names.filter((name) => !isNotesFolder(name) && !lacking.includes(name));
  for (const name of useless) await rm(workFolder(root, name), { recursive: true, force: true });
}

/** Where a version is made ready. */
function workFolder(root: string, name: string): string {
  return join(root, REPLICA_NAME, name);
}

async function openStaging(root: string, work: string, manifest: Manifest, { clock }: FetchOptions): Promise<Staging> {
  const elsewhere = await filesOfVersions(root, new VersionIndexes());
  return Staging.open(work, manifest, elsewhere, () => clock.now());
}

async function keptManifest(folder: string, id: string): Promise<Manifest | undefined> {
  try {
    return manifestOf(await readFile(join(folder, MANIFEST_NAME), "utf8"), id);
  } catch (error) {
    if (errnoOf(error) !== undefined) return undefined;
    throw error;
  }
}

/** Undefined when the text is not the manifest that the id stands for. */
function manifestOf(text: string, id: string): Manifest | undefined {
  const manifest = parseManifest(text);
  return "badLine" in manifest || versionId(manifest) !== id ? undefined : manifest;
}

/** Of the first peer that gives the right one. */
async function manifestFromPeers(
  wanted: WantedVersion,
  peers: readonly TreePeer[],
  { signal, log }: FetchOptions,
): Promise<Manifest | undefined> {
  const { tree, id } = wanted;
  for (const peer of peers) {
    try {
      const manifest = manifestOf(await peer.manifest(tree, id, signal), id);
      if (manifest) return manifest;
      log.warn({}, errorText("tree-peer-wrong", { server: peer.name, tree, version: id, path: MANIFEST_NAME }));
    } catch (error) {
      if (!(error instanceof PeerTrouble)) throw error;
      logTrouble(log, peer, wanted, error);
    }
  }
  return undefined;
}

async function requireRoom({ tree, root }: WantedVersion, manifest: Manifest, staging: Staging): Promise<void> {
  const have = staging.have();
  const files = new Map([...manifest.values()].map((file) => [file.sha256, file]));
  const lacking = [...files.values()].flatMap(piecesOf).filter((piece) => !have.has(pieceKey(piece)));
  const needed = lacking.reduce((sum, { length }) => sum + length, 0);
  const { bavail, bsize } = await statfs(root);
  const free = bavail * bsize;
  if (free < needed) throw new EverbootError("tree-no-room", { tree, needed, free, path: root });
}

async function replace(from: string, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true });
  await rename(from, to);
  await syncFolder(dirname(to));
}
