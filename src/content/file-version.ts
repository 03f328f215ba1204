/** What tells one version of a disk file from another, without reading it; and where asking is cheap. */
import type { BigIntStats } from "node:fs";
import { statfs } from "node:fs/promises";

export interface FileVersion {
  readonly dev: number;
  readonly ino: number;
  readonly size: number;
  /** Milliseconds since 1970, with fractions. */
  readonly mtimeMs: number;
  /** Of the last change of content, name or rights: no program can set it. */
  readonly ctimeMs: number;
}

export function versionOf(info: BigIntStats): FileVersion {
  const [dev, ino, size] = [Number(info.dev), Number(info.ino), Number(info.size)];
  return { dev, ino, size, mtimeMs: milliseconds(info.mtimeNs), ctimeMs: milliseconds(info.ctimeNs) };
}

/** `a` may be what stat gives. */
export function isSameVersion(a: FileVersion, b: FileVersion): boolean {
  return a.ino === b.ino && a.ctimeMs === b.ctimeMs && a.mtimeMs === b.mtimeMs && a.size === b.size && a.dev === b.dev;
}

const SECOND = 1_000_000_000n;

/** In the steps in which Node makes them of the system's seconds and nanoseconds, so that they come out the same. */
function milliseconds(time: bigint): number {
  return Number(time / SECOND) * 1000 + Number(time % SECOND) / 1e6;
}

/** statfs(2): NFS, SMB and CIFS, 9P, Ceph, AFS, FUSE. */
const REMOTE = new Set([0x6969, 0x517b, 0xfe534d42, 0xff534d42, 0x01021997, 0x00c36400, 0x5346414f, 0x65735546]);

/** Is the folder on a file system whose answers come from this machine? A network may not answer at all. */
export async function isLocalFolder(path: string): Promise<boolean> {
  const { type } = await statfs(path);
  return !REMOTE.has(type >>> 0);
}
