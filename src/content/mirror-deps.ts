/** What the parts of one pull-through mirror share. */
import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import type { MirrorCache } from "./mirror-cache.ts";
import type { MirrorStore } from "./mirror-store.ts";
import type { Upstream } from "./upstream.ts";

/** All in milliseconds. */
export interface MirrorTiming {
  /** Age at which the signed files are compared with the upstream's. */
  readonly recheck: number;
  /** The same after the upstream did not answer, or gave what cannot be used. */
  readonly recheckAfterOutage: number;
  /** How long a client waits for that comparison when there is a kept version to serve. */
  readonly patience: number;
  /** How long it is remembered that the upstream does not have a file. */
  readonly absence: number;
  /** Silence after which the upstream counts as down. */
  readonly idle: number;
  /** Pauses before further attempts after an outage. */
  readonly retries: readonly number[];
  /** While the upstream is down: the pause between attempts; other requests are answered at once. */
  readonly probe: number;
  /** How long a package stays at least that was asked for. */
  readonly hot: number;
  /** How long the name stays under which a file arrived. */
  readonly linger: number;
  /** How long a version stays at least: installs that began with it read it to their end. */
  readonly lasting: number;
}

const MINUTE = 60_000;

export const MIRROR_TIMING: MirrorTiming = {
  recheck: 10 * MINUTE,
  recheckAfterOutage: 30_000,
  patience: 5_000,
  absence: MINUTE,
  idle: 30_000,
  // Installers wait out a silent server, and give up at an error: 503 is final to wget 1.21.
  retries: [1_000, 2_000, 4_000, 8_000],
  probe: 5_000,
  hot: 120 * MINUTE,
  linger: MINUTE,
  lasting: 24 * 60 * MINUTE,
};

export interface MirrorParts {
  readonly store: MirrorStore;
  readonly cache: MirrorCache;
  readonly upstream: Upstream;
  readonly clock: Clock;
  readonly log: Log;
  readonly timing: MirrorTiming;
}
