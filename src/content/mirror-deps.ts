/** What the parts of one pull-through mirror share. */
import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import type { MirrorStore } from "./mirror-store.ts";
import type { Upstream } from "./upstream.ts";

/** All in milliseconds. */
export interface MirrorTiming {
  /** Age at which a suite's signed files are compared with the upstream's. */
  readonly recheck: number;
  /** The same after the upstream did not answer. */
  readonly recheckAfterOutage: number;
  /** How long a client waits for that comparison when there is a kept state to serve. */
  readonly patience: number;
  /** How long it is remembered that the upstream does not have a file. */
  readonly absence: number;
  /** Silence after which the upstream counts as down. */
  readonly idle: number;
  /** Pauses before further attempts after an outage. */
  readonly retries: readonly number[];
}

export const MIRROR_TIMING: MirrorTiming = {
  recheck: 10 * 60_000,
  recheckAfterOutage: 30_000,
  patience: 5_000,
  absence: 60_000,
  idle: 30_000,
  // Installers wait out a silent server, and give up at an error: 503 is final to wget 1.21.
  retries: [1_000, 2_000, 4_000, 8_000],
};

export interface MirrorParts {
  readonly arch: string;
  /** Absolute path of the keyring that must have signed. */
  readonly keyring: string;
  readonly store: MirrorStore;
  readonly upstream: Upstream;
  readonly clock: Clock;
  readonly log: Log;
  readonly timing: MirrorTiming;
}
