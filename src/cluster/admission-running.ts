/** Which installs run, told from the permits: every server comes to the same from its own copy. Pure. */
import { type Permit, stateAt } from "./permit-rules.ts";

/**
 * An install that has given no sign of itself for so long, milliseconds, is taken for dead, and its place is given to
 * another. Installers report each step and fetch packages in between: the longest silent step known is the download of
 * one image, 10 GB in half an hour at 6 MB/s. An install taken for dead that is alive goes on all the same, and is
 * counted again at its next sign.
 */
export const SILENT_MS = 30 * 60_000;

/**
 * From its hand-out until it is used up, failed, was taken back or has expired. `lastSign`: when the host was last
 * heard of, milliseconds since 1970; asked only for what has been in its state for SILENT_MS.
 */
export function isRunning(permit: Permit, now: number, lastSign: (host: string) => number | undefined): boolean {
  const state = stateAt(permit, now);
  if (state !== "started" && state !== "writing") return false;
  return now - permit.changed < SILENT_MS || now - (lastSign(permit.host) ?? 0) < SILENT_MS;
}
