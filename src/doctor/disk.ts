/** Is there room for the state and the mirrors, and is the disk quick enough to keep a change? */
import { open, rm, statfs } from "node:fs/promises";
import { join } from "node:path";
import { errnoOf } from "../base/errors.ts";
import type { Check, Scene } from "./check.ts";
import { type Finding, finding } from "./findings.ts";

/** Of one folder that the daemon writes to. */
export interface DiskFacts {
  readonly path: string;
  /** Bytes. */
  readonly free: number;
  readonly size: number;
  /** 0 = the file system has no such limit. */
  readonly inodes: number;
  readonly freeInodes: number;
  /** Milliseconds that a small write took to be kept, the middle one of several; absent = not tried. */
  readonly writeMs?: number;
}

const FULL_BYTES = 256 << 20;
const LOW_BYTES = 5 * 2 ** 30;
const LOW_SHARE = 0.05;
const LEAST_INODES = 10_000;
/** etcd asks for 10 ms and warns at 100 (etcd 3.4, tuning and FAQ); its elections begin after 300. */
const SLOW_MS = 50;
const WRITES = 5;

export const diskCheck: Check = {
  name: "disk",
  of: "machine",
  look: async (scene) => {
    const { folder } = scene.state;
    const mirrors = mirrorFolders(scene);
    const [state, ...others] = await Promise.all([folder, ...mirrors].map(readDisk));
    const writeMs = state && (await writeTime(folder));
    const disks = [...(state ? [{ ...state, ...(writeMs !== undefined && { writeMs }) }] : []), ...others];
    return disks.flatMap((disk) => (disk ? judgeDisk(disk) : []));
  },
};

function mirrorFolders({ site }: Scene): readonly string[] {
  return [...site.trees.values()].flatMap(({ upstream, path }) => (upstream === undefined ? [] : [path]));
}

export function judgeDisk({ path, free, size, inodes, freeInodes, writeMs }: DiskFacts): readonly Finding[] {
  const findings: Finding[] = [];
  const seen = `${bytesText(free)} of ${bytesText(size)} free`;
  if (free < FULL_BYTES) findings.push(finding("disk-full", { path, free: bytesText(free) }, seen));
  else if (free < LOW_BYTES && free < size * LOW_SHARE)
    findings.push(finding("disk-low", { path, free: bytesText(free) }, seen));
  if (inodes > 0 && freeInodes < LEAST_INODES)
    findings.push(finding("inodes-few", { path, count: freeInodes }, `${freeInodes} of ${inodes} inodes free`));
  if (writeMs !== undefined && writeMs > SLOW_MS) {
    const evidence = `the middle one of ${WRITES} writes of 4 KiB, each with fdatasync(2)`;
    findings.push(finding("disk-slow", { path, ms: Math.round(writeMs) }, evidence));
  }
  return findings;
}

/** Undefined where there is no such folder yet. */
async function readDisk(path: string): Promise<DiskFacts | undefined> {
  try {
    const { bavail, bsize, blocks, files, ffree } = await statfs(path);
    return { path, free: bavail * bsize, size: blocks * bsize, inodes: files, freeInodes: ffree };
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

async function writeTime(folder: string): Promise<number> {
  const path = join(folder, "doctor.tmp");
  const times: number[] = [];
  try {
    const file = await open(path, "w", 0o600);
    try {
      for (let count = 0; count < WRITES; count++) {
        const began = performance.now();
        await file.write(new Uint8Array(4096));
        await file.datasync();
        times.push(performance.now() - began);
      }
    } finally {
      await file.close();
    }
  } finally {
    await rm(path, { force: true });
  }
  return times.sort((a, b) => a - b)[WRITES >> 1] ?? 0;
}

export function bytesText(bytes: number): string {
  return bytes < 2 ** 30 ? `${Math.floor(bytes / 2 ** 20)} MiB` : `${(bytes / 2 ** 30).toFixed(1)} GiB`;
}
