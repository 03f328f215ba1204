/** ISO files of install media, read and unpacked by bsdtar, which needs neither root nor a loop device. */
import { execFile, spawnSync } from "node:child_process";
import { chmod, open, readdir } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { EverbootError } from "../base/errors.ts";
import type { TreeFiles } from "../os/family.ts";
import { MOST_TEXT } from "./detect-tree.ts";
import { NO_SPACE } from "./import-refused.ts";
import { compareBytes } from "./walk.ts";

const TOOL = "bsdtar";
/** By env(1): the names of files are those of the locale. */
const CALL = ["LC_ALL=C.UTF-8", TOOL];
/** Exit status of env(1) when there is no such program (POSIX.1-2017). */
const NO_PROGRAM = 127;
/** Bytes; a medium has some ten thousand names. */
const MOST_LISTING = 64 << 20;

/** Every volume descriptor has it, the first of them in sector 16 of 2048 bytes each (ECMA-119, 8.1 and 8.4). */
const MAGIC = "CD001";
const MAGIC_AT = 16 * 2048 + 1;

export async function isIsoFile(path: string): Promise<boolean> {
  const handle = await open(path, "r");
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(MAGIC.length), 0, MAGIC.length, MAGIC_AT);
    return buffer.toString("latin1", 0, bytesRead) === MAGIC;
  } finally {
    await handle.close();
  }
}

/** What lies in an ISO file, nothing of it unpacked. Throws EverbootError `import-refused`. */
export async function isoFiles(iso: string): Promise<TreeFiles> {
  const paths = new Set(namesOf(await bsdtar(iso, ["-tf", iso])));
  const namesIn = (folder: string) => {
    const start = folder === "" ? "" : `${folder}/`;
    const below = [...paths].filter((path) => path.startsWith(start)).map((path) => path.slice(start.length));
    return below.filter((path) => path !== "" && path !== "." && !path.includes("/")).sort(compareBytes);
  };
  return {
    has: (path) => paths.has(path),
    names: namesIn,
    text: (path) => (paths.has(path) && namesIn(path).length === 0 ? textOf(iso, path) : undefined),
  };
}

function namesOf(listing: string): string[] {
  return listing.split("\n").filter((name) => name !== "");
}

/** Paths on bsdtar's command line are patterns. A text that is too long ends the reading, and its beginning is kept. */
function textOf(iso: string, path: string): string | undefined {
  const pattern = path.replaceAll(/[\\*?[\]]/g, "\\$&");
  const { stdout, status } = spawnSync("env", [...CALL, "-xOqf", iso, pattern], { maxBuffer: MOST_TEXT });
  return status === 0 || stdout.length > 0 ? stdout.toString("utf8", 0, MOST_TEXT) : undefined;
}

/**
 * Unpacks into `folder`, which is there and empty; `onFiles` hears how many files and folders are there by now, of all.
 * Throws EverbootError `import-refused`.
 */
export async function unpackIso(
  iso: string,
  folder: string,
  onFiles: (done: number, total: number) => void,
  signal?: AbortSignal,
): Promise<void> {
  try {
    const total = namesOf(await bsdtar(iso, ["-tf", iso])).length;
    const args = ["-xvf", iso, "-C", folder, "--no-same-owner", "--no-same-permissions"];
    let done = 0;
    await bsdtar(iso, args, signal, (lines) => {
      done += lines;
      onFiles(Math.min(done, total), total);
    });
  } finally {
    await makeOrdinary(folder);
  }
}

/** On media nothing may be written, not even by the owner, who could not remove it again. */
async function makeOrdinary(folder: string): Promise<void> {
  await chmod(folder, 0o755);
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) await makeOrdinary(path);
    else if (entry.isFile()) await chmod(path, 0o644);
  }
}

/** `onLines` hears of the lines on standard error, as they come: with `-v`, one for each file. */
async function bsdtar(
  iso: string,
  args: readonly string[],
  signal?: AbortSignal,
  onLines: (count: number) => void = () => undefined,
): Promise<string> {
  try {
    const options = { maxBuffer: MOST_LISTING, ...(signal && { signal }) };
    const running = promisify(execFile)("env", [...CALL, ...args], options);
    running.child.stderr?.on("data", (text: string) => onLines(text.split("\n").length - 1));
    return (await running).stdout;
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new EverbootError("import-refused", { from: iso, reason: reasonOf(error) }, error);
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof Error && "code" in error && error.code === NO_PROGRAM) {
    const mount = "mount the file (`mount -o loop,ro`) and name that folder";
    return `${TOOL}, which reads ISO files, is not here: install package libarchive-tools, or ${mount}`;
  }
  const said = error instanceof Error && "stderr" in error ? String(error.stderr) : "";
  if (said.includes("No space left on device")) return NO_SPACE;
  // With -v the names of the files come first, each after `x `, and a complaint after its name.
  const complaint = said.split("\n").find((line) => line.startsWith(`${TOOL}: `) || /^x .*: /.test(line)) ?? "";
  return `${TOOL} cannot read it: ${complaint.replace(/^(x .*?: |bsdtar: )/, "") || "it was ended"}`;
}
