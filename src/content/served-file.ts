/** A file as the protocol servers see it: pieces of disk files and of memory, one after the other. Pure data. */
import type { ErrorDetails } from "../base/errors.ts";
import type { FileVersion } from "./file-version.ts";

export type Segment =
  | { readonly kind: "bytes"; readonly bytes: Uint8Array }
  /** `length` bytes of the disk file `path` from `offset`. With an `arrival` it is still being written. */
  | {
      readonly kind: "disk";
      readonly path: string;
      readonly offset: number;
      readonly length: number;
      readonly arrival?: Arrival;
      /** Of a file that was looked at for this request, on a file system of this machine: other bytes have another one. */
      readonly version?: FileVersion;
    };

/** How much of a file is there that is still being fetched. */
export interface Arrival {
  /**
   * Resolves with the length of the file's beginning that may be given out, once that is more than `position`; rejects
   * when it will never be.
   */
  beyond(position: number): Promise<number>;
}

export interface ServedFile {
  readonly size: number;
  /** Milliseconds since 1970; for Last-Modified. */
  readonly modified: number;
  /** Strong, quoted: equal tags mean equal bytes (RFC 9110 section 8.8.3). */
  readonly etag: string;
  readonly contentType: string;
  readonly segments: readonly Segment[];
  /** Its tree's manifest lists other bytes: it was changed since. */
  readonly isUnlisted?: true;
}

/** Law 3: absent, refused and broken are three different answers. */
export type Lookup =
  | { readonly kind: "file"; readonly file: ServedFile }
  | { readonly kind: "absent" }
  | { readonly kind: "refused" }
  /** `code` of the error table: an outage, worth trying again. */
  | {
      readonly kind: "broken";
      readonly code:
        | "store-unavailable"
        | "upstream-unavailable"
        | "upstream-down"
        | "upstream-mismatch"
        | "version-away";
      readonly details?: ErrorDetails;
    };

/** It is not here, and another server has it: `at` is that server's URL, without a slash at its end. */
export interface Elsewhere {
  readonly kind: "elsewhere";
  readonly at: string;
}

/** Who asks: a path means different files to different machines (`/grub/grub.cfg`). */
export interface Requester {
  readonly address: string;
  readonly protocol: "http" | "tftp" | "ftp";
}

/**
 * Finds what a path stands for. `path` is absolute, percent-decoded, with `/` between the parts and no `.` or `..`
 * part (servers normalise before they ask).
 */
export type FileResolver = (path: string, from: Requester) => Promise<Lookup>;

/** The same, for a protocol that can send its clients elsewhere. */
export type RedirectingResolver = (path: string, from: Requester) => Promise<Lookup | Elsewhere>;
