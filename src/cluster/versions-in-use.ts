/** Which versions of trees running installs read: those that their permits were handed out with. Pure. */
import type { Permit, PermitState } from "./permit-rules.ts";

/** An install reads this version of the tree. */
export interface VersionInUse {
  readonly tree: string;
  readonly version: string;
}

/** Milliseconds after the end of its permit in which an install may still go on; one that hangs is forgotten then. */
const AFTER_END_MS = 24 * 60 * 60 * 1000;
/** `expired`: an install that was begun before goes on. */
const MAY_RUN: readonly PermitState[] = ["issued", "started", "writing", "expired"];

export function versionsInUse(permits: readonly Permit[], now: number): readonly VersionInUse[] {
  return permits.flatMap(({ tree, version, state, expires }) => {
    const mayRun = MAY_RUN.includes(state) && now < expires + AFTER_END_MS;
    return tree !== undefined && version !== undefined && mayRun ? [{ tree, version }] : [];
  });
}
