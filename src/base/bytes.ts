/** Bounds-checked reading and writing of big-endian wire formats. */

/** The only error a codec throws; `offset` is where in the packet the bytes stopped making sense. */
export class DecodeError extends Error {
  readonly offset: number;
  constructor(message: string, offset: number) {
    super(`${message} at byte ${offset}`);
    this.name = "DecodeError";
    this.offset = offset;
  }
}

/** A cursor over bytes that throws DecodeError, never RangeError, when it runs past the end. */
export class ByteReader {
  readonly bytes: Uint8Array;
  offset: number;

  constructor(bytes: Uint8Array, offset = 0) {
    this.bytes = bytes;
    this.offset = offset;
  }

  get remaining(): number {
    return this.bytes.length - this.offset;
  }

  u8(): number {
    return this.at(this.advance(1));
  }

  u16(): number {
    const start = this.advance(2);
    return (this.at(start) << 8) | this.at(start + 1);
  }

  u32(): number {
    const start = this.advance(4);
    const low = (this.at(start + 1) << 16) | (this.at(start + 2) << 8) | this.at(start + 3);
    return this.at(start) * 2 ** 24 + low;
  }

  /** A view, not a copy: copy it when it must outlive the packet buffer. */
  take(length: number): Uint8Array {
    const start = this.advance(length);
    return this.bytes.subarray(start, start + length);
  }

  /** A DataView for each packet would cost more than its fields. */
  private at(place: number): number {
    return this.bytes[place] ?? 0;
  }

  private advance(length: number): number {
    const start = this.offset;
    if (length < 0 || length > this.remaining) throw new DecodeError(`need ${length} bytes`, start);
    this.offset = start + length;
    return start;
  }
}

/** Grows as needed; `finish()` is a view of what was written. */
export class ByteWriter {
  private bytes: Uint8Array;
  length = 0;

  constructor(capacity = 576) {
    this.bytes = new Uint8Array(capacity);
  }

  u8(value: number): void {
    const at = this.reserve(1);
    this.bytes[at] = value;
  }

  u16(value: number): void {
    const at = this.reserve(2);
    this.bytes[at] = value >>> 8;
    this.bytes[at + 1] = value;
  }

  u32(value: number): void {
    const at = this.reserve(4);
    this.bytes[at] = value >>> 24;
    this.bytes[at + 1] = value >>> 16;
    this.bytes[at + 2] = value >>> 8;
    this.bytes[at + 3] = value;
  }

  put(bytes: Uint8Array): void {
    const start = this.reserve(bytes.length);
    this.bytes.set(bytes, start);
  }

  zeros(count: number): void {
    const start = this.reserve(count);
    this.bytes.fill(0, start, start + count);
  }

  finish(): Uint8Array {
    return this.bytes.subarray(0, this.length);
  }

  /** May replace the buffer: call it before `bytes` is looked at. */
  private reserve(count: number): number {
    const start = this.length;
    const needed = start + count;
    if (needed > this.bytes.length) this.grow(needed);
    this.length = needed;
    return start;
  }

  private grow(needed: number): void {
    const larger = new Uint8Array(Math.max(needed, this.bytes.length * 2));
    larger.set(this.bytes);
    this.bytes = larger;
  }
}

/** ASCII/UTF-8 text of a wire field; stops at the first NUL, as BOOTP's fixed fields do. */
export function decodeText(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return Buffer.from(bytes.buffer, bytes.byteOffset, end < 0 ? bytes.length : end).toString("utf8");
}

export function encodeText(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, "utf8"));
}
