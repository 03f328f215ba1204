/** What `everboot tree` does with the versions of a tree. */
import { systemClock } from "../base/clock.ts";
import { EverbootError } from "../base/errors.ts";
import { MANIFEST_NAME, readManifest, type TreeDifference, verifyTree } from "../content/manifest.ts";
import {
  currentVersion,
  listVersions,
  readVersionManifest,
  type TreeVersion,
  versionFolder,
} from "../content/versions.ts";
import { removeVersion, setPinned, switchCurrent } from "../content/versions-change.ts";
import { removeLeftovers } from "../content/versions-work.ts";
import type { Tree } from "../site/model.ts";
import { alignColumns } from "./columns.ts";
import type { Io } from "./command.ts";
import { bytesText, countText, timeText } from "./status-units.ts";
import { findTree } from "./tree-named.ts";

export interface TreeActionArgs {
  /** After the action's name. */
  readonly words: readonly string[];
  readonly trees: ReadonlyMap<string, Tree>;
  /** Ids of the versions that running installs read; undefined = not known. */
  readonly used: (tree: string) => Promise<ReadonlySet<string> | undefined>;
  readonly version?: string;
  readonly serve?: boolean;
  readonly force?: boolean;
  readonly json?: boolean;
}

/** Resolves with the exit code. */
export type TreeAction = (args: TreeActionArgs, io: Io) => Promise<number>;

export const listTrees: TreeAction = async ({ words, trees, json }, io) => {
  requireWords(words, 0, 1, "list [TREE]");
  const named = words[0] === undefined ? [...trees.values()] : [findTree({ trees }, words[0])];
  const listed: { readonly tree: string; readonly versions: readonly TreeVersion[] }[] = [];
  for (const { name, path } of named) {
    await removeLeftovers(path);
    listed.push({ tree: name, versions: await listVersions(path) });
  }
  if (json) io.out(JSON.stringify(listed));
  else for (const { tree, versions } of listed) for (const line of versionTable(tree, versions)) io.out(line);
  return 0;
};

function versionTable(tree: string, versions: readonly TreeVersion[]): string[] {
  if (versions.length === 0) return [`${tree}: no versions, it is served as it lies`];
  const rows = versions.map(({ id, made, files, bytes, current, pinned }) => [
    ...[current ? ">" : "", id, timeText(made, systemClock.now())],
    ...[countText(files, "file"), bytesText(bytes), pinned ? "pinned" : ""],
  ]);
  return [tree, ...alignColumns(rows, ["left", "left", "left", "right", "right", "left"])];
}

export const verifyTreeVersion: TreeAction = async ({ words, trees, version, json }, io) => {
  const [name = ""] = requireWords(words, 1, 1, "verify TREE [--version ID]");
  const tree = findTree({ trees }, name);
  const id = version ?? (await currentVersion(tree.path));
  const differences = id === undefined ? await verifyPlain(tree) : await verifyVersion(tree.path, id);
  const what = id === undefined ? `tree ${name}` : `tree ${name}, version ${id}`;
  if (json) io.out(JSON.stringify({ tree: name, version: id, differences }));
  else for (const line of verifyLines(what, differences)) io.out(line);
  return differences.length === 0 ? 0 : 1;
};

async function verifyVersion(root: string, id: string): Promise<readonly TreeDifference[]> {
  return verifyTree(versionFolder(root, id), await readVersionManifest(root, id));
}

async function verifyPlain({ name, path }: Tree): Promise<readonly TreeDifference[]> {
  const manifest = await readManifest(path);
  if (manifest !== undefined) return verifyTree(path, manifest);
  const todo = `take it in with \`everboot import FOLDER --as ${name}\`, which makes one`;
  throw new EverbootError("tree-incomplete", { tree: name, what: MANIFEST_NAME, todo });
}

const PROBLEMS: Readonly<Record<TreeDifference["problem"], string>> = {
  missing: "is missing",
  size: "has another size",
  hash: "has other bytes",
  extra: "does not belong to it",
};

function verifyLines(what: string, differences: readonly TreeDifference[]): string[] {
  if (differences.length === 0) return [`${what}: all files are what its manifest says`];
  const lines = differences.map(({ path, problem }) => `${path} ${PROBLEMS[problem]}`);
  return [...lines, `${what}: ${countText(differences.length, "file")} of it not as its manifest says`];
}

export const removeTree: TreeAction = async ({ words, trees, used, force }, io) => {
  const [name = "", id = ""] = requireWords(words, 2, 2, "remove TREE ID");
  const { path } = findTree({ trees }, name);
  const inUse = await used(name);
  if (inUse === undefined && force !== true) {
    const reason = "may be read by running installs: no daemon tells";
    throw new EverbootError("version-kept", { version: id, reason, todo: "start it, or give --force" });
  }
  await removeVersion(path, id, inUse ?? new Set());
  io.out(`tree ${name}: version ${id} is removed`);
  return 0;
};

export const pinTree: TreeAction = async ({ words, trees, serve }, io) => {
  const [name = "", id = ""] = requireWords(words, 2, 2, "pin TREE ID [--serve]");
  const { path } = findTree({ trees }, name);
  await setPinned(path, id, true);
  if (serve) await switchCurrent(path, id);
  io.out(`tree ${name}: version ${id} is pinned${serve ? ", and served from now on" : ""}`);
  return 0;
};

export const unpinTree: TreeAction = async ({ words, trees }, io) => {
  const [name = "", id = ""] = requireWords(words, 2, 2, "unpin TREE ID");
  await setPinned(findTree({ trees }, name).path, id, false);
  io.out(`tree ${name}: version ${id} is not pinned any more`);
  return 0;
};

function requireWords(words: readonly string[], min: number, max: number, usage: string): readonly string[] {
  if (words.length >= min && words.length <= max) return words;
  throw new EverbootError("usage", { what: `usage: everboot tree ${usage}` });
}
