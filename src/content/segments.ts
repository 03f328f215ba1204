/** Reading the bytes of a ServedFile, whatever its pieces are. */
import { createHash } from "node:crypto";
import { type FileHandle, open } from "node:fs/promises";
import type { Segment, ServedFile } from "./served-file.ts";

/** The file made of `segments`; `identity` tells versions apart (a hash, or size and time). */
export function joinSegments(
  segments: readonly Segment[],
  about: { readonly modified: number; readonly contentType: string; readonly identity: string },
): ServedFile {
  const size = segments.reduce((sum, segment) => sum + segmentLength(segment), 0);
  const tag = createHash("sha256").update(`${size} ${about.identity}`).digest("hex").slice(0, 32);
  return { size, modified: about.modified, etag: `"${tag}"`, contentType: about.contentType, segments };
}

/** A file in memory; its tag is the hash of its bytes. */
export function bytesFile(bytes: Uint8Array, contentType: string, modified: number): ServedFile {
  const identity = createHash("sha256").update(bytes).digest("hex");
  return joinSegments([{ kind: "bytes", bytes }], { modified, contentType, identity });
}

export function segmentLength(segment: Segment): number {
  return segment.kind === "bytes" ? segment.bytes.length : segment.length;
}

/** The pieces that make up `length` bytes from `offset`. */
export function sliceSegments(segments: readonly Segment[], offset: number, length: number): Segment[] {
  const slices: Segment[] = [];
  let start = 0;
  for (const segment of segments) {
    const size = segmentLength(segment);
    const from = Math.max(offset - start, 0);
    const to = Math.min(offset + length - start, size);
    if (from < to) slices.push(sliceOne(segment, from, to - from));
    start += size;
  }
  return slices;
}

function sliceOne(segment: Segment, offset: number, length: number): Segment {
  if (segment.kind === "bytes") return { kind: "bytes", bytes: segment.bytes.subarray(offset, offset + length) };
  return { ...segment, offset: segment.offset + offset, length };
}

/** Random access over a ServedFile: keeps its disk files open until `close`. */
export class SegmentReader {
  private readonly file: ServedFile;
  private readonly handles = new Map<string, Promise<FileHandle>>();

  constructor(file: ServedFile) {
    this.file = file;
  }

  /** Up to `length` bytes from `offset`; shorter only at the end of the file. */
  async read(offset: number, length: number): Promise<Uint8Array> {
    const wanted = Math.max(0, Math.min(length, this.file.size - offset));
    const out = new Uint8Array(wanted);
    let filled = 0;
    for (const slice of sliceSegments(this.file.segments, offset, wanted)) {
      await this.copy(slice, out.subarray(filled, filled + segmentLength(slice)));
      filled += segmentLength(slice);
    }
    return out;
  }

  async close(): Promise<void> {
    const open = [...this.handles.values()];
    this.handles.clear();
    await Promise.allSettled(open.map(async (handle) => (await handle).close()));
  }

  private async copy(slice: Segment, target: Uint8Array): Promise<void> {
    if (slice.kind === "bytes") {
      target.set(slice.bytes);
      return;
    }
    await slice.arrival?.beyond(slice.offset + target.length - 1);
    const handle = await this.handle(slice.path);
    let done = 0;
    while (done < target.length) {
      const { bytesRead } = await handle.read(target, done, target.length - done, slice.offset + done);
      if (bytesRead === 0) throw new Error(`${slice.path} became shorter while it was served`);
      done += bytesRead;
    }
  }

  private handle(path: string): Promise<FileHandle> {
    const known = this.handles.get(path);
    if (known !== undefined) return known;
    const opened = open(path, "r");
    this.handles.set(path, opened);
    return opened;
  }
}
