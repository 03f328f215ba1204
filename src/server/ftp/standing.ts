/** What a control connection knows, what its commands may ask, and what they can come to. */
import type { ErrorCode } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import type { FileResolver, Lookup, Requester, ServedFile } from "../../content/served-file.ts";
import type { DataEndpoint } from "./endpoint.ts";
import type { FolderResolver } from "./folders.ts";
import { FACTS, type Fact } from "./listing.ts";
import { resolvePath } from "./path.ts";
import { errorReply, type Reply, reply } from "./reply.ts";

/** What a control connection has been told so far. */
export interface Standing {
  login: "none" | "named" | "done";
  /** Absolute: what relative names begin at. */
  folder: string;
  /** Where the next RETR begins, in bytes. */
  restart: number;
  /** After `EPSV ALL`, other ways to a data connection are refused (RFC 2428 section 4). */
  extendedOnly: boolean;
  /** What MLST and MLSD tell of a file. */
  facts: readonly Fact[];
  /**
   * The file that was looked at last. SIZE, MDTM and RETR of one name mean one file: its version does not change in
   * between, and a boot script is not made twice.
   */
  found?: { readonly path: string; readonly file: ServedFile };
}

export interface Sources {
  readonly files: FileResolver;
  readonly folders: FolderResolver;
  readonly log: Log;
  readonly now: () => number;
}

export type Verdict =
  | Reply
  /** `path` when it is a file of the resolver, told to the observer; a listing has none. */
  | { readonly kind: "send"; readonly file: ServedFile; readonly offset: number; readonly path?: string }
  /** A file was asked for that is not to be had; `status` as HTTP would say it. */
  | { readonly kind: "no-file"; readonly path: string; readonly status: number; readonly reply: Reply }
  | { readonly kind: "passive"; readonly as: "PASV" | "EPSV" }
  /** `to` is still to be compared with the client's own address. */
  | { readonly kind: "active"; readonly to: DataEndpoint }
  | { readonly kind: "abort" | "status" | "quit" }
  /** The last word of this connection. */
  | { readonly kind: "end"; readonly reply: Reply };

/** A command, and all that its handler needs. */
export interface Asked {
  readonly argument: string;
  readonly standing: Standing;
  readonly sources: Sources;
  readonly from: Requester;
}

export type Handler = (asked: Asked) => Verdict | Promise<Verdict>;

export function newStanding(): Standing {
  return { login: "none", folder: "/", restart: 0, extendedOnly: false, facts: FACTS };
}

/** The path that the command's argument means, or why there is none. */
export function pathOf({ argument, standing }: Asked): string | Reply {
  const found = resolvePath(standing.folder, argument);
  if (found.kind === "path") return found.path;
  return found.kind === "refused" ? errorReply("file-refused") : reply(501, "That is no name.");
}

/** Law 3, as a row of the error table. */
export function codeOf(lookup: Exclude<Lookup, { kind: "file" }>, absent: "file-absent" | "folder-absent"): ErrorCode {
  switch (lookup.kind) {
    case "absent":
      return absent;
    case "refused":
      return "file-refused";
    case "broken":
      return lookup.code;
  }
}
