/**
 * The installers' logs: a folder for each host, in it a file for each boot, `<boot id>.log`, and `.log.1` with what was
 * before it when it had grown too large. The newest boots are kept.
 */
import type { Stats } from "node:fs";
import { appendFile, mkdir, open, readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { errnoOf } from "../base/errors.ts";

export interface HostLogs {
  /**
   * One line, without its newline. Lines of one host keep their order; they are written behind the caller's back.
   * `boot`: id of the boot that it is of; absent = none is known.
   */
  append(host: string, line: string, boot?: string): void;
  /** The last lines of this boot, or of the one that was written last: at most `count`, oldest first. */
  tail(host: string, count: number, boot?: string): Promise<readonly string[]>;
  /** Ids of the boots that have a log, the one that was written last first. */
  boots(host: string): Promise<readonly string[]>;
  /** Resolves when all lines handed over so far are written or lost. */
  flush(): Promise<void>;
  /** Lines that could not be written. */
  lost(): number;
}

export interface HostLogLimits {
  /** Bytes of one boot, in two files. */
  readonly maxBytes?: number;
  /** Boots of one host. */
  readonly maxBoots?: number;
}

const MAX_BYTES = 4 * 1024 * 1024;
const MAX_BOOTS = 20;
/** Lines that wait for a slow disk, per host; more are lost and counted. */
const MAX_WAITING = 2_000;
/** Characters of one line that are kept. */
const MAX_LINE = 4_096;
const TAIL_BYTES = 256 * 1024;

/** Where lines go whose boot is not known; the log of a daemon that kept one file a host is here too. */
const NO_BOOT = "unknown";

interface WaitingLine {
  readonly path: string;
  readonly text: string;
}

interface HostLog {
  waiting: WaitingLine[];
  writing?: Promise<void>;
}

/** The folder is made when the first line comes. */
export function createHostLogs(folder: string, limits: HostLogLimits = {}): HostLogs {
  const { maxBytes = MAX_BYTES, maxBoots = MAX_BOOTS } = limits;
  const logs = new Map<string, HostLog>();
  let lost = 0;

  async function writeWaiting(place: string, log: HostLog): Promise<void> {
    while (log.waiting.length > 0) {
      const lines = takeFirst(log);
      await appendLines(lines, maxBytes, () => makeRoom(place, maxBoots)).catch(() => {
        lost += lines.length;
      });
    }
    delete log.writing;
  }

  return {
    append(host, line, boot) {
      const place = hostFolder(folder, host);
      const log = logs.get(place) ?? { waiting: [] };
      logs.set(place, log);
      if (log.waiting.length >= MAX_WAITING) lost += 1;
      else log.waiting.push({ path: logPath(folder, host, boot), text: `${printable(line)}\n` });
      log.writing ??= writeWaiting(place, log);
    },
    async tail(host, count, boot) {
      const [newest] = boot === undefined ? await bootsIn(hostFolder(folder, host)) : [boot];
      if (newest === undefined) return [];
      const path = logPath(folder, host, newest);
      const late = await lastLines(path);
      const older = late.length < count ? await lastLines(`${path}.1`) : [];
      return [...older, ...late].slice(-count);
    },
    boots: (host) => bootsIn(hostFolder(folder, host)),
    async flush() {
      await Promise.all([...logs.values()].map((log) => log.writing));
    },
    lost: () => lost,
  };
}

/** Names are the site file's, or what a machine made up: nothing in them may lead out of the folder. */
export function logPath(folder: string, host: string, boot = NO_BOOT): string {
  return join(hostFolder(folder, host), `${plainName(boot)}.log`);
}

function hostFolder(folder: string, host: string): string {
  return join(folder, plainName(host));
}

function plainName(name: string): string {
  const plain = name.replace(/[^A-Za-z0-9._-]/g, "_").replace(/^\.+/, "_");
  return plain.slice(0, 200) || "_";
}

/** What machines send is shown on terminals: control characters could rewrite what the operator sees. */
function printable(line: string): string {
  return line.slice(0, MAX_LINE).replace(/[^\P{Cc}\t]/gu, "\u{fffd}");
}

/** The first lines that go to the same file. */
function takeFirst(log: HostLog): readonly WaitingLine[] {
  const path = log.waiting[0]?.path;
  const other = log.waiting.findIndex((line) => line.path !== path);
  return log.waiting.splice(0, other < 0 ? log.waiting.length : other);
}

async function appendLines(
  lines: readonly WaitingLine[],
  maxBytes: number,
  beforeFirst: () => Promise<void>,
): Promise<void> {
  const path = lines[0]?.path ?? "";
  const text = lines.map((line) => line.text).join("");
  const found = await statIfThere(path);
  if (found === undefined) await beforeFirst();
  else if (found.size + Buffer.byteLength(text) > maxBytes / 2) await rename(path, `${path}.1`);
  await appendFile(path, text, { mode: 0o600 });
}

async function statIfThere(path: string): Promise<Stats | undefined> {
  return stat(path).catch((error: unknown) => {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw error;
  });
}

/** Makes a host's folder, takes over what lay beside it before there were folders, and removes its oldest logs. */
async function makeRoom(place: string, maxBoots: number): Promise<void> {
  await mkdir(place, { recursive: true, mode: 0o700 });
  for (const end of [".log", ".log.1"]) await renameIfThere(`${place}${end}`, join(place, `${NO_BOOT}${end}`));
  for (const boot of (await bootsIn(place)).slice(maxBoots - 1)) {
    const path = join(place, `${boot}.log`);
    await rm(path, { force: true });
    await rm(`${path}.1`, { force: true });
  }
}

/** A folder of that name belongs to another host. */
async function renameIfThere(from: string, to: string): Promise<void> {
  const found = await statIfThere(from);
  if (found?.isFile()) await rename(from, to);
}

async function bootsIn(place: string): Promise<readonly string[]> {
  const names = await readdir(place).catch((error: unknown) => {
    if (errnoOf(error) === "ENOENT") return [];
    throw error;
  });
  const boots = names.filter((name) => name.endsWith(".log")).map((name) => name.slice(0, -".log".length));
  const dated = await Promise.all(
    boots.map(async (boot) => ({ boot, at: (await statIfThere(join(place, `${boot}.log`)))?.mtimeMs ?? 0 })),
  );
  return dated.sort((a, b) => b.at - a.at).map(({ boot }) => boot);
}

async function lastLines(path: string): Promise<string[]> {
  try {
    await using file = await open(path, "r");
    const { size } = await file.stat();
    const start = Math.max(0, size - TAIL_BYTES);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(size - start), 0, size - start, start);
    const lines = buffer.toString("utf8", 0, bytesRead).split("\n").slice(0, -1);
    // The first line of a tail has most likely lost its beginning.
    return start > 0 ? lines.slice(1) : lines;
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return [];
    throw error;
  }
}
