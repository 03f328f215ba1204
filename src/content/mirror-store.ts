/**
 * The files that a pull-through mirror keeps, in the tree's folder beside the tree's versions, which hold the signed
 * files:
 *
 *     .everboot-mirror/files/...           packages, named as the upstream names them
 *     .everboot-mirror/by-hash/<digest>    index files
 *     .everboot-mirror/temp/               unfinished work; emptied at the start
 */
import { type BinaryLike, createHash, randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import { link, mkdir, readdir, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { EverbootError, errnoOf } from "../base/errors.ts";
import { syncFolder } from "./durable.ts";
import { PRIVATE_PREFIX } from "./tree-path.ts";

/** What a signed index says of a file: its size in bytes, and the digest of its bytes in lower-case hex. */
export type ExpectedFile =
  | { readonly size: number; readonly sha256: string }
  | { readonly size: number; readonly sha512: string };

/** Of what a list names, by path. */
export type FileIndex = ReadonlyMap<string, ExpectedFile>;

export function digestOf(expected: ExpectedFile): string {
  return "sha256" in expected ? expected.sha256 : expected.sha512;
}

/** Compares what flows by with what is expected. */
export class FileCheck {
  private readonly expected: ExpectedFile;
  private readonly hash;
  /** Bytes so far. */
  size = 0;

  constructor(expected: ExpectedFile) {
    this.expected = expected;
    this.hash = createHash("sha256" in expected ? "sha256" : "sha512");
  }

  update(chunk: BinaryLike & Uint8Array): void {
    this.size += chunk.length;
    this.hash.update(chunk);
  }

  /** Is it already longer than it should be? */
  get isTooLong(): boolean {
    return this.size > this.expected.size;
  }

  /** What is wrong with it now that it is at its end; undefined = nothing. */
  finish(): string | undefined {
    const { size } = this.expected;
    if (this.size !== size) return `${this.size} bytes in place of ${size}`;
    const digest = this.hash.digest("hex");
    return digest === digestOf(this.expected) ? undefined : `digest ${digest} in place of ${digestOf(this.expected)}`;
  }
}

const STATE = `${PRIVATE_PREFIX}mirror`;

export class MirrorStore {
  /** The tree's folder. */
  readonly root: string;
  /** Files whose bytes were hashed since the start: path to digest and version. */
  private readonly verified = new Map<string, string>();

  private constructor(root: string) {
    this.root = root;
  }

  /** Throws EverbootError `state-unwritable` when nothing can be kept there. */
  static async open(root: string): Promise<MirrorStore> {
    const store = new MirrorStore(root);
    const temp = store.tempFolder();
    try {
      await rm(temp, { recursive: true, force: true });
      await mkdir(temp, { recursive: true });
    } catch (error) {
      throw new EverbootError("state-unwritable", { path: temp, reason: errnoOf(error) ?? "unknown" }, error);
    }
    return store;
  }

  /** Absolute path of the folder that holds the packages. */
  filesFolder(): string {
    return join(this.root, STATE, "files");
  }

  filePath(path: string): string {
    return join(this.filesFolder(), path);
  }

  objectPath(expected: ExpectedFile): string {
    return join(this.objectsFolder(), digestOf(expected));
  }

  /** Digests of the index files that are kept. */
  async objects(): Promise<ReadonlySet<string>> {
    return new Set(await namesIn(this.objectsFolder()));
  }

  /** A name for unfinished work, on the tree's file system. */
  tempPath(): string {
    return join(this.tempFolder(), randomUUID());
  }

  /**
   * Does `path` hold exactly these bytes? Each version of a file is read once in the life of the process, so that neither
   * a failing disk nor an editor makes us serve what nobody signed.
   */
  async holds(path: string, expected: ExpectedFile): Promise<boolean> {
    const version = await versionOf(path);
    if (version?.size !== expected.size) return false;
    const proof = `${digestOf(expected)} ${version.text}`;
    if (this.verified.get(path) === proof) return true;
    const check = new FileCheck(expected);
    for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) check.update(chunk);
    if (check.finish() !== undefined) return false;
    this.verified.set(path, proof);
    return true;
  }

  /** Puts the checked file `temp`, which is on the disk, at `path` in one step; `temp` stays a name of it. */
  async adopt(temp: string, path: string, expected: ExpectedFile): Promise<void> {
    const second = this.tempPath();
    await mkdir(dirname(path), { recursive: true });
    await link(temp, second);
    await rename(second, path);
    await syncFolder(dirname(path));
    const version = await versionOf(path);
    if (version !== undefined) this.verified.set(path, `${digestOf(expected)} ${version.text}`);
  }

  /** Removes the index files but those with these digests. */
  async removeObjectsBut(live: ReadonlySet<string>): Promise<void> {
    for (const name of await namesIn(this.objectsFolder())) {
      if (!live.has(name)) await this.remove(join(this.objectsFolder(), name));
    }
  }

  async remove(path: string): Promise<void> {
    this.verified.delete(path);
    await rm(path, { recursive: true, force: true });
  }

  private tempFolder(): string {
    return join(this.root, STATE, "temp");
  }

  private objectsFolder(): string {
    return join(this.root, STATE, "by-hash");
  }
}

/** Names in `folder`, sorted; none when there is no such folder. */
async function namesIn(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).sort();
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return [];
    throw error;
  }
}

/** The time of the last change of names is left out: a file that is linked elsewhere has the same bytes. */
async function versionOf(path: string): Promise<{ readonly text: string; readonly size: number } | undefined> {
  try {
    const info = await stat(path, { bigint: true });
    if (!info.isFile()) return undefined;
    return { text: `${info.ino}/${info.size}/${info.mtimeNs}`, size: Number(info.size) };
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === "ENOENT" || errno === "ENOTDIR") return undefined;
    throw error;
  }
}
