/** What the signed files of a Debian archive say of its other files: Release of the indices, those of the packages. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { EverbootError } from "../base/errors.ts";
import { type FileIndex, PACKAGES_ENDINGS, type PackagesEnding, parseRelease } from "./apt-index.ts";
import type { CheckList } from "./import-check-list.ts";
import { checkSigned } from "./import-signed.ts";
import { readPackagesFile } from "./packages-file.ts";

/** Adds what the suites among `paths`, relative to `folder`, say; nothing when it is no archive. */
export async function archiveHashes(checks: CheckList, folder: string, paths: ReadonlySet<string>): Promise<void> {
  const suites = new Set([...paths].flatMap((path) => /^(dists\/[^/]+)\/(?:In)?Release$/.exec(path)?.[1] ?? []));
  for (const suite of [...suites].sort()) {
    const files = await readRelease(checks, folder, suite, paths);
    for (const [path, { sha256 }] of files) {
      const inTree = `${suite}/${path}`;
      if (paths.has(inTree)) checks.want(inTree, { algorithm: "sha256", hex: sha256, by: releaseOf(suite, paths) });
    }
    await packageHashes(checks, folder, suite, files, paths);
  }
}

function releaseOf(suite: string, paths: ReadonlySet<string>): string {
  return paths.has(`${suite}/InRelease`) ? `${suite}/InRelease` : `${suite}/Release`;
}

/** The hashes of a suite's indices, after its signatures have been looked at. */
async function readRelease(
  checks: CheckList,
  folder: string,
  suite: string,
  paths: ReadonlySet<string>,
): Promise<FileIndex> {
  const name = releaseOf(suite, paths);
  let text = await readFile(join(folder, name), "utf8");
  if (name.endsWith("InRelease")) {
    const signed = await checkSigned({ path: join(folder, name), name }, checks.tree, checks.refuse);
    checks.notes.push(signed.note);
    text = signed.text ?? text;
  }
  await checkDetachedRelease(checks, folder, suite, paths);
  const release = parseRelease(text);
  if (release === undefined) checks.notes.push(`${name}: has no SHA-256 hashes, so nothing of ${suite} is checked`);
  return release?.files ?? new Map();
}

async function checkDetachedRelease(
  checks: CheckList,
  folder: string,
  suite: string,
  paths: ReadonlySet<string>,
): Promise<void> {
  const name = `${suite}/Release`;
  if (paths.has(name) && paths.has(`${name}.gpg`)) {
    const file = { path: join(folder, name), signature: join(folder, `${name}.gpg`), name };
    checks.notes.push((await checkSigned(file, checks.tree, checks.refuse)).note);
  } else if (!paths.has(`${suite}/InRelease`)) checks.notes.push(`${name}: is not signed`);
}

/** Of each folder with package lists, all endings say the same: one is read. */
async function packageHashes(
  checks: CheckList,
  folder: string,
  suite: string,
  files: FileIndex,
  paths: ReadonlySet<string>,
): Promise<void> {
  const folders = new Set([...files.keys()].flatMap((path) => /^(.+\/binary-[^/]+)\/Packages/.exec(path)?.[1] ?? []));
  let absent = 0;
  for (const below of [...folders].sort()) {
    const list = `${suite}/${below}/Packages`;
    const ending = PACKAGES_ENDINGS.find((each) => paths.has(list + each));
    if (ending === undefined) continue;
    for (const [path, { sha256 }] of await readList(checks, join(folder, list), list, ending)) {
      if (paths.has(path)) checks.want(path, { algorithm: "sha256", hex: sha256, by: list + ending });
      else absent += 1;
    }
  }
  if (absent > 0) checks.notes.push(`${suite}: ${absent} of the packages that it lists are not there: a part of it`);
}

async function readList(checks: CheckList, path: string, list: string, ending: PackagesEnding): Promise<FileIndex> {
  try {
    return await readPackagesFile(path + ending, ending);
  } catch (error) {
    if (error instanceof EverbootError && error.code === "tool-missing") {
      checks.notes.push(`${list}${ending}: its packages are not checked: xz is not here: install package xz-utils`);
      return new Map();
    }
    return checks.refuse(`${list}${ending} cannot be read: the medium is damaged`);
  }
}
