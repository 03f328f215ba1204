/** Which folders are there by NFS, and under which names and numbers: the same on every server of a site. Pure. */
import { createHash } from "node:crypto";
import { EverbootError } from "../../base/errors.ts";
import { nfsPath } from "../../site/tree-places.ts";

/** A tree that is a folder: a mirror has no files to export before they are asked for. */
export interface NfsTree {
  readonly name: string;
  /** Absolute path. */
  readonly folder: string;
}

export interface NfsExport extends NfsTree {
  /** What clients mount: `/trees/debian-12`. */
  readonly path: string;
  /** 1 to 65535; it is part of every file handle. */
  readonly id: number;
  /** UUID, for kernels that take one in place of the device's numbers (`fsid=` of exports(5)). */
  readonly fsid: string;
}

const IDS = 0xffff;

/**
 * In the order of the names. An id comes from its tree's name, so that adding or removing trees changes no other id,
 * but where two names come to the same one: the second takes the next that is free.
 * @throws EverbootError `usage` for a folder that cannot be written in a configuration
 */
export function nfsExports(trees: readonly NfsTree[]): readonly NfsExport[] {
  const taken = new Set<number>();
  return [...trees]
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, folder }) => {
      demandPlain(name, folder);
      const hash = createHash("sha256").update(`everboot nfs ${name}`).digest();
      let id = 1 + (hash.readUInt32BE(0) % IDS);
      while (taken.has(id)) id = 1 + (id % IDS);
      taken.add(id);
      return { name, folder, path: nfsPath(name), id, fsid: uuidOf(hash) };
    });
}

/** Neither ganesha.conf nor exports(5) has a way to write these in a path. */
function demandPlain(name: string, folder: string): void {
  if (!/["\\\p{Cc}]/u.test(folder)) return;
  const what = `tree ${name}: its folder ${JSON.stringify(folder)} cannot be served by NFS: a path without \`"\`, \`\\\` and control characters can`;
  throw new EverbootError("usage", { what });
}

/** Version 8 of RFC 9562: of our own making. */
function uuidOf(hash: Uint8Array): string {
  const hex = Buffer.from(hash.subarray(16)).toString("hex");
  const [variant = 0] = hash.subarray(24);
  const parts = [hex.slice(0, 8), hex.slice(8, 12), `8${hex.slice(13, 16)}`];
  return [...parts, `${(8 + (variant & 3)).toString(16)}${hex.slice(17, 20)}`, hex.slice(20)].join("-");
}
