/** Takes files into a tree: everything is made ready beside the tree's files, then put in place by renames. */
import { createReadStream } from "node:fs";
import { link, mkdir, open, readdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { EverbootError, errnoOf } from "../base/errors.ts";
import type { Tree } from "../site/model.ts";
import type { FileHash } from "./apt-index.ts";
import { fillDurably, hashFile, hashStream, syncFolder } from "./durable.ts";
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
  /** Of the netboot images' kernel, if the image tells it. */
  readonly kernelVersion?: string;
}

export interface ImportOptions {
  /** Called after each file. */
  readonly onProgress?: (progress: ImportProgress) => void;
  /** Ends the import between two files. */
  readonly signal?: AbortSignal;
}

const STAGING_PREFIX = `${PRIVATE_PREFIX}import-`;

/**
 * Takes the netboot images or the mirror in `folder` into `tree`, beside what the tree has already, and adds them to its
 * manifest. Throws EverbootError `import-refused`; as long as not all files could be read and written, the tree is as it
 * was.
 */
export async function importFolder(folder: string, tree: Tree, options: ImportOptions = {}): Promise<ImportResult> {
  if (tree.family !== "debian") {
    const reason = `tree ${tree.name} is of family ${tree.family}: only Debian's netboot images and mirrors can be taken in`;
    throw new EverbootError("import-refused", { from: folder, reason });
  }
  try {
    const source = await findImportSource(folder, tree.release);
    const files = await takeIn(source.files, tree.path, options);
    const version = source.kind === "netboot" ? await readKernelVersion(source.kernel) : undefined;
    return { kind: source.kind, files, ...(version === undefined ? {} : { kernelVersion: version }) };
  } catch (error) {
    if (options.signal?.aborted) throw refusal(folder, "broken off before anything was changed", error);
    throw asRefusal(folder, error);
  }
}

async function takeIn(files: readonly ImportFile[], root: string, options: ImportOptions): Promise<ImportedFile[]> {
  await removeLeftovers(root);
  const staging = join(root, `${STAGING_PREFIX}${process.pid}`);
  await mkdir(staging, { recursive: true });
  try {
    const imported = await stageAll(files, staging, options);
    for (const { path } of imported) await mkdir(dirname(join(root, path)), { recursive: true });
    for (const { path } of imported) await rename(join(staging, path), join(root, path));
    for (const folder of new Set(imported.map(({ path }) => dirname(join(root, path))))) await syncFolder(folder);
    const before = await readManifest(root);
    await writeManifest(root, new Map([...(before ?? []), ...imported.map((file) => [file.path, file] as const)]));
    return imported;
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
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
      file.link && (await tryLink(file.from, target)) ? await hashFile(target) : await copy(file.from, target);
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
  return refusal(from, `cannot be taken in: ${errno}${path}`, error);
}

function refusal(from: string, reason: string, cause: unknown): EverbootError {
  return new EverbootError("import-refused", { from, reason }, cause);
}
