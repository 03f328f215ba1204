/**
 * The files that a pull-through mirror keeps, in the tree's folder:
 *
 *     pool/...                                       packages, named as upstream names them
 *     .everboot-mirror/<suite>/releases/<name>/      InRelease, Release, Release.gpg of one state of the suite
 *     .everboot-mirror/<suite>/by-hash/<sha256>      index files
 *     .everboot-mirror/temp/                         unfinished work; emptied at the start
 */
import { randomUUID } from "node:crypto";
import { mkdir, readdir, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { EverbootError, errnoOf } from "../base/errors.ts";
import type { FileHash } from "./apt-index.ts";
import { hashFile, hashStream, syncFolder, writeDurably } from "./durable.ts";
import { PRIVATE_PREFIX } from "./tree-path.ts";

const STATE = `${PRIVATE_PREFIX}mirror`;

/** Bytes on their way in, and when they were last changed, in milliseconds since 1970. */
export interface Delivery {
  readonly chunks: AsyncIterable<Uint8Array>;
  readonly modified?: number;
}

export class MirrorStore {
  private readonly root: string;
  /** Files whose bytes were hashed since the start: path to hash and version. */
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

  /** Names of the suites that something is kept of. */
  suites(): Promise<string[]> {
    return readdir(join(this.root, STATE));
  }

  /** Absolute path of the folder that holds one suite's state. */
  suiteFolder(suite: string): string {
    return join(this.root, STATE, suite);
  }

  objectPath(suite: string, hash: FileHash): string {
    return join(this.suiteFolder(suite), "by-hash", hash.sha256);
  }

  poolPath(path: string): string {
    return join(this.root, path);
  }

  /** A new empty folder for unfinished work, on the tree's file system. */
  async scratchFolder(): Promise<string> {
    const folder = join(this.tempFolder(), randomUUID());
    await mkdir(folder);
    return folder;
  }

  /**
   * Does `path` hold exactly these bytes? Each version of a file is read once in the life of the process, so that neither
   * a failing disk nor an editor makes us serve what nobody signed.
   */
  async holds(path: string, expected: FileHash): Promise<boolean> {
    const version = await versionOf(path);
    if (version?.size !== expected.size) return false;
    const proof = `${expected.sha256} ${version.text}`;
    if (this.verified.get(path) === proof) return true;
    if ((await hashFile(path)).sha256 !== expected.sha256) return false;
    this.verified.set(path, proof);
    return true;
  }

  /** Takes in a file. Throws EverbootError `upstream-mismatch`, and keeps nothing, when it is not the expected one. */
  async keep(path: string, expected: FileHash, delivery: Delivery): Promise<void> {
    await writeDurably(path, join(this.tempFolder(), randomUUID()), async (handle) => {
      let size = 0;
      const found = await hashStream(delivery.chunks, async (chunk) => {
        size += chunk.length;
        if (size > expected.size) throw mismatch(path, `more than ${expected.size} bytes`);
        await handle.writeFile(chunk);
      });
      if (found.size !== expected.size) throw mismatch(path, `${found.size} bytes in place of ${expected.size}`);
      if (found.sha256 !== expected.sha256) throw mismatch(path, `SHA-256 ${found.sha256}`);
      if (delivery.modified !== undefined) await handle.utimes(new Date(), new Date(delivery.modified));
    });
    const version = await versionOf(path);
    if (version !== undefined) this.verified.set(path, `${expected.sha256} ${version.text}`);
  }

  /** Makes the finished scratch folder `from` the folder `to`, in one step. */
  async adopt(from: string, to: string): Promise<void> {
    await mkdir(dirname(to), { recursive: true });
    await syncFolder(from);
    await rename(from, to);
    await syncFolder(dirname(to));
  }

  async remove(path: string): Promise<void> {
    this.verified.delete(path);
    await rm(path, { recursive: true, force: true });
  }

  private tempFolder(): string {
    return join(this.root, STATE, "temp");
  }
}

/** Names below `folder`, sorted; none when there is no such folder. */
export async function namesIn(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).sort();
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return [];
    throw error;
  }
}

async function versionOf(path: string): Promise<{ readonly text: string; readonly size: number } | undefined> {
  try {
    const info = await stat(path, { bigint: true });
    if (!info.isFile()) return undefined;
    return { text: `${info.ino}/${info.size}/${info.mtimeNs}/${info.ctimeNs}`, size: Number(info.size) };
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === "ENOENT" || errno === "ENOTDIR") return undefined;
    throw error;
  }
}

function mismatch(path: string, what: string): EverbootError {
  return new EverbootError("upstream-mismatch", {}, new Error(`${path}: ${what}`));
}
