/** What an operator names to be taken in: a folder or an ISO file. */
import { realpath, stat } from "node:fs/promises";
import { EverbootError, errnoOf } from "../base/errors.ts";
import type { TreeFiles } from "../os/family.ts";
import { folderFiles } from "./detect-tree.ts";
import { isIsoFile, isoFiles } from "./import-iso.ts";
import { importRefused } from "./import-refused.ts";

/** Is it a URL that is downloaded from? */
export function isDownload(named: string): boolean {
  return /^https?:\/\//i.test(named) && URL.canParse(named);
}

export interface Origin {
  readonly kind: "folder" | "iso";
  /** Absolute, without symbolic links. */
  readonly path: string;
  readonly files: TreeFiles;
}

/** Throws EverbootError `import-refused` for anything else. */
export async function openOrigin(named: string): Promise<Origin> {
  try {
    const path = await realpath(named);
    const info = await stat(path);
    if (info.isDirectory()) return { kind: "folder", path, files: folderFiles(path) };
    if (info.isFile() && (await isIsoFile(path))) return { kind: "iso", path, files: await isoFiles(path) };
  } catch (error) {
    if (error instanceof EverbootError || errnoOf(error) === undefined) throw error;
    const reason = errnoOf(error) === "ENOENT" ? "no such folder or file" : `cannot be read (${errnoOf(error)})`;
    throw importRefused(named, reason, error);
  }
  throw importRefused(named, "is neither a folder nor an ISO file: unpack it, and name the folder");
}
