/** `--since`: a time in the operator's words. Pure, but for the time zone that times of day are meant in. */
import { EverbootError } from "../base/errors.ts";

const UNIT_MS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/**
 * Milliseconds since 1970 of `10m` (ago; s, m, h, d), `12:03` (the last time it was), `2026-11-19` or
 * `2026-11-19T12:03:11`, which may end in Z or +01:00. Throws EverbootError `usage` for anything else.
 */
export function parseSince(text: string, now: number): number {
  const at = agoTime(text, now) ?? dayTime(text, now) ?? dateTime(text);
  if (at !== undefined) return at;
  throw new EverbootError("usage", { what: `--since ${text}: say 10m, 2h, 3d, 12:03 or 2026-11-19T12:03` });
}

function agoTime(text: string, now: number): number | undefined {
  const [, count, unit = ""] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  return count === undefined ? undefined : now - Number(count) * (UNIT_MS[unit] ?? 0);
}

function dayTime(text: string, now: number): number | undefined {
  const [, hours, minutes, seconds = "0"] = /^([01]?\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?$/.exec(text) ?? [];
  if (hours === undefined) return undefined;
  const time = new Date(now);
  time.setHours(Number(hours), Number(minutes), Number(seconds), 0);
  // It may be after midnight: 23:50 was yesterday.
  if (time.getTime() > now) time.setDate(time.getDate() - 1);
  return time.getTime();
}

function dateTime(text: string): number | undefined {
  const [, day, time = "T00:00"] = /^(\d{4}-\d\d-\d\d)([T ]\d\d:\d\d.*)?$/.exec(text) ?? [];
  if (day === undefined) return undefined;
  const at = Date.parse(`${day}T${time.slice(1)}`);
  return Number.isNaN(at) ? undefined : at;
}
