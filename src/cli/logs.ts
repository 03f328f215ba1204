/** `everboot logs`: what a host's installer logged. */
import { type Clock, sleep, systemClock } from "../base/clock.ts";
import { EverbootError } from "../base/errors.ts";
import type { Command, Io } from "./command.ts";
import { doorOf, type Get, getFrom } from "./daemon-door.ts";
import { passingText } from "./daemon-stream.ts";
import { newLines } from "./logs-tail.ts";
import { parseOptions, wantPositionals } from "./options.ts";
import { hostPath, STATE_OPTION, STATE_USAGE } from "./state-option.ts";
import { printable } from "./status-width.ts";

const USAGE = `everboot logs HOST [-f] [-n LINES] [--boot ID] [--state DIR] [--json]
  The end of its installer's log, of the newest boot that has one.
  -f, --follow  goes on with each line that comes, until Ctrl-C; also while the daemon restarts
  -n LINES      how many of the last lines (default 40)
  --boot ID     of this boot: \`everboot status HOST\` and \`everboot events HOST --json\` tell the ids
${STATE_USAGE}`;

const OPTIONS = {
  ...STATE_OPTION,
  follow: { type: "boolean", short: "f" },
  lines: { type: "string", short: "n" },
  boot: { type: "string" },
} as const;

const DEFAULT_LINES = 40;
const MOST_LINES = 10_000;
const LOOK_MS = 1_000;
/** Lines that are looked at each time: so many may come within LOOK_MS without being missed. */
const LOOKED_AT = 1_000;

export function createLogsCommand(clock: Clock): Command {
  return {
    name: "logs",
    summary: "what a host's installer logs, as it comes with -f",
    usage: USAGE,
    run: async (args, io) => {
      const { values, positionals } = parseOptions(args, OPTIONS);
      const [host = ""] = wantPositionals(positionals, 1, 1, USAGE);
      const count = lineCount(values.lines);
      const get = getFrom(doorOf(io, values.state));
      const log: Log = {
        host,
        boot: values.boot,
        tail: (lines) => askTail(get, logPath(host, lines, values.boot)),
        print: values.json ? (line) => io.out(JSON.stringify(line)) : (line) => io.out(printable(line)),
      };
      return values.follow ? followLog(log, count, io, clock) : showLog(log, count, io);
    },
  };
}

export const logsCommand = createLogsCommand(systemClock);

interface Log {
  readonly host: string;
  readonly boot: string | undefined;
  /** The last lines, oldest first. */
  readonly tail: (lines: number) => Promise<readonly string[]>;
  readonly print: (line: string) => void;
}

async function showLog({ host, boot, tail, print }: Log, count: number, io: Io): Promise<number> {
  const lines = await tail(count);
  for (const line of lines) print(line);
  if (lines.length > 0) return 0;
  io.err(`everboot: no log of ${host}${boot === undefined ? "" : `, boot ${boot}`}: its installer has sent no line`);
  return 1;
}

async function followLog(log: Log, count: number, io: Io, clock: Clock): Promise<number> {
  let before = await log.tail(Math.max(count, LOOKED_AT));
  for (const line of before.slice(-count)) log.print(line);
  const look = createLook(log, io);
  while (!io.signal.aborted) {
    await sleep(clock, LOOK_MS, io.signal).catch(() => undefined);
    const after = await look();
    if (after === undefined) continue;
    const { lines, isBroken } = newLines(before, after);
    if (isBroken) io.err("everboot: what follows is another boot's log, or comes after lines that were missed");
    for (const line of lines) log.print(line);
    before = after;
  }
  return 0;
}

/** The log's end; undefined while the daemon is away, which is told once. */
function createLook({ tail }: Log, io: Io): () => Promise<readonly string[] | undefined> {
  let isAway = false;
  return async () => {
    try {
      const lines = await tail(LOOKED_AT);
      isAway = false;
      return lines;
    } catch (error) {
      const text = passingText(error);
      if (!isAway) io.err(`everboot: ${text}: trying again`);
      isAway = true;
      return undefined;
    }
  };
}

async function askTail(get: Get, path: string): Promise<readonly string[]> {
  const { items } = (await get(path)) as { readonly items: readonly string[] };
  return items;
}

function logPath(host: string, lines: number, boot: string | undefined): string {
  const query = new URLSearchParams({ lines: String(lines), ...(boot !== undefined && { boot }) });
  return hostPath(host, `/log?${query}`);
}

function lineCount(text: string | undefined): number {
  if (text === undefined) return DEFAULT_LINES;
  const count = /^\d{1,6}$/.test(text) ? Number(text) : Number.NaN;
  if (count >= 1 && count <= MOST_LINES) return count;
  throw new EverbootError("usage", { what: `-n ${text}: say how many lines, 1 to ${MOST_LINES}` });
}
