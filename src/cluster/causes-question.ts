/** What is behind a question of an installer: it asks what to do about its packages, and does not say why. Pure. */
import { describe, lastMissing, MIRROR_FILE_MISSING } from "./causes-fetch.ts";
import type { Stop } from "./causes-stop.ts";
import { CLOCK_WRONG, TREE_CHANGED } from "./causes-text.ts";
import type { Cause } from "./status.ts";

/** The Debian Installer's dialogs that a tree with a hole in it, or a clock that is off, brings up. */
const OF_PACKAGES = /mirror|package|base system|debootstrap|apt-setup|pkgsel|anna/i;

const PACKAGE = /\.(?:u?deb|d?rpm)$/;

/** @param question as it stands in the log */
export function tellBehindQuestion({ events }: Stop, question: string): Cause | undefined {
  const changed = events.findLast(({ what }) => what === "unlisted");
  if (changed) return causeBy(TREE_CHANGED, `${describe(changed)}; ${question}`);
  if (!OF_PACKAGES.test(question)) return undefined;
  const clock = events.findLast(({ what, facts }) => what === "log" && facts.kind === "clock");
  if (clock && clock.facts.hours !== 0) return causeBy(CLOCK_WRONG, `${clock.facts.text}; ${question}`);
  // Of suites an installer asks for more than there are, to see which.
  const missing = lastMissing(events, PACKAGE);
  return missing && causeBy(MIRROR_FILE_MISSING, `${describe(missing)}; ${question}`);
}

function causeBy({ id, text, todo }: Omit<Cause, "evidence">, evidence: string): Cause {
  return { id, text, todo, evidence };
}
