/**
 * Files of a version while they are fetched: a folder beside the versions, in which all that is whole lies at its path
 * and checked, and pieces of the others wait. A kill costs what was not yet written.
 */
import { randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import { constants, copyFile, link, mkdir, open, readFile, rm, stat, utimes } from "node:fs/promises";
import { dirname, join } from "node:path";
import { errnoOf } from "../base/errors.ts";
import type { FileHash } from "./apt-index.ts";
import { hashFile, hashStream, writeDurably } from "./durable.ts";
import type { Manifest } from "./manifest.ts";
import type { FetchedPiece } from "./replica-peer.ts";
import { isWholeFile, type Piece, pieceKey, piecesOf } from "./replica-pieces.ts";

/** Finds files of this hash that this server may have elsewhere; they are checked before they count. */
export type Elsewhere = (sha256: string) => readonly string[];

/** `rotten`: all pieces are as the cut says, and the file is not what the manifest says. */
export type PutOutcome = "part" | "whole" | "rotten";

interface Wanted extends FileHash {
  /** At least one; all get the same file. */
  readonly paths: readonly string[];
  /** Keys of pieces that are not here. */
  readonly lacking: Set<string>;
}

export class Staging {
  /** Where files lie at their paths once they are whole. */
  readonly files: string;
  private readonly parts: string;
  private readonly now: () => number;
  /** By hash of the file: the hashes of its pieces. */
  private readonly cuts = new Map<string, readonly string[]>();
  /** By hash. */
  private readonly wanted: ReadonlyMap<string, Wanted>;

  private constructor(folder: string, manifest: Manifest, now: () => number) {
    this.files = join(folder, "files");
    this.parts = join(folder, "parts");
    this.now = now;
    this.wanted = wantedOf(manifest);
  }

  /**
   * Goes on with what an earlier process left: all of it is read and checked. Rejects with errors of the file system.
   * @param folder for these files alone, on the file system on which they are wanted
   * @param now in milliseconds since 1970: nothing is dated later than that
   */
  static async open(folder: string, manifest: Manifest, elsewhere: Elsewhere, now: () => number): Promise<Staging> {
    const staging = new Staging(folder, manifest, now);
    for (const path of [staging.files, staging.parts]) await mkdir(path, { recursive: true });
    for (const wanted of staging.wanted.values()) await staging.find(wanted, elsewhere);
    return staging;
  }

  /** `pieceKey` of all pieces that are here. */
  have(): ReadonlySet<string> {
    const all = [...this.wanted.values()].flatMap((file) =>
      piecesOf(file)
        .map(pieceKey)
        .filter((key) => !file.lacking.has(key)),
    );
    return new Set(all);
  }

  /** Hashes of the pieces of a file that is cut, if they are known here. */
  async cut(sha256: string): Promise<readonly string[] | undefined> {
    const known = this.cuts.get(sha256) ?? (await readCut(this.cutPath(sha256)));
    if (known) this.cuts.set(sha256, known);
    return known;
  }

  async keepCut(sha256: string, pieces: readonly string[]): Promise<void> {
    const path = this.cutPath(sha256);
    await writeDurably(path, `${path}.${randomUUID()}`, (handle) => handle.writeFile(`${pieces.join("\n")}\n`));
    this.cuts.set(sha256, pieces);
  }

  /** Takes bytes that are what the piece's hash says. After `rotten` no piece of the file is here any more. */
  async put(piece: Piece, { bytes, modified }: FetchedPiece): Promise<PutOutcome> {
    const wanted = this.wanted.get(piece.sha256);
    if (!wanted) throw new Error(`${piece.sha256} is in no manifest`);
    const part = this.partPath(piece.sha256);
    await writeAt(part, bytes, piece.offset);
    wanted.lacking.delete(pieceKey(piece));
    if (wanted.lacking.size > 0) return "part";
    const sound = isWholeFile(piece) || (await isSound(part, wanted));
    if (!sound) {
      await this.drop(wanted);
      return "rotten";
    }
    await settleOnDisk(part, Math.min(modified, this.now()));
    await this.place(part, wanted.paths);
    await this.clear(piece.sha256);
    return "whole";
  }

  private async find(wanted: Wanted, elsewhere: Elsewhere): Promise<void> {
    const whole = (await this.findPlaced(wanted)) ?? (await firstSound(elsewhere(wanted.sha256), wanted));
    if (whole === undefined) {
      await this.findPieces(wanted);
      return;
    }
    await this.place(whole, wanted.paths);
    wanted.lacking.clear();
  }

  /** One of its places where it is whole; damaged ones are cleared away. */
  private async findPlaced({ paths, ...file }: Wanted): Promise<string | undefined> {
    let found: string | undefined;
    for (const path of paths.map((each) => join(this.files, each))) {
      if (await isSound(path, file)) found ??= path;
      else await rm(path, { force: true, recursive: true });
    }
    return found;
  }

  private async findPieces({ lacking, ...file }: Wanted): Promise<void> {
    const part = this.partPath(file.sha256);
    const hashes = await this.cut(file.sha256);
    const pieces = piecesOf(file);
    if (hashes?.length !== pieces.length || !(await exists(part))) {
      await rm(part, { force: true });
      return;
    }
    for (const [index, piece] of pieces.entries()) {
      if ((await hashPart(part, piece)) === hashes[index]) lacking.delete(pieceKey(piece));
    }
    // All pieces, and yet it was not put in its place: it was being checked. The last piece brings that about again.
    const last = pieces.at(-1);
    if (lacking.size === 0 && last) lacking.add(pieceKey(last));
  }

  private async place(whole: string, paths: readonly string[]): Promise<void> {
    for (const path of paths.map((each) => join(this.files, each))) {
      if (path === whole || (await exists(path))) continue;
      await mkdir(dirname(path), { recursive: true });
      await linkOrCopy(whole, path);
    }
  }

  private async drop(wanted: Wanted): Promise<void> {
    await this.clear(wanted.sha256);
    for (const piece of piecesOf(wanted)) wanted.lacking.add(pieceKey(piece));
  }

  private async clear(sha256: string): Promise<void> {
    this.cuts.delete(sha256);
    for (const path of [this.partPath(sha256), this.cutPath(sha256)]) await rm(path, { force: true });
  }

  private partPath(sha256: string): string {
    return join(this.parts, sha256);
  }

  private cutPath(sha256: string): string {
    return join(this.parts, `${sha256}.pieces`);
  }
}

function wantedOf(manifest: Manifest): ReadonlyMap<string, Wanted> {
  const byHash = Map.groupBy(manifest, ([, { sha256 }]) => sha256);
  return new Map(
    [...byHash].map(([sha256, entries]) => {
      const size = entries[0]?.[1].size ?? 0;
      const paths = entries.map(([path]) => path);
      return [sha256, { sha256, size, paths, lacking: new Set(piecesOf({ sha256, size }).map(pieceKey)) }];
    }),
  );
}

/** Is this a file with these bytes? */
export async function isSound(path: string, { size, sha256 }: FileHash): Promise<boolean> {
  try {
    const info = await stat(path);
    return info.isFile() && info.size === size && (await hashFile(path)).sha256 === sha256;
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return false;
  }
}

async function firstSound(paths: readonly string[], file: FileHash): Promise<string | undefined> {
  for (const path of paths) if (await isSound(path, file)) return path;
  return undefined;
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}

async function readCut(path: string): Promise<readonly string[] | undefined> {
  try {
    return (await readFile(path, "utf8")).trimEnd().split("\n");
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

async function hashPart(path: string, { offset, length }: Piece): Promise<string> {
  const stream = createReadStream(path, { start: offset, end: offset + length - 1, highWaterMark: 1 << 20 });
  return (await hashStream(stream)).sha256;
}

async function writeAt(path: string, bytes: Uint8Array, offset: number): Promise<void> {
  const handle = await open(path, constants.O_WRONLY | constants.O_CREAT, 0o644);
  try {
    for (let done = 0; done < bytes.length; ) {
      const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, offset + done);
      done += bytesWritten;
    }
  } finally {
    await handle.close();
  }
}

async function settleOnDisk(path: string, modified: number): Promise<void> {
  await utimes(path, new Date(modified), new Date(modified));
  const handle = await open(path, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function linkOrCopy(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch (error) {
    if (!["EXDEV", "EPERM", "EMLINK", "ENOTSUP"].includes(errnoOf(error) ?? "")) throw error;
    await copyFile(from, to);
    const { mtime } = await stat(from);
    await settleOnDisk(to, mtime.getTime());
  }
}
