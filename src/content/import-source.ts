/** What a folder that somebody wants to take in is: an installer's netboot images, or a mirror. */
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { EverbootError, errnoOf } from "../base/errors.ts";
import { compareBytes, walkFiles } from "./walk.ts";

/** One file to take in. */
export interface ImportFile {
  /** Absolute path. */
  readonly from: string;
  /** Path inside the tree. */
  readonly to: string;
  /** May be the same file on disk: packages are never changed in place, indices may be. */
  readonly link: boolean;
}

export type ImportSource =
  | { readonly kind: "netboot"; readonly kernel: string; readonly files: readonly ImportFile[] }
  | { readonly kind: "mirror"; readonly files: readonly ImportFile[] };

const KERNEL = "linux";
const INITRD = "initrd.gz";
/** `images/netboot/gtk/debian-installer/amd64` is five below `images`; more is no netboot folder any more. */
const MOST_LEVELS = 10;

/**
 * Finds out what `folder` is, for a tree of `release`. Throws EverbootError `import-refused`, which says what was looked
 * for, or which choices there are.
 */
export async function findImportSource(folder: string, release: string): Promise<ImportSource> {
  await requireFolder(folder);
  if ((await isFolder(join(folder, "dists"))) && (await isFolder(join(folder, "pool")))) {
    return mirrorSource(folder, release);
  }
  const found = await netbootFolders(folder);
  const [chosen, ...others] = found;
  if (chosen === undefined) {
    throw refused(folder, `has neither ${KERNEL} and ${INITRD} in one folder, nor dists/ and pool/: name one that has`);
  }
  if (others.length > 0) throw refused(folder, `has several netboot images, name one: ${found.join(", ")}`);
  const files = [KERNEL, INITRD].map((name) => ({ from: join(chosen, name), to: `netboot/${name}`, link: false }));
  return { kind: "netboot", kernel: join(chosen, KERNEL), files };
}

async function requireFolder(folder: string): Promise<void> {
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(folder)) throw refused(folder, "is a URL, not a folder: download it first");
  let info: Awaited<ReturnType<typeof stat>>;
  try {
    info = await stat(folder);
  } catch (error) {
    throw refused(folder, errnoOf(error) === "ENOENT" ? "no such folder" : `cannot be read (${errnoOf(error)})`, error);
  }
  if (!info.isDirectory()) throw refused(folder, "not a folder: unpack it, or mount it with `mount -o loop,ro`");
}

/**
 * Packages come first and what is signed comes last, as between archive mirrors: whoever reads the tree meanwhile finds
 * every file that an index names.
 */
async function mirrorSource(folder: string, release: string): Promise<ImportSource> {
  const suite = `dists/${release}`;
  const signed = await Promise.all(["InRelease", "Release"].map((name) => isFile(join(folder, suite, name))));
  if (!signed.includes(true)) {
    throw refused(folder, `has no ${suite}/InRelease or Release, and the tree's release is ${release}`);
  }
  const files: ImportFile[] = [];
  for (const top of ["pool", "dists"]) {
    for await (const path of walkFiles(join(folder, top))) {
      files.push({ from: join(folder, top, path), to: `${top}/${path}`, link: top === "pool" });
    }
  }
  return { kind: "mirror", files: files.sort((a, b) => turnOf(a.to) - turnOf(b.to) || compareBytes(a.to, b.to)) };
}

function turnOf(path: string): number {
  if (path.startsWith("pool/")) return 0;
  return /^dists\/[^/]+\/(InRelease|Release|Release\.gpg)$/.test(path) ? 2 : 1;
}

/** Folders at or below `folder` that hold both files. One that holds them is not searched any further. */
async function netbootFolders(folder: string, level = 0): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: unknown) => {
    throw refused(folder, `cannot be read (${errnoOf(error)})`, error);
  });
  const here = await Promise.all([KERNEL, INITRD].map((name) => isFile(join(folder, name))));
  if (!here.includes(false)) return [folder];
  if (level === MOST_LEVELS) return [];
  const below = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  const found = await Promise.all(
    below.sort(compareBytes).map((name) => netbootFolders(join(folder, name), level + 1)),
  );
  return found.flat();
}

async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() ?? false;
}

async function isFile(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isFile() ?? false;
}

function refused(from: string, reason: string, cause?: unknown): EverbootError {
  return new EverbootError("import-refused", { from, reason }, cause);
}
