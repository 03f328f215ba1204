/** Pieces of the files that are being read, in memory up to a limit: what was not used of late goes first. */
import type { Body } from "./body.ts";

/** The largest `blksize` (RFC 2348). */
const OVERLAP = 65464;
/** Bytes from one piece's beginning to the next. */
const STEP = 512 << 10;
/** Of a file that is still being fetched: the first block goes out as soon as it is there. */
const ARRIVING_STEP = 64 << 10;
const LIMIT = 64 << 20;

/** Of one body. */
export interface Pieces {
  readonly body: Promise<Body>;
  readonly step: number;
  readonly loaded: Map<number, Piece>;
  readonly loading: Map<number, Promise<void>>;
}

interface Piece {
  readonly bytes: Uint8Array;
  readonly from: Pieces;
  readonly index: number;
  /** Since it was last passed over. */
  used: boolean;
}

export class PieceCache {
  private readonly limit: number;
  /** Oldest first; one that was used when its turn comes goes to the end. */
  private readonly all = new Set<Piece>();
  private held = 0;

  /** @param limit bytes; one piece more than that may be held */
  constructor(limit = LIMIT) {
    this.limit = limit;
  }

  piecesOf(body: Promise<Body>, isArriving: boolean): Pieces {
    return { body, step: isArriving ? ARRIVING_STEP : STEP, loaded: new Map(), loading: new Map() };
  }

  get(pieces: Pieces, index: number): Uint8Array | undefined {
    const piece = pieces.loaded.get(index);
    if (piece === undefined) return undefined;
    piece.used = true;
    return piece.bytes;
  }

  /** Many that want the same piece wait for one read of it. */
  load(pieces: Pieces, index: number): Promise<void> {
    const known = pieces.loading.get(index);
    if (known !== undefined) return known;
    // The disk may be well at the next try.
    const loading = this.read(pieces, index).finally(() => pieces.loading.delete(index));
    pieces.loading.set(index, loading);
    return loading;
  }

  prepare(pieces: Pieces, index: number): void {
    if (pieces.loaded.has(index) || pieces.loading.has(index)) return;
    this.load(pieces, index).catch(() => {
      // Whoever needs it reads it again, and is told.
    });
  }

  forget(pieces: Pieces): void {
    for (const piece of pieces.loaded.values()) this.drop(piece);
  }

  private async read(pieces: Pieces, index: number): Promise<void> {
    const body = await pieces.body;
    const bytes = await body.read(index * pieces.step, pieces.step + OVERLAP);
    const piece: Piece = { bytes, from: pieces, index, used: false };
    this.all.add(piece);
    pieces.loaded.set(index, piece);
    this.held += bytes.length;
    this.shrink(piece);
  }

  private shrink(newest: Piece): void {
    for (const piece of this.all) {
      if (this.held <= this.limit) return;
      if (piece === newest) continue;
      if (!piece.used) this.drop(piece);
      else {
        piece.used = false;
        this.all.delete(piece);
        this.all.add(piece);
      }
    }
  }

  private drop(piece: Piece): void {
    this.all.delete(piece);
    piece.from.loaded.delete(piece.index);
    this.held -= piece.bytes.length;
  }
}
