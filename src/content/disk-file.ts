/** One file of the disk as a Lookup, and what the system's errors mean to a client (law 3). */
import { access, constants, stat } from "node:fs/promises";
import { errnoOf } from "../base/errors.ts";
import { contentTypeOf } from "./content-type.ts";
import { versionOf } from "./file-version.ts";
import { joinSegments } from "./segments.ts";
import type { Lookup } from "./served-file.ts";

const ABSENT = new Set(["ENOENT", "ENOTDIR", "EISDIR", "ENAMETOOLONG"]);
const REFUSED = new Set(["EACCES", "EPERM", "ELOOP"]);

export interface DiskVersion {
  readonly size: number;
  readonly modified: number;
}

export interface DiskFileOptions {
  /** Where the content type is taken from, when the file on disk is called otherwise. */
  readonly name?: string;
  /** SHA-256 of this version, if it is known: then two servers give the same tag. */
  readonly sha256?: (version: DiskVersion) => string | undefined;
  /** For Last-Modified, in place of the file's own time. */
  readonly modified?: number;
  /** It is on a file system of this machine: its version is told. */
  readonly isLocal?: boolean;
}

/** A regular file that this process may read. */
export async function diskFile(path: string, options: DiskFileOptions = {}): Promise<Lookup> {
  try {
    const info = await stat(path, { bigint: true });
    if (info.isDirectory()) return { kind: "absent" };
    if (!info.isFile()) return { kind: "refused" };
    await access(path, constants.R_OK);
    const version = { size: Number(info.size), modified: Number(info.mtimeNs / 1_000_000n) };
    const known = options.isLocal === true && { version: versionOf(info) };
    const file = joinSegments([{ kind: "disk", path, offset: 0, length: version.size, ...known }], {
      modified: options.modified ?? version.modified,
      contentType: contentTypeOf(options.name ?? path),
      identity: options.sha256?.(version) ?? `mtime ${info.mtimeNs}`,
    });
    return { kind: "file", file };
  } catch (error) {
    return lookupOfError(error);
  }
}

/** Rethrows what is no system error: that is a bug. */
export function lookupOfError(error: unknown): Lookup {
  const errno = errnoOf(error);
  if (errno === undefined) throw error;
  if (ABSENT.has(errno)) return { kind: "absent" };
  if (REFUSED.has(errno)) return { kind: "refused" };
  return { kind: "broken", code: "store-unavailable" };
}
