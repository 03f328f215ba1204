/** What differs between Debian's releases. */
import type { Profile } from "../site/model.ts";

/** Code names, as the archive's folders and `trees.<tree>.release` have them. */
const NUMBERS: ReadonlyMap<string, number> = new Map([
  ["jessie", 8],
  ["stretch", 9],
  ["buster", 10],
  ["bullseye", 11],
  ["bookworm", 12],
  ["trixie", 13],
]);
const OLDEST = 11;

/** Has the suite what came with release `number`? A suite that is not known (testing, sid) is newer than all. */
export function isSince(suite: string, number: number): boolean {
  return (NUMBERS.get(suite) ?? Number.POSITIVE_INFINITY) >= number;
}

/** Has apt, which fetches all but the base system, a method for FTP? It was taken out with 2.9.11. */
export function hasFtp(suite: string): boolean {
  return !isSince(suite, 13);
}

/** By which the installer fetches, and apt until its end; the family's `problems` tell of what is asked for and cannot be. */
export function protocolOf(via: Profile["via"], suite: string): "http" | "ftp" {
  return via === "ftp" && hasFtp(suite) ? "ftp" : "http";
}

/** Why a tree of this release cannot be installed, and what to do; undefined = it can. */
export function releaseProblem(suite: string): string | undefined {
  const named = [...NUMBERS].find(([, number]) => suite === `${number}` || suite.startsWith(`${number}.`));
  const [name = suite, number = NUMBERS.get(suite) ?? OLDEST] = named ?? [];
  if (number < OLDEST) return `Debian ${number} is not supported: use 11 (bullseye) or later`;
  return named ? `the archive has release ${suite} under its code name: write \`release: ${name}\`` : undefined;
}
