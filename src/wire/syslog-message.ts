/** Syslog messages as installers send them: RFC 5424, RFC 3164, and what else comes. Nothing is refused. */

export interface SyslogMessage {
  /** 0 emergency to 7 debug (RFC 5424 section 6.2.1). */
  readonly severity: number;
  /** Without its process id. */
  readonly program?: string;
  /** Without control characters, which would reach an operator's terminal. */
  readonly text: string;
  /** When it was sent, by the sender's clock, as it stands there; absent = it does not say. */
  readonly stamp?: string;
}

/** user.notice, which RFC 3164 section 4.3.3 assumes when there is no priority. */
const DEFAULT_SEVERITY = 5;

const PRIORITY = /^<(\d{1,3})>/;

/** `1 2026-11-20T10:00:00.123Z host program 123 id [data@1 key="value"] text`: `logger`, and rsyslog when told to. */
const RFC5424 =
  /^1 (?<stamp>\S+) \S+ (?<program>\S+) \S+ \S+ (?:-|(?:\[(?:[^\]"\\]|\\.|"(?:[^"\\]|\\.)*")*\])+)(?: (?<text>.*))?$/s;

/**
 * `Nov 20 10:00:00 host program[123]: text`, each part before the text at will: busybox leaves out the host (the Debian
 * Installer's `syslogd -R`), rsyslog may write the time as RFC 3339 does. Matches everything.
 */
const RFC3164 =
  /^(?:(?<stamp>[A-Z][a-z]{2} [ \d]?\d \d\d:\d\d:\d\d|\d{4}-\d\d-\d\dT\S+) +)?(?:(?:[^\s:[\]]+ +)?(?<program>[^\s:[\]]+)(?:\[[^\]\s]*\])?: ?)?(?<text>.*)$/s;

/** Never throws: a line that is no syslog message is its own text. */
export function parseSyslog(line: string): SyslogMessage {
  const priority = PRIORITY.exec(line);
  if (priority === null) return { severity: DEFAULT_SEVERITY, text: printable(line) };
  const rest = line.slice(priority[0].length);
  const { program, text = "", stamp } = (RFC5424.exec(rest) ?? RFC3164.exec(rest))?.groups ?? {};
  return {
    ...{ severity: Number(priority[1]) & 7, text: printable(text) },
    ...(program !== undefined && program !== "-" && { program: printable(program) }),
    ...(stamp !== undefined && stamp !== "-" && { stamp }),
  };
}

/**
 * By how much the sender's clock is ahead, in milliseconds; negative = behind; undefined = `stamp` is no time. Times of RFC
 * 3164 are read as UTC of the year that brings them nearest to `now`: one in another zone is up to 14 h off by that alone.
 */
export function clockAhead(stamp: string, now: number): number | undefined {
  const offs = timesOf(stamp, new Date(now).getUTCFullYear()).map((time) => time - now);
  return offs.sort((a, b) => Math.abs(a) - Math.abs(b))[0];
}

/** Date.parse finds a time in nearly anything. */
function timesOf(stamp: string, year: number): number[] {
  if (/^\d{4}-/.test(stamp)) return [Date.parse(stamp)].filter(Number.isFinite);
  if (!/^[A-Z][a-z]{2} [ \d]?\d \d\d:\d\d:\d\d$/.test(stamp)) return [];
  return [year - 1, year, year + 1].map((each) => Date.parse(`${stamp} ${each} UTC`)).filter(Number.isFinite);
}

/** Line ends and other control characters become one space; RFC 5424 may put a byte order mark before the text. */
function printable(text: string): string {
  return text
    .replace(/^\uFEFF/, "")
    .replace(/\p{Cc}+/gu, " ")
    .trimEnd();
}
