/** Writing so that a kill or a loss of power leaves the old file or the new one, never half of one. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { type FileHandle, mkdir, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import type { FileHash } from "./apt-index.ts";

/**
 * Lets `fill` write the new file `temp`, then puts it at `target` in one step. Both must be on one file system. On any
 * error `temp` is gone and `target` is as it was.
 */
export async function writeDurably<T>(
  target: string,
  temp: string,
  fill: (handle: FileHandle) => Promise<T>,
): Promise<T> {
  try {
    const result = await fillDurably(temp, fill);
    await mkdir(dirname(target), { recursive: true });
    await rename(temp, target);
    await syncFolder(dirname(target));
    return result;
  } catch (error) {
    await rm(temp, { force: true });
    throw error;
  }
}

/** Writes a new file and waits until it is on the disk. */
export async function fillDurably<T>(path: string, fill: (handle: FileHandle) => Promise<T>): Promise<T> {
  const handle = await open(path, "wx", 0o644);
  try {
    const result = await fill(handle);
    await handle.sync();
    return result;
  } finally {
    await handle.close();
  }
}

/** Makes renames in `folder` survive a loss of power. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Size and hash of what flows by; `each` gets every piece. */
export async function hashStream(
  chunks: AsyncIterable<Uint8Array>,
  each: (chunk: Uint8Array) => Promise<unknown> = async () => undefined,
): Promise<FileHash> {
  const hash = createHash("sha256");
  let size = 0;
  for await (const chunk of chunks) {
    hash.update(chunk);
    size += chunk.length;
    await each(chunk);
  }
  return { size, sha256: hash.digest("hex") };
}

export function hashFile(path: string): Promise<FileHash> {
  return hashStream(createReadStream(path, { highWaterMark: 1 << 20 }));
}
