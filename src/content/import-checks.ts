/** What an install medium says itself of its files: gathered before they are taken in, held against what was read. */
import { dirname, join, relative } from "node:path";
import type { Tree } from "../site/model.ts";
import { realPathInside } from "./detect-tree.ts";
import { archiveHashes } from "./import-archive.ts";
import { CheckList, checkListSignature, type MediumChecks, textIfThere } from "./import-check-list.ts";
import { type ListedHash, parseSums, parseTreeinfoSums } from "./import-lists.ts";
import type { ImportSource } from "./import-source.ts";

/** At the top of a medium, with the hashes of all that matters on it. */
const MEDIUM_LISTS: ReadonlyArray<{ readonly name: string; readonly parse: (text: string) => ListedHash[] }> = [
  { name: ".treeinfo", parse: parseTreeinfoSums },
  ...["CHECKSUMS", "SHA256SUMS", "md5sum.txt"].map((name) => ({ name, parse: parseSums })),
];

/**
 * Files that a list may name in vain: the medium's own image, of which it is no part, and those that the program that
 * makes the ISO file writes into after the list was made (boot info table, El Torito catalog). No install over the
 * network reads them.
 */
const NOT_AS_LISTED = /(^|\/)(isolinux\.bin|eltorito\.img|boot\.cat|boot\.catalog)$|\.iso$/;

/** A list of netboot images lies with the images of all kinds: `netboot/gtk/debian-installer/amd64` is four below. */
const MOST_ABOVE = 4;

/**
 * Reads the lists of `folder`, where `source` was found. `refuse` is called for what is missing and for bad signatures.
 */
export async function gatherChecks(
  folder: string,
  source: ImportSource,
  tree: Pick<Tree, "family" | "keyring">,
  refuse: (reason: string) => never,
): Promise<MediumChecks> {
  const checks = new CheckList(tree, refuse);
  const paths = new Set(source.files.map(({ to }) => to));
  if (source.kind === "netboot") await netbootChecks(checks, source);
  else {
    await mediumLists(checks, folder, paths);
    await archiveHashes(checks, folder, paths);
  }
  if (checks.wanted.size === 0) checks.notes.push("it has no hashes of its own: nothing says whether it is whole");
  return checks;
}

async function mediumLists(checks: CheckList, folder: string, paths: ReadonlySet<string>): Promise<void> {
  for (const { name, parse } of MEDIUM_LISTS) {
    const text = await textIfThere(join(folder, name));
    if (text === undefined) continue;
    const listed = parse(text).filter(({ path }) => !NOT_AS_LISTED.test(path));
    for (const hash of listed) wantListed(checks, folder, paths, hash, name);
    await checkListSignature(checks, join(folder, name), name);
  }
}

/** What a tree does not take of the medium, as Debian's documentation, must be there nevertheless, or it is not whole. */
function wantListed(
  checks: CheckList,
  folder: string,
  paths: ReadonlySet<string>,
  { path, algorithm, hex }: ListedHash,
  by: string,
): void {
  if (paths.has(path)) checks.want(path, { algorithm, hex, by });
  else if (realPathInside(folder, path) === undefined) checks.refuse(`${path} is missing, which ${by} lists`);
}

/** The list lies at or above the images. */
async function netbootChecks(checks: CheckList, source: ImportSource): Promise<void> {
  const first = source.files[0];
  if (first === undefined) return;
  for (let folder = dirname(first.from), level = 0; level <= MOST_ABOVE; folder = dirname(folder), level++) {
    const text = await textIfThere(join(folder, "SHA256SUMS"));
    if (text === undefined) continue;
    const listed = new Map(parseSums(text).map((each) => [each.path, each]));
    for (const { from, to } of source.files) {
      const hash = listed.get(relative(folder, from));
      if (hash) checks.want(to, { algorithm: hash.algorithm, hex: hash.hex, by: "SHA256SUMS" });
    }
    await checkListSignature(checks, join(folder, "SHA256SUMS"), "SHA256SUMS");
    return;
  }
}
