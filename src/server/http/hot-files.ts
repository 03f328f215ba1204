/** Small files in memory, for as long as they are what is on the disk: each request's lookup says so by its version. */
import { read } from "node:fs";
import { promisify } from "node:util";
import { type FileVersion, isSameVersion } from "../../content/file-version.ts";
import type { DiskSegment } from "./open-file.ts";

const readFile = promisify(read);

/** Bytes of the largest one: what is larger goes by sendfile, at less cost. */
const LARGEST = 64 << 10;
const MEMORY = 32 << 20;
/** What an entry takes beside its bytes. */
const OVERHEAD = 512;

interface Entry {
  readonly version: FileVersion;
  readonly bytes: Buffer;
}

export class HotFiles {
  private readonly memory: number;
  /** The one that was asked for last comes last. */
  private readonly entries = new Map<string, Entry>();
  private used = 0;

  /** @param memory bytes that all entries together may take */
  constructor(memory = MEMORY) {
    this.memory = memory;
  }

  /** The segment's bytes, when they are here and still true. */
  find(segment: DiskSegment): Uint8Array | undefined {
    const { path, version } = segment;
    const entry = this.entries.get(path);
    if (!entry) return undefined;
    this.forget(path, entry);
    if (!version || !isSameVersion(entry.version, version)) return undefined;
    this.add(path, entry);
    return partOf(entry.bytes, segment);
  }

  /** Is it worth keeping? */
  fits({ version }: DiskSegment): boolean {
    return version !== undefined && version.size <= LARGEST;
  }

  /** Reads a segment that fits, from `file`, and keeps the whole file. Rejects when it is shorter than it was. */
  async read(file: number, segment: DiskSegment): Promise<Uint8Array> {
    const { path, version } = segment;
    if (!version) throw new Error(`${path} has no version to know it by`);
    const bytes = Buffer.allocUnsafeSlow(version.size);
    for (let done = 0; done < bytes.length; ) {
      const { bytesRead: got } = await readFile(file, bytes, done, bytes.length - done, done);
      if (got === 0) throw new Error(`${path} became shorter while it was served`);
      done += got;
    }
    this.add(path, { version, bytes });
    return partOf(bytes, segment);
  }

  private add(path: string, entry: Entry): void {
    const known = this.entries.get(path);
    if (known) this.forget(path, known);
    this.entries.set(path, entry);
    this.used += entry.bytes.length + OVERHEAD;
    for (const [oldest, old] of this.entries) {
      if (this.used <= this.memory) break;
      this.forget(oldest, old);
    }
  }

  private forget(path: string, { bytes }: Entry): void {
    this.entries.delete(path);
    this.used -= bytes.length + OVERHEAD;
  }
}

function partOf(bytes: Buffer, { offset, length }: DiskSegment): Uint8Array {
  return bytes.subarray(offset, offset + length);
}
