/** Making the files of a new version ready: read once, hashed, held against the medium's lists, on the disk. */
import { createHash, type Hash } from "node:crypto";
import { createReadStream } from "node:fs";
import { link, mkdir, open, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { errnoOf } from "../base/errors.ts";
import type { FileHash } from "./apt-index.ts";
import { fillDurably, hashFile } from "./durable.ts";
import type { WantedHash } from "./import-check-list.ts";
import type { ImportFile } from "./import-source.ts";
import type { Manifest } from "./manifest.ts";

export interface StagedFile extends FileHash {
  /** Inside the tree. */
  readonly path: string;
}

/** A version whose files the new one has too, unless it brings others. */
export interface BaseVersion {
  readonly folder: string;
  readonly manifest: Manifest;
}

export interface StageOptions {
  /** By path inside the tree. */
  readonly wanted: ReadonlyMap<string, readonly WantedHash[]>;
  readonly base: BaseVersion | undefined;
  readonly refuse: (reason: string) => never;
  /** Bytes that were read, of all that will be. */
  readonly onBytes: (done: number, total: number) => void;
  readonly signal?: AbortSignal | undefined;
}

/** Brings `files` into the folder `staging`. Throws system errors, and what `refuse` and the signal do. */
export async function stageFiles(
  files: readonly ImportFile[],
  staging: string,
  options: StageOptions,
): Promise<StagedFile[]> {
  const total = await totalSize(files);
  const staged: StagedFile[] = [];
  let done = 0;
  for (const file of files) {
    const read = (bytes: number) => {
      options.signal?.throwIfAborted();
      done += bytes;
      options.onBytes(done, total);
    };
    staged.push({ path: file.to, ...(await stageFile(file, staging, options, read)) });
  }
  return staged;
}

async function totalSize(files: readonly ImportFile[]): Promise<number> {
  let total = 0;
  for (const { from } of files) total += (await stat(from)).size;
  return total;
}

async function stageFile(
  { from, to, link: mayLink }: ImportFile,
  staging: string,
  options: StageOptions,
  read: (bytes: number) => void,
): Promise<FileHash> {
  const target = join(staging, to);
  await mkdir(dirname(target), { recursive: true });
  const wanted = options.wanted.get(to) ?? [];
  const pass = new HashPass(wanted, read);
  const hash = mayLink && (await tryLink(from, target)) ? await pass.linked(target) : await pass.copied(from, target);
  const wrong = pass.firstWrong();
  if (wrong !== undefined) options.refuse(`${to} is not what ${wrong.by} says: the medium is damaged`);
  await shareWithBase(target, to, hash, options.base);
  return hash;
}

/** One reading of a file, for all of the hashes that are wanted of it. */
class HashPass {
  private readonly wanted: readonly WantedHash[];
  private readonly read: (bytes: number) => void;
  private readonly hashes: ReadonlyMap<string, Hash>;
  private readonly results = new Map<string, string>();

  constructor(wanted: readonly WantedHash[], read: (bytes: number) => void) {
    this.wanted = wanted;
    this.read = read;
    const algorithms = new Set(["sha256", ...wanted.map(({ algorithm }) => algorithm)]);
    this.hashes = new Map([...algorithms].map((algorithm) => [algorithm, createHash(algorithm)]));
  }

  /** Of a file that is in its place. Whoever wrote it may not have waited for the disk; syncing takes no leave to write. */
  async linked(path: string): Promise<FileHash> {
    const handle = await open(path, "r");
    try {
      const hash = await this.run(handle.createReadStream({ autoClose: false, highWaterMark: CHUNK }));
      await handle.sync();
      return hash;
    } finally {
      await handle.close();
    }
  }

  copied(from: string, to: string): Promise<FileHash> {
    return fillDurably(to, (handle) =>
      this.run(createReadStream(from, { highWaterMark: CHUNK }), (chunk) => handle.writeFile(chunk)),
    );
  }

  /** After the reading: the first hash that is not as wanted. */
  firstWrong(): WantedHash | undefined {
    return this.wanted.find(({ algorithm, hex }) => this.results.get(algorithm) !== hex);
  }

  private async run(
    chunks: AsyncIterable<Uint8Array>,
    each: (chunk: Uint8Array) => Promise<unknown> = async () => undefined,
  ): Promise<FileHash> {
    let size = 0;
    for await (const chunk of chunks) {
      for (const hash of this.hashes.values()) hash.update(chunk);
      size += chunk.length;
      await each(chunk);
      this.read(chunk.length);
    }
    for (const [algorithm, hash] of this.hashes) this.results.set(algorithm, hash.digest("hex"));
    return { size, sha256: this.results.get("sha256") ?? "" };
  }
}

const CHUNK = 1 << 20;

/** Does the file have these hashes? @returns the first that it has not. */
export async function firstWrongHash(
  path: string,
  wanted: readonly WantedHash[],
  read: (bytes: number) => void,
): Promise<WantedHash | undefined> {
  const pass = new HashPass(wanted, read);
  await pass.linked(path);
  return pass.firstWrong();
}

/** The same bytes need no second place on the disk. Those of the base are read again: it may have been spoiled. */
async function shareWithBase(
  target: string,
  path: string,
  hash: FileHash,
  base: BaseVersion | undefined,
): Promise<void> {
  if (base?.manifest.get(path)?.sha256 !== hash.sha256) return;
  const old = join(base.folder, path);
  if ((await isSameFile(old, target)) || !(await isWhole(old, hash))) return;
  await rm(target);
  await linkOrCopy(old, target);
}

async function isSameFile(one: string, other: string): Promise<boolean> {
  const [a, b] = await Promise.all([one, other].map((path) => stat(path).catch(() => undefined)));
  return a !== undefined && a.ino === b?.ino && a.dev === b.dev;
}

async function isWhole(path: string, { sha256 }: FileHash): Promise<boolean> {
  const found = await hashFile(path).catch((error: unknown) => {
    if (errnoOf(error) === undefined) throw error;
    return undefined;
  });
  return found?.sha256 === sha256;
}

/** Adds to `staging` what `base` has besides `staged`. */
export async function linkBase(
  base: BaseVersion,
  staged: readonly StagedFile[],
  staging: string,
): Promise<readonly StagedFile[]> {
  const brought = new Set(staged.map(({ path }) => path));
  const kept = [...base.manifest].filter(([path]) => !brought.has(path));
  for (const [path] of kept) {
    const target = join(staging, path);
    await mkdir(dirname(target), { recursive: true });
    await linkOrCopy(join(base.folder, path), target);
  }
  return kept.map(([path, hash]) => ({ path, ...hash }));
}

async function linkOrCopy(from: string, to: string): Promise<void> {
  if (!(await tryLink(from, to))) await new HashPass([], () => undefined).copied(from, to);
}

/** Packages need no second place on the disk, when it is the same disk and its file system can do it. */
async function tryLink(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if (!["EXDEV", "EPERM", "EMLINK", "ENOTSUP"].includes(errnoOf(error) ?? "")) throw error;
    return false;
  }
}
