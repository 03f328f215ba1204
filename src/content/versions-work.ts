/**
 * Unfinished work in a tree's folder: named after the process that does it, so that what a killed one left behind is
 * told from what a running one needs.
 */
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { errnoOf } from "../base/errors.ts";
import { PRIVATE_PREFIX } from "./tree-path.ts";

/** `import`: a version in the making, one at a time; `link`: the next current link; `removed`: a version on its way out. */
export type WorkKind = "import" | "link" | "removed";

interface Work {
  readonly kind: WorkKind;
  readonly pid: number;
  /** Of the process, as the kernel tells it: ids are given again. */
  readonly started: string;
}

const WORK = new RegExp(`^${PRIVATE_PREFIX.replace(".", "\\.")}(import|link|removed)-(\\d+)-(\\d+)-[0-9a-f]{8}$`);

/** A name that no other work has, in the tree's folder. */
export function workName(kind: WorkKind): string {
  return `${PRIVATE_PREFIX}${kind}-${process.pid}-${startOf(process.pid) ?? "0"}-${randomBytes(4).toString("hex")}`;
}

function parseWork(name: string): Work | undefined {
  const [, kind, pid, started = ""] = WORK.exec(name) ?? [];
  return kind === undefined ? undefined : { kind: kind as WorkKind, pid: Number(pid), started };
}

/** In clock ticks since the machine was started (proc_pid_stat(5), field 22); undefined = no such process. */
function startOf(pid: number): string | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The second field is the program's name, in brackets, with anything in it.
    return text.slice(text.lastIndexOf(")") + 2).split(" ")[19];
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return undefined;
  }
}

function isAlive({ pid, started }: Work): boolean {
  return startOf(pid) === started;
}

/** Ids of the running processes that do `kind` in the tree's folder, this one's left out that is called `own`. */
async function workers(root: string, kind: WorkKind, own: string): Promise<readonly number[]> {
  const works = (await namesIn(root)).filter((name) => name !== own).map(parseWork);
  return works.flatMap((work) => (work?.kind === kind && isAlive(work) ? [work.pid] : []));
}

/** Removes what killed processes left behind. A tree's folder that is not there has nothing of it. */
export async function removeLeftovers(root: string): Promise<void> {
  for (const name of await namesIn(root)) {
    const work = parseWork(name);
    if (work !== undefined && !isAlive(work)) await rm(join(root, name), { recursive: true, force: true });
  }
}

async function namesIn(root: string): Promise<readonly string[]> {
  return readdir(root).catch((error: unknown) => {
    if (errnoOf(error) !== "ENOENT") throw error;
    return [];
  });
}

/** Another process makes a version of the same tree. */
export class WorkUnderWay extends Error {
  readonly pid: number;

  constructor(pid: number) {
    super(`process ${pid} is at it`);
    this.pid = pid;
  }
}

/**
 * Lets `work` use a new folder on the tree's own file system, gone afterwards. One at a time in a tree: two versions
 * made at once would each lack what the other adds. Throws `WorkUnderWay`.
 */
export async function inStaging<T>(root: string, work: (staging: string) => Promise<T>): Promise<T> {
  await mkdir(root, { recursive: true });
  await removeLeftovers(root);
  const name = workName("import");
  const staging = join(root, name);
  await mkdir(staging);
  try {
    // After our own is there: of two that begin at once, at least one sees the other.
    const [other] = await workers(root, "import", name);
    if (other !== undefined) throw new WorkUnderWay(other);
    return await work(staging);
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}
