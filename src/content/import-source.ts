/** Which files of a folder a tree takes in: Debian's netboot images or mirror, of other families the whole medium. */
import { readdir, realpath, stat } from "node:fs/promises";
import { join } from "node:path";
import { errnoOf } from "../base/errors.ts";
import { ubuntu } from "../os/ubuntu.ts";
import { LIVE_ISO } from "../os/ubuntu-initrd.ts";
import type { Tree } from "../site/model.ts";
import { realPathInside } from "./detect-tree.ts";
import { importRefused } from "./import-refused.ts";
import { compareBytes, walkFiles } from "./walk.ts";

/** One file to take in. */
export interface ImportFile {
  /** Absolute path. */
  readonly from: string;
  /** Path inside the tree. */
  readonly to: string;
  /** May be the same file on disk: packages and media are never changed in place, a mirror's indices may be. */
  readonly link: boolean;
}

export type ImportSource =
  | { readonly kind: "netboot"; readonly kernel: string; readonly files: readonly ImportFile[] }
  | { readonly kind: "mirror" | "medium"; readonly files: readonly ImportFile[] };

const KERNEL = "linux";
const INITRD = "initrd.gz";
/** `images/netboot/gtk/debian-installer/amd64` is five below `images`; more is no netboot folder any more. */
const MOST_LEVELS = 10;

/** Families whose installer fetches the ISO file whole, and what it is called in the tree. */
const ISO_IN_TREE: ReadonlyMap<string, string> = new Map([[ubuntu.name, LIVE_ISO]]);

/** The ISO file that a folder was unpacked from. */
export interface UnpackedIso {
  readonly path: string;
  /** May the tree's file be the same one on disk? Not what others could write to, as a next download does. */
  readonly link: boolean;
}

/**
 * What `tree` takes of `folder`; `iso` is the ISO file that was unpacked there, if one was. Throws EverbootError
 * `import-refused`, which says what was looked for, or which choices there are.
 */
export async function findImportSource(
  folder: string,
  tree: Pick<Tree, "family" | "release" | "upstream">,
  iso?: UnpackedIso,
): Promise<ImportSource> {
  return tree.family === "debian" ? debianSource(folder, tree, iso) : mediumSource(folder, tree.family, iso);
}

async function mediumSource(folder: string, family: string, iso?: UnpackedIso): Promise<ImportSource> {
  const files: ImportFile[] = [];
  for await (const path of walkFiles(folder)) {
    const from = realPathInside(folder, path);
    if (from !== undefined) files.push({ from, to: path, link: true });
  }
  const isoName = ISO_IN_TREE.get(family);
  if (isoName !== undefined && !files.some(({ to }) => to === isoName)) {
    if (iso === undefined) {
      const todo = `name the ISO file in place of the folder, or put it there as ${isoName}`;
      throw importRefused(folder, `has no ${isoName}, the ISO file itself, which the installer fetches whole: ${todo}`);
    }
    files.push({ from: iso.path, to: isoName, link: iso.link });
  }
  return { kind: "medium", files: files.sort((a, b) => compareBytes(a.to, b.to)) };
}

async function debianSource(
  folder: string,
  { release, upstream }: Pick<Tree, "release" | "upstream">,
  iso?: UnpackedIso,
): Promise<ImportSource> {
  if ((await isFolder(join(folder, "dists"))) && (await isFolder(join(folder, "pool")))) {
    if (upstream === undefined) return mirrorSource(folder, release, iso);
    const todo = "name netboot images alone, or a tree without `upstream`";
    throw importRefused(iso?.path ?? folder, `has packages, and those of this tree come from its upstream: ${todo}`);
  }
  const found = await netbootFolders(folder);
  const [chosen, ...others] = found;
  if (chosen === undefined) {
    const reason = `has neither ${KERNEL} and ${INITRD} in one folder, nor dists/ and pool/: name one that has`;
    throw importRefused(iso?.path ?? folder, reason);
  }
  if (others.length > 0) throw importRefused(folder, `has several netboot images, name one: ${found.join(", ")}`);
  const files = [KERNEL, INITRD].map((name) => ({ from: join(chosen, name), to: `netboot/${name}`, link: false }));
  return { kind: "netboot", kernel: join(chosen, KERNEL), files };
}

async function mirrorSource(folder: string, release: string, iso?: UnpackedIso): Promise<ImportSource> {
  const suite = `dists/${release}`;
  const signed = await Promise.all(["InRelease", "Release"].map((name) => isFile(join(folder, suite, name))));
  if (!signed.includes(true)) {
    throw importRefused(
      iso?.path ?? folder,
      `has no ${suite}/InRelease or Release, and the tree's release is ${release}`,
    );
  }
  const files: ImportFile[] = [];
  for (const top of ["dists", "pool"]) {
    for await (const path of walkFiles(join(folder, top))) {
      // Links to files may lead out of a mirror, to where its packages really lie.
      const from = await realpath(join(folder, top, path));
      files.push({ from, to: `${top}/${path}`, link: top === "pool" });
    }
  }
  return { kind: "mirror", files };
}

/** Folders at or below `folder` that hold both files. One that holds them is not searched any further. */
async function netbootFolders(folder: string, level = 0): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: unknown) => {
    throw importRefused(folder, `cannot be read (${errnoOf(error)})`, error);
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
