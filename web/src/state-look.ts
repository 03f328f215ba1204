/** How each state looks and is called. No two states differ by colour alone: each has its letter, each group its shape. */
import type { HostState } from "../../src/cluster/status.ts";

/**
 * - `trouble`: somebody must look; filled, with a cut corner
 * - `moving`: on its way; a bar fills it
 * - `done`: filled
 * - `quiet`: nothing happens; an outline
 */
export type StateGroup = "trouble" | "moving" | "done" | "quiet";

export interface StateLook {
  readonly letter: string;
  readonly group: StateGroup;
  /** In words, for a tooltip. */
  readonly meaning: string;
}

export const STATE_LOOKS: Readonly<Record<HostState, StateLook>> = {
  failed: { letter: "F", group: "trouble", meaning: "the installer reported a failure" },
  stalled: { letter: "S", group: "trouble", meaning: "nothing was heard of it until its deadline" },
  differs: { letter: "D", group: "trouble", meaning: "it came up otherwise than declared" },
  expired: { letter: "E", group: "trouble", meaning: "its permit ran out before it asked" },
  permitted: { letter: "P", group: "moving", meaning: "may install, has not asked yet" },
  booting: { letter: "B", group: "moving", meaning: "on its way to the installer" },
  installing: { letter: "I", group: "moving", meaning: "the installer writes its disk" },
  installed: { letter: "R", group: "moving", meaning: "installed, its restart is awaited" },
  verified: { letter: "V", group: "done", meaning: "installed, and came up as declared" },
  local: { letter: "L", group: "quiet", meaning: "boots from its disk" },
  idle: { letter: "·", group: "quiet", meaning: "nothing is known of it" },
};

/** Those that need somebody first. */
export const STATES_IN_ORDER = Object.keys(STATE_LOOKS) as HostState[];

export function isTrouble(state: HostState): boolean {
  return STATE_LOOKS[state].group === "trouble";
}

export function isMoving(state: HostState): boolean {
  return STATE_LOOKS[state].group === "moving";
}
