/** A file that is given out while it is still being fetched. */
import type { Arrival } from "./served-file.ts";

/**
 * The last bytes of a file are given out only when all of it is checked, in bytes: who got a wrong file never has it
 * whole. No smaller than what a client could guess, no larger than what makes small files wait.
 */
export const HELD_BACK = 64 << 10;

interface Waiting {
  readonly position: number;
  readonly resolve: (free: number) => void;
  readonly reject: (error: unknown) => void;
}

export class GrowingFile implements Arrival {
  private readonly size: number;
  private readonly waiting = new Set<Waiting>();
  /** Bytes from the beginning that may be given out. */
  private free = 0;
  private failure: { readonly error: unknown } | undefined;

  /** `size`: that the whole file will have. */
  constructor(size: number) {
    this.size = size;
  }

  /** May any byte have been given out? */
  get hasBegun(): boolean {
    return this.free > 0;
  }

  beyond(position: number): Promise<number> {
    if (this.free > position) return Promise.resolve(this.free);
    if (this.failure !== undefined) return Promise.reject(this.failure.error);
    return new Promise((resolve, reject) => this.waiting.add({ position, resolve, reject }));
  }

  /** The first `length` bytes are there, not checked yet. */
  grow(length: number): void {
    this.release(Math.min(length, this.size - HELD_BACK));
  }

  /** All of it is there and right. */
  complete(): void {
    this.release(this.size);
  }

  /** No further byte comes. */
  fail(error: unknown): void {
    this.failure = { error };
    for (const { reject } of this.waiting) reject(error);
    this.waiting.clear();
  }

  private release(length: number): void {
    this.free = Math.max(this.free, length);
    for (const each of this.waiting) {
      if (each.position >= this.free) continue;
      this.waiting.delete(each);
      each.resolve(this.free);
    }
  }
}
