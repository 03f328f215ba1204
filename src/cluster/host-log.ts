/** Each host's installer log: a file of bounded size, and the one before it. */
import { appendFile, mkdir, open, rename, stat } from "node:fs/promises";
import { join } from "node:path";
import { errnoOf } from "../base/errors.ts";

export interface HostLogs {
  /** One line, without its newline. Lines of one host keep their order; they are written behind the caller's back. */
  append(host: string, line: string): void;
  /** The last lines, at most `count`, oldest first; none when there is no log. */
  tail(host: string, count: number): Promise<readonly string[]>;
  /** Resolves when all lines handed over so far are written or lost. */
  flush(): Promise<void>;
  /** Lines that could not be written. */
  lost(): number;
}

const MAX_BYTES = 4 * 1024 * 1024;
/** Lines that wait for a slow disk, per host; more are lost and counted. */
const MAX_WAITING = 2_000;
/** Characters of one line that are kept. */
const MAX_LINE = 4_096;
const TAIL_BYTES = 256 * 1024;

interface HostLog {
  waiting: string[];
  writing?: Promise<void>;
}

/** `maxBytes` for each of a host's two files. The folder is made when the first line comes. */
export function createHostLogs(folder: string, maxBytes: number = MAX_BYTES): HostLogs {
  const logs = new Map<string, HostLog>();
  let lost = 0;

  async function writeWaiting(path: string, log: HostLog): Promise<void> {
    while (log.waiting.length > 0) {
      const lines = log.waiting;
      log.waiting = [];
      await appendLines(path, lines, maxBytes).catch(() => {
        lost += lines.length;
      });
    }
    delete log.writing;
  }

  return {
    append(host, line) {
      const path = logPath(folder, host);
      const log = logs.get(path) ?? { waiting: [] };
      logs.set(path, log);
      if (log.waiting.length >= MAX_WAITING) lost += 1;
      else log.waiting.push(`${printable(line)}\n`);
      log.writing ??= writeWaiting(path, log);
    },
    async tail(host, count) {
      const path = logPath(folder, host);
      const newest = await lastLines(path);
      const older = newest.length < count ? await lastLines(`${path}.1`) : [];
      return [...older, ...newest].slice(-count);
    },
    async flush() {
      await Promise.all([...logs.values()].map((log) => log.writing));
    },
    lost: () => lost,
  };
}

/** Host names are the site file's, or addresses of strangers: nothing in them may lead out of the folder. */
export function logPath(folder: string, host: string): string {
  const name = host.replace(/[^A-Za-z0-9._-]/g, "_").replace(/^\.+/, "_");
  return join(folder, `${name.slice(0, 200) || "_"}.log`);
}

/** What machines send is shown on terminals: control characters could rewrite what the operator sees. */
function printable(line: string): string {
  return line.slice(0, MAX_LINE).replace(/[^\P{Cc}\t]/gu, "\u{fffd}");
}

async function appendLines(path: string, lines: readonly string[], maxBytes: number): Promise<void> {
  const text = lines.join("");
  const size = await stat(path).then(
    (found) => found.size,
    () => 0,
  );
  if (size > 0 && size + Buffer.byteLength(text) > maxBytes) await rename(path, `${path}.1`);
  await mkdir(join(path, ".."), { recursive: true, mode: 0o700 });
  await appendFile(path, text, { mode: 0o600 });
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
