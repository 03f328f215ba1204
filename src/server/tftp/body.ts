/** The bytes that a transfer sends, and the blocks they are cut into. */
import { SegmentReader } from "../../content/segments.ts";
import type { ServedFile } from "../../content/served-file.ts";
import { netasciiBody } from "./netascii.ts";

export interface Body {
  readonly size: number;
  /** `length` bytes from `offset`; shorter only at the end. Rejects when the disk fails or the file has changed. */
  read(offset: number, length: number): Promise<Uint8Array>;
  close(): Promise<void>;
}

export const MODES = ["octet", "netascii"] as const;
export type Mode = (typeof MODES)[number];

/** Rejects when the file cannot be read. */
export async function openBody(file: ServedFile, mode: Mode): Promise<Body> {
  const reader = new SegmentReader(file);
  const octets: Body = {
    size: file.size,
    read: (offset, length) =>
      reader.read(offset, length).catch(async (error: unknown) => {
        await reader.close(); // so that the next try opens the file anew
        throw error;
      }),
    close: () => reader.close(),
  };
  if (mode === "octet") return octets;
  try {
    return await netasciiBody(octets);
  } catch (error) {
    await octets.close();
    throw error;
  }
}

const READ_AHEAD = 64 * 1024;

/** Blocks of a body, numbered from 1, read many at a time. */
export class BlockReader {
  private readonly body: Body;
  private readonly blockSize: number;
  private ahead: { readonly offset: number; readonly bytes: Uint8Array } | undefined;

  constructor(body: Body, blockSize: number) {
    this.body = body;
    this.blockSize = blockSize;
  }

  /** A view of the block's bytes, or undefined when it has to be loaded first. */
  loaded(block: number): Uint8Array | undefined {
    if (this.ahead === undefined) return undefined;
    const { offset, bytes } = this.ahead;
    const start = (block - 1) * this.blockSize - offset;
    const end = Math.min(start + this.blockSize, this.body.size - offset);
    return start >= 0 && end <= bytes.length ? bytes.subarray(start, end) : undefined;
  }

  /** Reads the block, and those that follow it as far as they fit. */
  async load(block: number): Promise<void> {
    const offset = (block - 1) * this.blockSize;
    this.ahead = { offset, bytes: await this.body.read(offset, Math.max(READ_AHEAD, this.blockSize)) };
  }
}
