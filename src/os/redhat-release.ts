/** Which kickstart and which installer a release has. */

/** Major releases of Red Hat Enterprise Linux that are known here; Fedora's count as the one made from them. */
export type Generation = 7 | 8 | 9 | 10;

/** Fedora releases that an enterprise release was made from, newest first: 40 became RHEL 10. */
const FEDORA_FROM: ReadonlyArray<readonly [fedora: number, generation: Generation]> = [
  [40, 10],
  [34, 9],
  [28, 8],
  [20, 7],
];
const GENERATIONS: readonly Generation[] = [7, 8, 9, 10];
const NEWEST: Generation = 10;

/** `9`, `9.6`, `8.2.0`: enterprise releases; `42`, a number from 20 on: Fedora. undefined = none that is known. */
export function parseGeneration(release: string): Generation | undefined {
  const [, major] = /^(\d{1,2})(?:\.\d+)*$/.exec(release) ?? [];
  if (major === undefined) return undefined;
  const number = Number(major);
  return GENERATIONS.find((generation) => generation === number) ?? FEDORA_FROM.find(([first]) => number >= first)?.[1];
}

/** The site's `problems` tell of a release that is not known; what is rendered for it is for the newest. */
export function generationOf(release: string): Generation {
  return parseGeneration(release) ?? NEWEST;
}

export function isFedora(release: string): boolean {
  return Number.parseInt(release, 10) >= 20;
}
