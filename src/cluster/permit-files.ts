/** Which files the install of a permit reads. Pure. */
import type { Permit } from "./permit-rules.ts";
import { versionsInUse } from "./versions-in-use.ts";

/**
 * The version of this tree that it was handed, while it may still run. Undefined: another tree's, none, or none any more.
 * @param now milliseconds since 1970
 */
export function versionRead(permit: Permit | undefined, tree: string, now: number): string | undefined {
  if (permit?.tree !== tree) return undefined;
  return versionsInUse([permit], now)[0]?.version;
}
