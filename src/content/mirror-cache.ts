/** Which packages of a pull-through mirror make room for others: those that were not asked for the longest. */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../base/clock.ts";
import { errnoOf } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import { walkFiles } from "./walk.ts";

export interface CacheOptions {
  /** Absolute path of the folder with the packages; need not be there. */
  readonly folder: string;
  /** Bytes that it may hold; undefined = no bound. */
  readonly limit?: number;
  /** What was asked for within so many milliseconds stays: an install run is likely to ask for it again. */
  readonly hot: number;
  readonly clock: Clock;
  readonly log: Log;
  readonly remove: (path: string) => Promise<void>;
}

interface Entry {
  readonly size: number;
  /** Milliseconds since 1970. */
  readonly used: number;
}

export class MirrorCache {
  private readonly options: CacheOptions;
  /** By absolute path; the one that was not used the longest comes first. */
  private readonly entries = new Map<string, Entry>();
  /** Bytes of the entries. */
  private kept = 0;
  /** Bytes that are on their way in. */
  private reserved = 0;

  private constructor(options: CacheOptions) {
    this.options = options;
  }

  /** What is there already goes by the time of its last access, as far as the file system keeps that. */
  static async open(options: CacheOptions): Promise<MirrorCache> {
    const cache = new MirrorCache(options);
    if (options.limit === undefined) return cache;
    const found = await findFiles(options.folder);
    for (const [path, entry] of found.sort(([, a], [, b]) => a.used - b.used)) cache.add(path, entry);
    return cache;
  }

  /** The package `path` of `size` bytes is kept, and was asked for now. Other files are not counted. */
  use(path: string, size: number): void {
    if (this.options.limit === undefined || !path.startsWith(`${this.options.folder}/`)) return;
    this.forget(path);
    this.add(path, { size, used: this.options.clock.now() });
  }

  /** Makes room for `bytes` that come in, until `release`. What is hot stays, even if the bound cannot be kept then. */
  async reserve(bytes: number): Promise<void> {
    this.reserved += bytes;
    const { limit, clock, hot, remove, log } = this.options;
    if (limit === undefined) return;
    for (const [path, { used }] of this.entries) {
      if (this.kept + this.reserved <= limit) return;
      if (clock.now() - used < hot) break;
      this.forget(path);
      await remove(path);
    }
    const over = this.kept + this.reserved - limit;
    if (over > 0) log.warn({ over, limit }, "the mirror keeps more than its bound: all of it was asked for of late");
  }

  release(bytes: number): void {
    this.reserved -= bytes;
  }

  private add(path: string, entry: Entry): void {
    this.entries.set(path, entry);
    this.kept += entry.size;
  }

  private forget(path: string): void {
    this.kept -= this.entries.get(path)?.size ?? 0;
    this.entries.delete(path);
  }
}

async function findFiles(folder: string): Promise<[string, Entry][]> {
  const found: [string, Entry][] = [];
  try {
    for await (const path of walkFiles(folder)) {
      const info = await stat(join(folder, path));
      found.push([join(folder, path), { size: info.size, used: Math.max(info.atimeMs, info.mtimeMs) }]);
    }
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") throw error;
  }
  return found;
}
