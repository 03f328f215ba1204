/**
 * How long an answer takes, and what that makes of the wait before a window is sent again: the estimator of TCP (RFC 6298
 * section 2), with samples of packets that were sent once (Karn's rule).
 */

export interface RoundTrip {
  /** Milliseconds, as the next. */
  readonly smoothed: number;
  readonly variation: number;
  readonly least: number;
  /** To wait for an answer before the first repetition; it doubles with each one until an answer comes to no repetition. */
  readonly patience: number;
}

/** A loader that reads its clock at 18 or 100 ticks a second is not slow for that. */
const PATIENCE = { min: 20, max: 250 } as const;

/** @param sample milliseconds from a packet to its answer */
export function sampled(known: RoundTrip | undefined, sample: number): RoundTrip {
  if (known === undefined) return estimate(sample, sample / 2, sample);
  const variation = known.variation * 0.75 + Math.abs(known.smoothed - sample) * 0.25;
  return estimate(known.smoothed * 0.875 + sample * 0.125, variation, Math.min(known.least, sample));
}

export function backedOff(known: RoundTrip): RoundTrip {
  return { ...known, patience: Math.min(known.patience * 2, PATIENCE.max) };
}

/** Losses were seen: it was not the client that is slow. */
export function recovered({ smoothed, variation, least }: RoundTrip): RoundTrip {
  return estimate(smoothed, variation, least);
}

function estimate(smoothed: number, variation: number, least: number): RoundTrip {
  const patience = Math.min(Math.max(smoothed + 4 * variation, PATIENCE.min), PATIENCE.max);
  return { smoothed, variation, least, patience };
}
