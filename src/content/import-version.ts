/** From files that are found to a version that is served. */
import { join } from "node:path";
import { EverbootError } from "../base/errors.ts";
import type { Tree } from "../site/model.ts";
import { realPathInside } from "./detect-tree.ts";
import type { MediumChecks } from "./import-check-list.ts";
import type { ImportFile } from "./import-source.ts";
import { type BaseVersion, linkBase, type StagedFile, type StageOptions, stageFiles } from "./import-stage.ts";
import { readManifest, writeManifest } from "./manifest.ts";
import { currentVersion, readVersionManifest, versionFolder, versionIds } from "./versions.ts";
import { KEPT_VERSIONS, pruneVersions, publishVersion, switchCurrent } from "./versions-change.ts";
import { walkFiles } from "./walk.ts";

export interface NewVersion {
  /** What was taken in. */
  readonly files: readonly StagedFile[];
  /** Its id. */
  readonly version: string;
  /** Undefined: the tree was empty, or is replaced. Equal to `version`: the tree has it all already. */
  readonly before?: string;
  /** Old versions that made room. */
  readonly removed: readonly string[];
  /** For the operator. */
  readonly notes: readonly string[];
}

export interface VersionOptions extends Omit<StageOptions, "wanted" | "base"> {
  /** The new version has the new files alone, none of the current one's. */
  readonly replace: boolean;
  /** Versions that running installs read; undefined = not known, so none is removed. */
  readonly used: () => Promise<ReadonlySet<string> | undefined>;
}

/**
 * Makes a version of `files` and those of the current version, and serves it. `staging` is empty and on the tree's file
 * system. Whatever happens before the last step, the tree is served as it was.
 */
export async function makeVersion(
  tree: Tree,
  files: readonly ImportFile[],
  { wanted }: Pick<MediumChecks, "wanted">,
  staging: string,
  options: VersionOptions,
): Promise<NewVersion> {
  const before = await currentVersion(tree.path);
  const base = before === undefined || options.replace ? undefined : await baseOf(tree.path, before);
  const ready = join(staging, "version");
  const staged = await stageFiles(files, ready, { ...options, wanted, base });
  const version = await publish(tree.path, ready, staged, base);
  return { files: staged, version, ...(before !== undefined && { before }), ...(await makeRoom(tree.path, options)) };
}

/** The new version is served by now: trouble with the old ones is told. */
async function makeRoom(
  root: string,
  { used }: Pick<VersionOptions, "used">,
): Promise<Pick<NewVersion, "removed" | "notes">> {
  try {
    const inUse = await used();
    if (inUse !== undefined) return { removed: await pruneVersions(root, inUse), notes: [] };
    const hasOld = (await versionIds(root)).length > KEPT_VERSIONS;
    return { removed: [], notes: hasOld ? [`old versions are kept: ${NOT_KNOWN}`] : [] };
  } catch (error) {
    if (!(error instanceof EverbootError)) throw error;
    return { removed: [], notes: [`old versions are kept: ${error.message}`] };
  }
}

const NOT_KNOWN = "no daemon tells which of them running installs read";

async function baseOf(root: string, id: string): Promise<BaseVersion> {
  return { folder: versionFolder(root, id), manifest: await readVersionManifest(root, id) };
}

async function publish(
  root: string,
  ready: string,
  staged: readonly StagedFile[],
  base: BaseVersion | undefined,
): Promise<string> {
  const kept = base === undefined ? [] : await linkBase(base, staged, ready);
  await writeManifest(ready, new Map([...kept, ...staged].map(({ path, size, sha256 }) => [path, { size, sha256 }])));
  const id = await publishVersion(root, ready);
  await switchCurrent(root, id);
  return id;
}

/**
 * Makes the files of a plain tree its first version, so that the next one has something to stand on. Its files stay
 * where they are.
 * @returns its id; undefined = it has none, or has versions already.
 */
export async function adoptPlainTree(
  tree: Tree,
  staging: string,
  options: Omit<VersionOptions, "replace" | "used">,
): Promise<string | undefined> {
  if ((await currentVersion(tree.path)) !== undefined) return undefined;
  const files = await plainFiles(tree);
  if (files.length === 0) return undefined;
  const ready = join(staging, "plain");
  const staged = await stageFiles(files, ready, { ...options, wanted: new Map(), base: undefined });
  return publish(tree.path, ready, staged, undefined);
}

/** In a mirror's folder lies what it keeps of its upstream as well: of that, what imports brought is the tree's. */
async function plainFiles(tree: Tree): Promise<readonly ImportFile[]> {
  const imported = tree.upstream === undefined ? undefined : ((await readManifest(tree.path)) ?? new Map());
  const files: ImportFile[] = [];
  for await (const to of walkFiles(tree.path)) {
    const from = realPathInside(tree.path, to);
    if (from === undefined || imported?.has(to) === false) continue;
    // Indices of a mirror may be changed in place by whatever keeps it up to date.
    files.push({ from, to, link: !to.startsWith("dists/") });
  }
  return files;
}
