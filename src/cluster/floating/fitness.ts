/** How well a server can serve, by its own account, and who of several is to hold an address. Pure. */

/**
 * Best first.
 * - `well`: serves all its clients
 * - `weak`: answers, and cannot keep what installers report: its disk is full
 * - `deaf`: runs, and a listener of its does not answer
 * - `none`: frozen, dead, on its way down or taken out of service: holds nothing
 */
export const FITNESS = ["well", "weak", "deaf", "none"] as const;

export type Fitness = (typeof FITNESS)[number];

/** A server leaves addresses to a fitter one, and keeps them when all others are as badly off: better than no holder. */
export function isFitter(a: Fitness, b: Fitness): boolean {
  return FITNESS.indexOf(a) < FITNESS.indexOf(b);
}

export function isFitness(value: unknown): value is Fitness {
  return FITNESS.some((fitness) => fitness === value);
}
