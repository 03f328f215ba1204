/**
 * Machines that are switched on together ask for the same loader: they read one open file, and what one of them has read
 * from the disk the others need not read again.
 */
import type { ServedFile } from "../../content/served-file.ts";
import { type Mode, openBody } from "./body.ts";
import { PieceCache, type Pieces } from "./piece-cache.ts";

/** A body in pieces that overlap: each holds whole blocks that begin in it. */
export interface PiecedBody {
  readonly size: number;
  /** Piece `index` begins at byte `index * step`; it reaches past the next one's beginning by the largest block. */
  readonly step: number;
  /** A piece that is in memory. It must not be written to. */
  loaded(index: number): Uint8Array | undefined;
  /** Reads a piece. Rejects when the disk fails or the file has changed. */
  load(index: number): Promise<void>;
  /** Reads a piece that will be wanted soon, if it is there and not in memory; without a word when it cannot. */
  prepare(index: number): void;
  close(): Promise<void>;
}

interface Shared extends Pieces {
  readers: number;
}

export class SharedBodies {
  /** By mode and tag: equal tags are equal bytes. */
  private readonly open = new Map<string, Shared>();
  private readonly cache: PieceCache;

  constructor(cache: PieceCache = new PieceCache()) {
    this.cache = cache;
  }

  /** As `openBody`; the file is closed with the last of its readers. */
  async take(file: ServedFile, mode: Mode): Promise<PiecedBody> {
    const key = `${mode} ${file.etag}`;
    const shared = this.open.get(key) ?? this.openAnew(key, file, mode);
    shared.readers += 1;
    try {
      const { size } = await shared.body;
      return this.pieced(size, shared, key);
    } catch (error) {
      await this.release(key, shared);
      throw error;
    }
  }

  private pieced(size: number, shared: Shared, key: string): PiecedBody {
    const { cache } = this;
    return {
      size,
      step: shared.step,
      loaded: (index) => cache.get(shared, index),
      load: (index) => cache.load(shared, index),
      prepare: (index) => {
        if (index * shared.step < size) cache.prepare(shared, index);
      },
      close: once(() => this.release(key, shared)),
    };
  }

  private openAnew(key: string, file: ServedFile, mode: Mode): Shared {
    const isArriving = file.segments.some((segment) => segment.kind === "disk" && segment.arrival !== undefined);
    const shared: Shared = { ...this.cache.piecesOf(openBody(file, mode), isArriving), readers: 0 };
    this.open.set(key, shared);
    return shared;
  }

  private async release(key: string, shared: Shared): Promise<void> {
    shared.readers -= 1;
    if (shared.readers > 0) return;
    this.open.delete(key);
    // A read that comes after the file is closed would open it anew, for nobody.
    await Promise.allSettled(shared.loading.values());
    this.cache.forget(shared);
    const body = await shared.body.catch(() => undefined);
    await body?.close();
  }
}

function once(task: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined;
  return () => {
    done ??= task();
    return done;
  };
}
