/** Folders as the FTP server sees them. */
import type { Lookup, Requester } from "../../content/served-file.ts";

export interface FolderEntry {
  readonly name: string;
  readonly kind: "file" | "folder";
  /** In bytes; 0 of a folder. */
  readonly size: number;
  /** Milliseconds since 1970. */
  readonly modified: number;
}

export type FolderLookup =
  | {
      readonly kind: "folder";
      readonly modified: number;
      /** Sorted by name. Rejects when it cannot be read. */
      entries(): Promise<readonly FolderEntry[]>;
    }
  | Exclude<Lookup, { kind: "file" }>;

/** Finds the folder that a path stands for; `path` as FileResolver has it. A file's path is `absent`. */
export type FolderResolver = (path: string, from: Requester) => Promise<FolderLookup>;
