/**
 * Files cut into pieces, which are what one server fetches from another: each is checked by itself, may come from any
 * peer, and is kept when the rest is lost.
 */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import type { FileHash } from "./apt-index.ts";

/** Most packages are one piece; an image of 4 GB is a thousand. Also what one request holds in memory. */
export const PIECE_BYTES = 4 << 20;

/** `length` bytes from `offset` of the file with this size and hash. */
export interface Piece extends FileHash {
  readonly offset: number;
  readonly length: number;
}

/** In their order. An empty file is one piece of no bytes. */
export function piecesOf({ size, sha256 }: FileHash): readonly Piece[] {
  return Array.from({ length: Math.max(1, Math.ceil(size / PIECE_BYTES)) }, (_, index) => {
    const offset = index * PIECE_BYTES;
    return { size, sha256, offset, length: Math.min(PIECE_BYTES, size - offset) };
  });
}

/** Tells a piece from all others of a tree. */
export function pieceKey({ sha256, offset }: Piece): string {
  return `${sha256} ${offset}`;
}

/** Such a piece is checked by the file's own hash. */
export function isWholeFile({ length, size }: Piece): boolean {
  return length === size;
}

export function sha256Of(bytes: Uint8Array | string): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** What a file on the disk is, and its pieces are: SHA-256 in lower-case hex. */
export interface CutFile extends FileHash {
  readonly pieces: readonly string[];
}

/** Reads the file once; `pace` is awaited for each part that was read. */
export async function cutFile(
  path: string,
  pace: (bytes: number) => Promise<void> = async () => undefined,
): Promise<CutFile> {
  const whole = createHash("sha256");
  const pieces: string[] = [];
  let piece = createHash("sha256");
  let size = 0;
  for await (const chunk of createReadStream(path, { highWaterMark: READ_BYTES }) as AsyncIterable<Uint8Array>) {
    for (const part of splitAt(chunk, PIECE_BYTES - (size % PIECE_BYTES))) {
      whole.update(part);
      piece.update(part);
      size += part.length;
      if (size % PIECE_BYTES === 0) {
        pieces.push(piece.digest("hex"));
        piece = createHash("sha256");
      }
    }
    await pace(chunk.length);
  }
  if (size % PIECE_BYTES !== 0 || size === 0) pieces.push(piece.digest("hex"));
  return { size, sha256: whole.digest("hex"), pieces };
}

const READ_BYTES = 1 << 20;

/** A read may bring less than was asked for, so that the next one goes across the end of a piece. */
function splitAt(chunk: Uint8Array, at: number): readonly Uint8Array[] {
  return chunk.length <= at ? [chunk] : [chunk.subarray(0, at), chunk.subarray(at)];
}
