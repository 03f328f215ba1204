/** The netascii mode (RFC 1350 section 1, RFC 764): a line ends with CR LF, a lone CR is CR NUL. */
import type { Body } from "./body.ts";

const CR = 13;
const LF = 10;
const NUL = 0;
const PIECE = 64 * 1024;

/** Unix text as netascii. Each byte stands for itself, so pieces of a text can be converted one by one. */
export function toNetascii(text: Uint8Array): Uint8Array {
  const out = new Uint8Array(text.length + countPairs(text));
  let at = 0;
  for (const byte of text) {
    if (byte === LF) out[at++] = CR;
    out[at++] = byte;
    if (byte === CR) out[at++] = NUL;
  }
  return out;
}

/**
 * The converted view of `source`. It reads the source once to learn where each piece begins after conversion, so that
 * the size is known and any block can be sent again without keeping the text.
 */
export async function netasciiBody(source: Body): Promise<Body> {
  const starts = [0];
  let size = 0;
  for (let offset = 0; offset < source.size; offset += PIECE) {
    const piece = await source.read(offset, PIECE);
    size += piece.length + countPairs(piece);
    starts.push(size);
  }
  const read = async (offset: number, length: number): Promise<Uint8Array> => {
    const end = Math.min(offset + length, size);
    const pieces: Uint8Array[] = [];
    for (let index = pieceAt(starts, offset); (starts[index] ?? end) < end; index++) {
      const start = starts[index] ?? 0;
      const piece = toNetascii(await source.read(index * PIECE, PIECE));
      pieces.push(piece.subarray(Math.max(offset - start, 0), end - start));
    }
    return Buffer.concat(pieces);
  };
  return { size, read, close: () => source.close() };
}

/** Index of the last start that is not past `offset`. */
function pieceAt(starts: readonly number[], offset: number): number {
  let low = 0;
  let high = starts.length - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((starts[middle] ?? 0) <= offset) low = middle;
    else high = middle - 1;
  }
  return low;
}

function countPairs(text: Uint8Array): number {
  let count = 0;
  for (const byte of text) if (byte === LF || byte === CR) count++;
  return count;
}
