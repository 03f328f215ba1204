/** The words in which a host's state is told, everywhere; also in the site file, where web hooks name them. */
export const HOST_STATES = [
  "idle",
  "permitted",
  "booting",
  "installing",
  "stalled",
  "installed",
  "verified",
  "differs",
  "failed",
  "expired",
  "local",
] as const;

/**
 * `idle` nothing known; `permitted` may install, has not asked yet; `booting` on its way to an installer;
 * `installing`; `stalled` was on its way, and nothing was heard of it until its deadline; `installed`, `failed` as its
 * installer reported; `verified`, `differs`: the installed system told how its network came up, and it is as declared
 * or not; `expired` its permit ran out; `local` boots from disk.
 */
export type HostState = (typeof HOST_STATES)[number];
