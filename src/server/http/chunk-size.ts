/** How much memory the answers under way share. */

/** One read for most packages, and few enough for an image: measured at 4 GB/s for a core. */
const LARGEST_CHUNK = 1 << 20;
const SMALLEST_CHUNK = 64 << 10;
/** All answers under way share about this much, so that a thousand slow clients do not eat the memory. */
const MEMORY_FOR_CHUNKS = 64 << 20;

/** How much to read at once when so many answers are under way. */
export function chunkSize(answersUnderWay: number): number {
  const share = Math.floor(MEMORY_FOR_CHUNKS / Math.max(1, answersUnderWay));
  return Math.min(LARGEST_CHUNK, Math.max(SMALLEST_CHUNK, share));
}

/** Buffers to read into, used again, the last one first: fresh memory costs more than what is read into it. */
export class Chunks {
  private readonly idle: Buffer[] = [];

  /** `length` bytes. Those of the largest chunk alone are kept: shorter ones are for when memory is short. */
  take(length: number): Buffer {
    return (length === LARGEST_CHUNK ? this.idle.pop() : undefined) ?? Buffer.allocUnsafe(length);
  }

  /** Nobody reads or writes it any more. */
  giveBack(chunk: Buffer): void {
    if (chunk.length === LARGEST_CHUNK && this.idle.length < MOST_IDLE) this.idle.push(chunk);
  }
}

const MOST_IDLE = 16;
