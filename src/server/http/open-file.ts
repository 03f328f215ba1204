/** Opening the disk files of an answer: what is opened is what was found. */
import { close, closeSync, fstat, fstatSync, open, openSync } from "node:fs";
import { promisify } from "node:util";
import { isSameVersion } from "../../content/file-version.ts";
import type { Segment } from "../../content/served-file.ts";

export type DiskSegment = Extract<Segment, { kind: "disk" }>;

// With FileHandle a request for a small file takes a third more processor time (measured with 2 kB files, Node 24).
const openLater = promisify(open);
const fstatLater = promisify(fstat);

/**
 * A descriptor to be closed by `closeFile`. Rejects when it cannot be opened, is another version than was found, or has
 * become so short that nothing of the segment is left. One with a version was looked at a moment ago: the kernel has it
 * in memory, and it is opened at once; any other one by a thread of Node's pool, as a slow disk takes its time.
 */
export async function openFile(segment: DiskSegment): Promise<number> {
  const { path, version, offset, length, arrival } = segment;
  const file = version ? openSync(path, "r") : await openLater(path, "r");
  try {
    const info = version ? fstatSync(file) : await fstatLater(file);
    const isOther = version !== undefined && !isSameVersion(info, version);
    const isEmpty = arrival === undefined && length > 0 && info.size <= offset;
    if (isOther || isEmpty) throw new Error(`${path} has changed since it was found`);
    return file;
  } catch (cause) {
    closeFile(file, segment);
    throw cause;
  }
}

/** The last one who closes a file that was removed waits until its blocks are free: then a thread of the pool does. */
export function closeFile(file: number, { version }: DiskSegment): void {
  if (version && fstatSync(file).nlink > 0) closeSync(file);
  else close(file, ignore);
}

function ignore(): void {}
