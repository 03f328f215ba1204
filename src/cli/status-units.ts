/** Amounts and times as words. Pure, but for the time zone that times of day are told in. */

/** `850 B`, `43.9 MiB`. */
export function bytesText(bytes: number): string {
  const power = bytes < 1 ? 0 : Math.min(Math.floor(Math.log2(bytes) / 10), BYTE_UNITS.length - 1);
  const amount = bytes / 1024 ** power;
  return `${power === 0 ? amount : amount.toFixed(1)} ${BYTE_UNITS[power]}`;
}

const BYTE_UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];

/** Of bytes a second: `11.2 MiB/s`. */
export function rateText(rate: number): string {
  return `${bytesText(Math.round(rate))}/s`;
}

/** `8 s`, `4 min`, `3 h 56 min`, `2 d 4 h`: whole units, rounded down. Negative times are 0. */
export function durationText(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  if (minutes === 0) return `${seconds} s`;
  if (hours === 0) return `${minutes} min`;
  if (hours < 24) return joinUnits(hours, "h", minutes % 60, "min");
  return joinUnits(Math.floor(hours / 24), "d", hours % 24, "h");
}

function joinUnits(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large} ${largeUnit}` : `${large} ${largeUnit} ${small} ${smallUnit}`;
}

export function agoText(ms: number): string {
  return ms < 1000 ? "now" : `${durationText(ms)} ago`;
}

/** `12:03:11` in the zone of this process. `at` in milliseconds since 1970. */
export function clockText(at: number): string {
  const time = new Date(at);
  return [time.getHours(), time.getMinutes(), time.getSeconds()].map(twoDigits).join(":");
}

/** As `clockText`, with the day in front when it is not that of `now`: `2026-11-19 12:03:11`. */
export function timeText(at: number, now: number): string {
  const day = dayText(at);
  return day === dayText(now) ? clockText(at) : `${day} ${clockText(at)}`;
}

function dayText(at: number): string {
  const time = new Date(at);
  return `${time.getFullYear()}-${twoDigits(time.getMonth() + 1)}-${twoDigits(time.getDate())}`;
}

function twoDigits(number: number): string {
  return String(number).padStart(2, "0");
}

/** `1 file`, `3 files`. */
export function countText(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
