/** Looks for bit rot: reads what is here, slowly, and compares it with the manifests. */
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { errnoOf } from "../base/errors.ts";
import type { FileHash } from "./apt-index.ts";
import { hashStream } from "./durable.ts";
import { MANIFEST_NAME, type TreeDifference } from "./manifest.ts";
import type { VersionIndexes } from "./replica-index.ts";
import type { Throttle } from "./replica-throttle.ts";
import { versionFolder } from "./versions.ts";
import { walkFiles } from "./walk.ts";

export interface ScrubFinding {
  /** Inside the version. */
  readonly path: string;
  /** `extra`: no manifest has it; it does no harm. */
  readonly problem: TreeDifference["problem"] | "unreadable";
}

export interface ScrubOptions {
  readonly indexes: VersionIndexes;
  /** Of reading. */
  readonly throttle: Throttle;
  readonly signal: AbortSignal;
  /** From 0 to less than 1: where to begin. A daemon that is often restarted comes to all files in the end. */
  readonly random: () => number;
}

interface Pass extends ScrubOptions {
  /** Files that were found sound: those that versions share are read once. */
  readonly sound: Set<string>;
}

/** Once over all `versions`: what is not as the manifests say, as it is found. */
export async function* scrub<T extends { readonly root: string; readonly id: string }>(
  versions: readonly T[],
  options: ScrubOptions,
): AsyncGenerator<ScrubFinding & { readonly version: T }> {
  const pass = { ...options, sound: new Set<string>() };
  for (const version of rotate(versions, options.random())) {
    for await (const finding of scrubVersion(version.root, version.id, pass)) yield { ...finding, version };
  }
}

/** Ends without a finding when the version goes away meanwhile. */
async function* scrubVersion(root: string, id: string, pass: Pass): AsyncGenerator<ScrubFinding> {
  const folder = versionFolder(root, id);
  const index = await pass.indexes.find(root, id);
  if (!index) {
    if (await isThere(folder)) yield { path: MANIFEST_NAME, problem: "hash" };
    return;
  }
  for (const [path, file] of rotate([...index.manifest], pass.random())) {
    const problem = await check(join(folder, path), file, pass);
    if (problem === undefined) continue;
    if (!(await isThere(folder))) return;
    yield { path, problem };
  }
  yield* extras(folder, index.manifest);
}

/** The same list, begun at another place. */
function rotate<T>(list: readonly T[], begin: number): readonly T[] {
  const at = Math.floor(begin * list.length);
  return [...list.slice(at), ...list.slice(0, at)];
}

async function check(path: string, file: FileHash, pass: Pass): Promise<ScrubFinding["problem"] | undefined> {
  pass.signal.throwIfAborted();
  try {
    const { dev, ino, size } = await stat(path);
    if (size !== file.size) return "size";
    const known = `${dev} ${ino} ${file.sha256}`;
    if (pass.sound.has(known)) return undefined;
    const stream = createReadStream(path, { highWaterMark: 1 << 20 });
    const { sha256 } = await hashStream(stream, (chunk) => pass.throttle.take(chunk.length, pass.signal));
    if (sha256 !== file.sha256) return "hash";
    pass.sound.add(known);
    return undefined;
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === undefined) throw error;
    return errno === "ENOENT" || errno === "ENOTDIR" ? "missing" : "unreadable";
  }
}

async function* extras(folder: string, manifest: ReadonlyMap<string, FileHash>): AsyncGenerator<ScrubFinding> {
  try {
    for await (const path of walkFiles(folder)) if (!manifest.has(path)) yield { path, problem: "extra" };
  } catch (error) {
    if (errnoOf(error) !== "ENOENT" || (await isThere(folder))) throw error;
  }
}

async function isThere(folder: string): Promise<boolean> {
  return (await stat(folder).catch(() => undefined)) !== undefined;
}
