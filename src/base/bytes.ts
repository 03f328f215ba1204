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
  private readonly view: DataView;

  constructor(bytes: Uint8Array, offset = 0) {
    this.bytes = bytes;
    this.offset = offset;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get remaining(): number {
    return this.bytes.length - this.offset;
  }

  u8(): number {
    return this.view.getUint8(this.advance(1));
  }

  u16(): number {
    return this.view.getUint16(this.advance(2));
  }

  u32(): number {
    return this.view.getUint32(this.advance(4));
  }

  /** A view, not a copy: copy it when it must outlive the packet buffer. */
  take(length: number): Uint8Array {
    const start = this.advance(length);
    return this.bytes.subarray(start, start + length);
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
  private view: DataView;
  length = 0;

  constructor(capacity = 576) {
    this.bytes = new Uint8Array(capacity);
    this.view = new DataView(this.bytes.buffer);
  }

  u8(value: number): void {
    const at = this.reserve(1);
    this.view.setUint8(at, value);
  }

  u16(value: number): void {
    const at = this.reserve(2);
    this.view.setUint16(at, value);
  }

  u32(value: number): void {
    const at = this.reserve(4);
    this.view.setUint32(at, value);
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

  /** May replace the buffer: call it before `view` is looked at. */
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
    this.view = new DataView(larger.buffer);
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
