/** Takes files into a tree: everything is made ready beside the tree's files, then put in place by renames. */
import { createReadStream } from "node:fs";
import { link, mkdir, open, readdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { EverbootError, errnoOf } from "../base/errors.ts";
import type { Tree } from "../site/model.ts";
import type { FileHash } from "./apt-index.ts";
import { describeTree, detectTree, differingKey, type Families, type FoundTree, LOOKED_FOR } from "./detect-tree.ts";
import { fillDurably, hashStream, syncFolder } from "./durable.ts";
import { unpackIso } from "./import-iso.ts";
import { importRefused, type Origin, openOrigin } from "./import-origin.ts";
import { findImportSource, type ImportFile, type ImportSource } from "./import-source.ts";
import { KERNEL_HEAD_BYTES, kernelVersion } from "./kernel-version.ts";
import { readManifest, writeManifest } from "./manifest.ts";
import { PRIVATE_PREFIX } from "./tree-path.ts";

export interface ImportProgress {
  readonly files: number;
  readonly bytes: number;
  readonly totalFiles: number;
}

export interface ImportedFile extends FileHash {
  /** Inside the tree. */
  readonly path: string;
}

export interface ImportResult {
  readonly kind: ImportSource["kind"];
  readonly files: readonly ImportedFile[];
  /** What the files say that they are, if they do. */
  readonly found?: FoundTree;
  /** Of the netboot images' kernel, if the image tells it. */
  readonly kernelVersion?: string;
}

export interface ImportOptions {
  /** Called before an ISO file is unpacked, which takes a while. */
  readonly onUnpack?: () => void;
  /** Called after each file. */
  readonly onProgress?: (progress: ImportProgress) => void;
  /** Ends the import between two files. */
  readonly signal?: AbortSignal;
}

const STAGING_PREFIX = `${PRIVATE_PREFIX}import-`;

/**
 * Takes `named`, a folder or an ISO file, into `tree`, beside what the tree has already, and adds its files to the
 * manifest. Throws EverbootError `import-refused`, also for what is of another family, release or architecture than the
 * tree; as long as not all files could be read and written, the tree is as it was.
 */
export async function importTree(
  named: string,
  tree: Tree,
  families: Families,
  options: ImportOptions = {},
): Promise<ImportResult> {
  try {
    const origin = await openOrigin(named);
    const found = requireKind(origin, tree, families);
    return { ...(await takeOrigin(origin, tree, options)), ...(found && { found }) };
  } catch (error) {
    if (options.signal?.aborted) throw importRefused(named, "broken off before anything was changed", error);
    throw asRefusal(named, error);
  }
}

/** What `named` is. Throws EverbootError `import-refused` when no family knows it. */
export async function identify(named: string, families: Families): Promise<FoundTree> {
  try {
    const { files } = await openOrigin(named);
    return detectTree(files, families) ?? unknown(named);
  } catch (error) {
    throw asRefusal(named, error);
  }
}

function unknown(from: string): never {
  throw importRefused(from, `no install medium of a family that is known: looked for ${LOOKED_FOR}`);
}

/** Debian's images do not say what they are when they lie in a folder alone. */
function requireKind({ path, files }: Origin, tree: Tree, families: Families): FoundTree | undefined {
  const found = detectTree(files, families, tree.family);
  if (found === undefined) return tree.family === "debian" ? undefined : unknown(path);
  const key = differingKey(tree, found, files);
  if (key === undefined) return found;
  const declared = `tree ${tree.name} is ${tree.family} ${tree.release} for ${tree.arch}`;
  const todo = `name another tree, or correct its \`${key}\``;
  throw importRefused(path, `this is ${describeTree(found)}, and ${declared}: ${todo}`);
}

async function takeOrigin(origin: Origin, tree: Tree, options: ImportOptions): Promise<ImportResult> {
  if (origin.kind === "folder") {
    const source = await findImportSource(origin.path, tree);
    return inStaging(tree.path, (staging) => takeSource(source, staging, tree, options));
  }
  return inStaging(tree.path, async (staging) => {
    const unpacked = join(staging, "unpacked");
    await mkdir(unpacked);
    options.onUnpack?.();
    await unpackIso(origin.path, unpacked, options.signal);
    const source = await findImportSource(unpacked, tree, origin.path);
    return takeSource(source, join(staging, "ready"), tree, options);
  });
}

async function takeSource(
  source: ImportSource,
  staging: string,
  tree: Tree,
  options: ImportOptions,
): Promise<ImportResult> {
  const files = await takeIn(source.files, staging, tree.path, options);
  const version = source.kind === "netboot" ? await readKernelVersion(source.kernel) : undefined;
  return { kind: source.kind, files, ...(version === undefined ? {} : { kernelVersion: version }) };
}

/** A folder on the tree's own file system, gone afterwards. */
async function inStaging<T>(root: string, work: (staging: string) => Promise<T>): Promise<T> {
  await removeLeftovers(root);
  const staging = join(root, `${STAGING_PREFIX}${process.pid}`);
  await mkdir(staging);
  try {
    return await work(staging);
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

async function takeIn(
  files: readonly ImportFile[],
  staging: string,
  root: string,
  options: ImportOptions,
): Promise<ImportedFile[]> {
  const imported = await stageAll(files, staging, options);
  for (const { path } of imported) await mkdir(dirname(join(root, path)), { recursive: true });
  for (const { path } of imported) await rename(join(staging, path), join(root, path));
  for (const folder of new Set(imported.map(({ path }) => dirname(join(root, path))))) await syncFolder(folder);
  const before = await readManifest(root);
  await writeManifest(root, new Map([...(before ?? []), ...imported.map((file) => [file.path, file] as const)]));
  return imported;
}

async function stageAll(
  files: readonly ImportFile[],
  staging: string,
  options: ImportOptions,
): Promise<ImportedFile[]> {
  const imported: ImportedFile[] = [];
  let bytes = 0;
  for (const file of files) {
    options.signal?.throwIfAborted();
    const target = join(staging, file.to);
    await mkdir(dirname(target), { recursive: true });
    const hash =
      file.link && (await tryLink(file.from, target)) ? await hashSynced(target) : await copy(file.from, target);
    imported.push({ path: file.to, ...hash });
    bytes += hash.size;
    options.onProgress?.({ files: imported.length, bytes, totalFiles: files.length });
  }
  return imported;
}

/** Packages need no second place on the disk, when it is the same disk and its file system can do it. */
async function tryLink(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if (!["EXDEV", "EPERM", "EMLINK", "ENOTSUP"].includes(errnoOf(error) ?? "")) throw error;
    return false;
  }
}

/** Whoever wrote the file may not have waited for the disk; syncing takes no leave to write. */
async function hashSynced(path: string): Promise<FileHash> {
  const handle = await open(path, "r");
  try {
    const hash = await hashStream(handle.createReadStream({ autoClose: false, highWaterMark: 1 << 20 }));
    await handle.sync();
    return hash;
  } finally {
    await handle.close();
  }
}

function copy(from: string, to: string): Promise<FileHash> {
  return fillDurably(to, (handle) =>
    hashStream(createReadStream(from, { highWaterMark: 1 << 20 }), (chunk) => handle.writeFile(chunk)),
  );
}

/** What imports left behind that were killed. */
async function removeLeftovers(root: string): Promise<void> {
  await mkdir(root, { recursive: true });
  for (const name of await readdir(root)) {
    const pid = name.startsWith(STAGING_PREFIX) ? Number(name.slice(STAGING_PREFIX.length)) : 0;
    if (pid > 0 && !isRunning(pid)) await rm(join(root, name), { recursive: true, force: true });
  }
}

function isRunning(pid: number): boolean {
  if (pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errnoOf(error) !== "ESRCH";
  }
}

async function readKernelVersion(path: string): Promise<string | undefined> {
  const handle = await open(path, "r");
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(KERNEL_HEAD_BYTES));
    return kernelVersion(buffer.subarray(0, bytesRead));
  } finally {
    await handle.close();
  }
}

function asRefusal(from: string, error: unknown): unknown {
  if (error instanceof EverbootError) return error;
  const errno = errnoOf(error);
  if (errno === undefined) return error;
  const path = error instanceof Error && "path" in error ? ` (${String(error.path)})` : "";
  return importRefused(from, `cannot be taken in: ${errno}${path}`, error);
}
