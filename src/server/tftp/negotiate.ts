/** Which options of a read request are taken, and what that makes of the transfer. */
import type { TftpOption } from "../../wire/tftp-packet.ts";

export interface Terms {
  /** Bytes of data in a block. */
  readonly blockSize: number;
  /** Blocks sent before an ACK is awaited (RFC 7440). */
  readonly windowSize: number;
  /** Seconds between retransmissions, if the client set it (RFC 2349). */
  readonly timeout?: number;
  /** What the OACK says, in the order asked; empty = answer with the first block instead. */
  readonly accepted: readonly TftpOption[];
}

const MAX_WINDOW = 64;
/**
 * Bytes of a window: past this it overflows a client's socket buffer of Linux's default size (212,992 bytes, overhead
 * counted), and every window loses blocks. RFC 7440 section 3 lets the server answer with a smaller window.
 */
const MAX_WINDOW_BYTES = 128 * 1024;

interface Range {
  readonly min: number;
  readonly max: number;
}

const KNOWN: ReadonlyMap<string, Range> = new Map([
  ["blksize", { min: 8, max: 65464 }], // RFC 2348
  ["timeout", { min: 1, max: 255 }], // RFC 2349
  ["tsize", { min: 0, max: Number.MAX_SAFE_INTEGER }], // RFC 2349
  ["windowsize", { min: 1, max: 65535 }], // RFC 7440
]);

/**
 * Unknown options and values out of range are left out, as RFC 2347 asks; of an option sent twice the first counts.
 * `size` is the number of bytes to be transferred.
 */
export function negotiate(asked: readonly TftpOption[], size: number): Terms {
  const valid = validOptions(asked);
  const blockSize = valid.get("blksize") ?? 512;
  const windowSize = Math.min(
    valid.get("windowsize") ?? 1,
    MAX_WINDOW,
    Math.max(1, Math.floor(MAX_WINDOW_BYTES / blockSize)),
  );
  const timeout = valid.get("timeout");
  const answers = new Map([...valid, ["windowsize", windowSize] as const, ["tsize", size] as const]);
  const accepted = [...valid.keys()].map((key) => ({ name: nameAsked(asked, key), value: String(answers.get(key)) }));
  return { blockSize, windowSize, accepted, ...(timeout !== undefined && { timeout }) };
}

function validOptions(asked: readonly TftpOption[]): Map<string, number> {
  const valid = new Map<string, number>();
  for (const { name, value } of asked) {
    const key = name.toLowerCase();
    const number = numberIn(KNOWN.get(key), value);
    if (number !== undefined && !valid.has(key)) valid.set(key, number);
  }
  return valid;
}

function numberIn(range: Range | undefined, value: string): number | undefined {
  if (range === undefined || !/^\d{1,16}$/.test(value)) return undefined;
  const number = Number(value);
  return number >= range.min && number <= range.max ? number : undefined;
}

function nameAsked(asked: readonly TftpOption[], key: string): string {
  return asked.find((option) => option.name.toLowerCase() === key)?.name ?? key;
}
