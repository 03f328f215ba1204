/**
 * What a pull-through mirror may have and give out, told from its upstream's signed files by gpgv and a reading of
 * its own: none of the mirror's code is asked.
 */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

export interface SignedFile {
  /** Lower-case hex. */
  readonly sha256: string;
  /** Bytes. */
  readonly size: number;
}

/** By path below the archive: index files and packages. */
export type SignedFiles = ReadonlyMap<string, SignedFile>;

/**
 * All that `dists/<release>/InRelease` of the archive in `folder` vouches for; the archive has uncompressed lists. Rejects
 * when a key of `keyring` did not sign it, or when a list is not what it says.
 */
export async function signedFiles(folder: string, release: string, keyring: string): Promise<SignedFiles> {
  const suite = `dists/${release}`;
  const args = ["--keyring", keyring, "--output", "-", join(folder, suite, "InRelease")];
  const { stdout } = await run("gpgv", args, { maxBuffer: 16 << 20 });
  const indices = readRelease(stdout, suite);
  const packages = [...indices].flatMap(([path, signed]) => {
    if (!path.endsWith("/Packages")) return [];
    const bytes = readFileSync(join(folder, path));
    if (sha256(bytes) !== signed.sha256) throw new Error(`${path} is not what InRelease says`);
    return readPackages(bytes.toString("utf8"));
  });
  return new Map([...indices, ...packages]);
}

function readRelease(text: string, suite: string): Map<string, SignedFile> {
  const [, section = ""] = /^SHA256:\n((?: .*\n)+)/m.exec(text) ?? [];
  const lines = section.matchAll(/^ ([0-9a-f]{64}) +(\d+) (\S+)$/gm);
  return new Map(
    [...lines].map(([, hash = "", size, path]) => [`${suite}/${path}`, { sha256: hash, size: Number(size) }]),
  );
}

function readPackages(text: string): [string, SignedFile][] {
  const field = (stanza: string, name: string) => new RegExp(`^${name}: (.*)$`, "m").exec(stanza)?.[1] ?? "";
  return text
    .split("\n\n")
    .filter((stanza) => stanza.trim() !== "")
    .map((stanza) => [
      field(stanza, "Filename"),
      { sha256: field(stanza, "SHA256"), size: Number(field(stanza, "Size")) },
    ]);
}

/** All files below `folder`, by path, with what they are.  */
export function filesIn(folder: string): SignedFiles {
  const found = new Map<string, SignedFile>();
  if (!existsSync(folder)) return found;
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const bytes = readFileSync(path);
    found.set(relative(folder, path), { sha256: sha256(bytes), size: bytes.length });
  }
  return found;
}

export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
