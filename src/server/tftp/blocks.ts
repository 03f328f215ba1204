/** The blocks of a body: which lie together in one piece of it, as a burst of DATA packets. */
import type { Burst } from "../../net/burst.ts";
import { putDataHeaders, TFTP_HEADER_BYTES } from "../../wire/tftp-packet.ts";
import type { PiecedBody } from "./shared-body.ts";

export interface BlockRun extends Burst {
  /** The last of them, counted from 1 without wrapping. */
  readonly last: number;
}

export class BlockReader {
  private readonly body: PiecedBody;
  private readonly blockSize: number;
  /** Written anew for each run: the socket copies them. */
  private readonly headers: Uint8Array;

  /** @param mostBlocks of a run */
  constructor(body: PiecedBody, blockSize: number, mostBlocks: number) {
    this.body = body;
    this.blockSize = blockSize;
    this.headers = new Uint8Array(mostBlocks * TFTP_HEADER_BYTES);
  }

  /**
   * The blocks from `first` on, up to `last` as far as they begin in the same piece; undefined when that has to be loaded
   * first. It holds until the next one.
   */
  loaded(first: number, last: number): BlockRun | undefined {
    const { body, blockSize } = this;
    const start = (first - 1) * blockSize;
    const index = Math.floor(start / body.step);
    const piece = body.loaded(index);
    if (piece === undefined) return undefined;
    const offset = index * body.step;
    const end = Math.min(last, Math.ceil((offset + body.step) / blockSize));
    if (start - offset > body.step / 2) body.prepare(index + 1);
    const bytes = piece.subarray(start - offset, end * blockSize - offset);
    const headerBytes = (end - first + 1) * TFTP_HEADER_BYTES;
    const headers = headerBytes === this.headers.length ? this.headers : this.headers.subarray(0, headerBytes);
    putDataHeaders(headers, first);
    return { headers, headerLength: TFTP_HEADER_BYTES, bytes, sliceLength: blockSize, last: end };
  }

  /** Reads the piece that the block begins in. Rejects when it cannot be read. */
  async load(block: number): Promise<void> {
    await this.body.load(Math.floor(((block - 1) * this.blockSize) / this.body.step));
  }
}
