/**
 * The index files of a repository of rpm packages: repomd.xml and primary.xml. Pure parsing.
 * Source: createrepo_c 0.17 and libsolv's repo_repomdxml.c, repo_rpmmd.c (what dnf and zypper read).
 */
import type { ExpectedFile, FileIndex } from "./mirror-store.ts";
import { XmlReader } from "./rpm-xml.ts";
import { isTreePath } from "./tree-path.ts";

export interface Repomd {
  /** Time of making in seconds since 1970, as the repository's owner has it; 0 when it is no number. */
  readonly revision: number;
  /** By type: `primary`, `filelists`, `group`, ... */
  readonly data: ReadonlyMap<string, RepomdEntry>;
}

export interface RepomdEntry {
  /** Below the repository, `repodata/...`. */
  readonly path: string;
  readonly expected: ExpectedFile;
}

const HEX: Readonly<Record<string, RegExp>> = { sha256: /^[0-9a-f]{64}$/, sha512: /^[0-9a-f]{128}$/ };

/** undefined: a digest that vouches for nothing (SHA-1, MD5), or no size. */
function expectedFile(type: string, digest: string, size: string): ExpectedFile | undefined {
  const hex = ownCopy(digest.toLowerCase());
  const bytes = Number(size);
  if (!HEX[type]?.test(hex) || !/^\d+$/.test(size) || !Number.isSafeInteger(bytes)) return undefined;
  return type === "sha256" ? { size: bytes, sha256: hex } : { size: bytes, sha512: hex };
}

/** V8 makes a piece of a long text a reference to all of it, which would keep the whole document in memory. */
function ownCopy(text: string): string {
  return Buffer.from(text).toString();
}

/** What is told of one file while its element is read. */
interface Draft {
  type: string;
  checksumType: string;
  checksum: string;
  size: string;
  path: string;
}

const EMPTY: Readonly<Draft> = { type: "", checksumType: "", checksum: "", size: "", path: "" };

/** Entries that nothing vouches for are left out. Throws EverbootError `upstream-mismatch` when it is no XML. */
export function parseRepomd(bytes: Uint8Array): Repomd {
  const data = new Map<string, RepomdEntry>();
  let draft = { ...EMPTY };
  let revision = 0;
  const add = () => {
    const expected = expectedFile(draft.checksumType, draft.checksum, draft.size);
    if (expected !== undefined && isTreePath(draft.path)) data.set(draft.type, { path: draft.path, expected });
  };
  const closing: Readonly<Record<string, (text: string) => void>> = {
    revision: (text) => {
      revision = Number(text) || 0;
    },
    checksum: (text) => {
      draft.checksum = text;
    },
    size: (text) => {
      draft.size = text;
    },
    data: add,
  };
  const reader = new XmlReader({
    texts: new Set(["revision", "checksum", "size"]),
    open(name, { type = "", href = "" }) {
      if (name === "data") draft = { ...EMPTY, type };
      else if (name === "checksum") draft.checksumType = type;
      else if (name === "location") draft.path = href;
    },
    close: (name, text) => closing[name]?.(text),
  });
  reader.push(bytes);
  reader.finish();
  return { revision, data };
}

/** Reads the packages' digests from a primary.xml piece by piece. Throws like `parseRepomd`. */
export class PrimaryParser {
  private readonly files = new Map<string, ExpectedFile>();
  private draft: Draft = { ...EMPTY };
  private readonly reader = new XmlReader({
    texts: new Set(["checksum"]),
    open: (name, attributes) => this.open(name, attributes),
    close: (name, text) => {
      if (name === "checksum") this.draft.checksum = text;
      else if (name === "package") this.add();
    },
  });

  push(chunk: Uint8Array): void {
    this.reader.push(chunk);
  }

  /** Packages by their paths below the repository. Those that lie elsewhere (`xml:base`) are left out. */
  finish(): FileIndex {
    this.reader.finish();
    return this.files;
  }

  private open(name: string, attributes: Readonly<Record<string, string>>): void {
    const { type = "", package: size = "", href = "" } = attributes;
    if (name === "package") this.draft = { ...EMPTY };
    else if (name === "checksum") this.draft.checksumType = type;
    else if (name === "size") this.draft.size = size;
    else if (name === "location" && !("xml:base" in attributes)) this.draft.path = href;
  }

  private add(): void {
    const { checksumType, checksum, size, path } = this.draft;
    const expected = expectedFile(checksumType, checksum, size);
    if (expected !== undefined && isTreePath(path)) this.files.set(ownCopy(path), expected);
  }
}
