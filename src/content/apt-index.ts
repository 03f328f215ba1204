/**
 * The index files of a Debian repository: Release and Packages. Pure parsing.
 * Source: https://wiki.debian.org/DebianRepository/Format and deb822(5).
 */
import { StanzaReader } from "./stanza-reader.ts";
import { isTreePath } from "./tree-path.ts";

export interface FileHash {
  /** Bytes. */
  readonly size: number;
  /** Lower-case hex. */
  readonly sha256: string;
}

/** By path: below `dists/<suite>/` for a Release, below the repository for a Packages file. */
export type FileIndex = ReadonlyMap<string, FileHash>;

export interface Release {
  readonly suite?: string;
  readonly codename?: string;
  /** Milliseconds since 1970. */
  readonly date?: number;
  readonly components: readonly string[];
  /** Index files can be had under `by-hash/SHA256/<hash>` too. */
  readonly byHash: boolean;
  /** Packages of architecture `all` are listed in `binary-all` alone, not with each architecture. */
  readonly allApart: boolean;
  readonly files: FileIndex;
}

const SHA256_HEX = /^[0-9a-f]{64}$/;

/** `undefined`: no Release file, or one without SHA-256 hashes, which vouches for nothing. */
export function parseRelease(text: string): Release | undefined {
  const fields = parseStanza(text);
  const hashes = fields.get("sha256");
  if (hashes === undefined) return undefined;
  const suite = fields.get("suite");
  const codename = fields.get("codename");
  const date = Date.parse(fields.get("date") ?? "");
  const architectures = words(fields.get("architectures"));
  const notForAll = words(fields.get("no-support-for-architecture-all"));
  return {
    ...(suite === undefined ? {} : { suite }),
    ...(codename === undefined ? {} : { codename }),
    ...(Number.isNaN(date) ? {} : { date }),
    components: words(fields.get("components")),
    byHash: fields.get("acquire-by-hash")?.toLowerCase() === "yes",
    allApart: architectures.includes("all") && !notForAll.includes("Packages"),
    files: parseHashes(hashes),
  };
}

/** One stanza's fields by lower-case name; the lines of a folded field are joined by newlines. */
function parseStanza(text: string): Map<string, string> {
  const fields = new Map<string, string>();
  let name = "";
  for (const line of text.split("\n")) {
    const start = /^([^\s:]+):(.*)$/.exec(line);
    if (start) {
      name = (start[1] ?? "").toLowerCase();
      fields.set(name, (start[2] ?? "").trim());
    } else if (/^[ \t]/.test(line) && name !== "") {
      fields.set(name, `${fields.get(name)}\n${line.trim()}`);
    }
  }
  return fields;
}

function words(text: string | undefined): string[] {
  return (text ?? "").split(/\s+/).filter((word) => word !== "");
}

/** Lines of `<sha256> <size> <path>`; a line that is anything else names nothing. */
function parseHashes(section: string): FileIndex {
  const files = new Map<string, FileHash>();
  for (const line of section.split("\n")) {
    const [sha256 = "", size = "", path = ""] = words(line);
    const hash = fileHash(size, sha256);
    if (hash !== undefined && isTreePath(path)) files.set(path, hash);
  }
  return files;
}

function fileHash(size: string, sha256: string): FileHash | undefined {
  const hex = sha256.toLowerCase();
  const bytes = Number(size);
  if (!SHA256_HEX.test(hex) || !/^\d+$/.test(size) || !Number.isSafeInteger(bytes)) return undefined;
  return { size: bytes, sha256: hex };
}

/** Reads the hashes of a Packages file piece by piece. */
export class PackagesParser {
  private readonly files = new Map<string, FileHash>();
  private readonly reader = new StanzaReader(["Filename", "Size", "SHA256"], (stanza) => {
    const path = stanza.get("Filename");
    const hash = fileHash(stanza.get("Size") ?? "", stanza.get("SHA256") ?? "");
    if (path !== undefined && hash !== undefined && isTreePath(path)) this.files.set(path, hash);
  });

  push(chunk: Uint8Array): void {
    this.reader.push(chunk);
  }

  /** Files by path below the repository, `pool/...`. */
  finish(): FileIndex {
    this.reader.finish();
    return this.files;
  }
}

/** Ways to compress a Packages file that can be undone here, the one that needs no other program first. */
export const PACKAGES_ENDINGS = [".gz", ".xz", ""] as const;
export type PackagesEnding = (typeof PACKAGES_ENDINGS)[number];

/** Folders below `dists/<suite>/` whose Packages files name what a machine of `arch` and its installer may fetch. */
export function packagesFolders(release: Release, component: string, arch: string): string[] {
  const folders = [`${component}/binary-${arch}`, `${component}/debian-installer/binary-${arch}`];
  if (release.allApart) folders.push(`${component}/binary-all`);
  return folders.filter((folder) =>
    PACKAGES_ENDINGS.some((ending) => release.files.has(`${folder}/Packages${ending}`)),
  );
}

/**
 * The components whose indices may name `path`, most likely first. Archives put the component into the path
 * (`pool/contrib/...`, `pool/updates/main/...`); small ones do not, and mean `main`.
 */
export function componentsFor(release: Release, path: string): string[] {
  const parts = path.split("/");
  const named = release.components.filter((component) => parts.includes(component));
  return [...new Set([...named, "main"])];
}
