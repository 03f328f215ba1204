/** Releases of Ubuntu, as `trees.<tree>.release` has them: `24.04`. Two digits each, so they compare as text. */

/** The first with this installer, Subiquity. */
const FIRST = "20.04";

export function isSince(release: string, first: string): boolean {
  return release >= first;
}

/** What is wrong with this release, and what to do; undefined = nothing. */
export function releaseProblem(release: string): string | undefined {
  if (!/^\d\d\.\d\d$/.test(release)) return `${release} is no release of Ubuntu: write it as in 24.04`;
  return isSince(release, FIRST) ? undefined : `Ubuntu ${release} has no autoinstall: choose ${FIRST} or later`;
}
