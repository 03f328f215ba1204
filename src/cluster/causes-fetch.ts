/** Causes told from files that a machine asked for and did not get. Pure. */
import type { KnownCause, Stop } from "./causes-stop.ts";
import type { EventKind, JournalEvent, Stage } from "./events.ts";

/**
 * Without these no installer goes on. Other names are looked for and may well be missing: apt asks for InRelease before
 * Release, Anaconda for .treeinfo before treeinfo and for `updates.img`.
 */
const NEEDED = /\.(?:u?deb|d?rpm|squashfs|iso|img)$|\/(?:repomd\.xml|Release|treeinfo|content|media)$/;
const OPTIONAL = /\/(?:updates|product)\.img$/;

export const MIRROR_FILE_MISSING: KnownCause = {
  id: "mirror-file-missing",
  text: "the tree lacks a file that the installer needs",
  todo: "import or mirror the tree again; `everboot doctor` compares the servers' trees",
  tell: (stop) => missingFile(stop),
};

export const FETCH_CAUSES: readonly KnownCause[] = [
  {
    id: "loader-missing",
    text: "the boot loader that the machine asks for is not there",
    todo: "install the package that has it (`everboot doctor` names it), or choose another `loader` for the host",
    tell: (stop) => newest(stop, "absent", "loader"),
  },
  {
    id: "kernel-missing",
    text: "kernel or initrd of the tree are not there any more",
    todo: "import the tree again: `everboot import SOURCE --as TREE`",
    tell: (stop) => newest(stop, "absent", "kernel"),
  },
  {
    id: "kernel-refused",
    text: "the permit was taken back or used up between the boot script and the kernel",
    todo: "`everboot install HOST`, and start the machine again",
    tell: (stop) => newest(stop, "refused", "kernel"),
  },
  MIRROR_FILE_MISSING,
  {
    id: "tree-file-broken",
    text: "a file could not be sent: its mirror does not answer, or the server's disk fails",
    todo: "see the server's log for the file, and whether the tree's `upstream` can be reached",
    tell: (stop) => newest(stop, "broken", "packages") ?? newest(stop, "broken", "kernel"),
  },
  {
    id: "tftp-size-then-gone",
    text: "the firmware asked for the loader's size and then not for the loader",
    todo: "see that UDP from and to the server's TFTP port passes the firewall and the MTU, then try another `loader`",
    tell: (stop) => newest(stop, "asked", "loader"),
  },
  {
    id: "transfer-broken-off",
    text: "a file did not reach the machine to its end",
    todo: "see cable, switch port and MTU; a machine with little memory drops a large initrd",
    tell: (stop) => brokenOff(stop),
  },
];

/** Of this kind, when nothing of its stage or a later one was served after it. */
function newest({ events }: Stop, what: EventKind, stage: Stage): string | undefined {
  const last = events.findLast((event) => event.stage === stage && (event.what === what || event.what === "served"));
  if (last?.what !== what) return undefined;
  const isOvercome = events.some((event) => event.at > last.at && event.what === "served");
  return isOvercome ? undefined : describe(last);
}

/** An installer that failed may have fetched other packages after the one that it lacked. */
function missingFile({ events, state, since }: Stop): string | undefined {
  const missing = lastMissing(events);
  if (!missing) return undefined;
  const isOvercome = state !== "failed" && missing.at < since;
  return isOvercome ? undefined : describe(missing);
}

/** The newest file of the tree that an installer needs and that there is not. @param path what its path is like */
export function lastMissing(events: readonly JournalEvent[], path = NEEDED): JournalEvent | undefined {
  return events.findLast(({ what, stage, facts }) => {
    return what === "absent" && stage === "packages" && isNeeded(String(facts.path), path);
  });
}

function isNeeded(path: string, pattern: RegExp): boolean {
  return pattern.test(path) && !OPTIONAL.test(path);
}

const WHOLE: ReadonlySet<Stage> = new Set(["loader", "kernel"]);

function brokenOff({ events, state }: Stop): string | undefined {
  if (state === "failed") return undefined;
  const last = events.findLast(({ what }) => what === "served");
  if (!last || !WHOLE.has(last.stage) || last.facts.broken === undefined) return undefined;
  return `${last.facts.path}: ${last.facts.bytes} bytes, then broken off`;
}

const WORDS: Readonly<Partial<Record<EventKind, string>>> = {
  absent: "asked for, and not there",
  refused: "asked for, and refused",
  broken: "asked for, and could not be sent",
  asked: "its size asked for, and nothing of it",
  unlisted: "not what the tree's manifest lists",
};

export function describe({ what, facts }: JournalEvent): string {
  return `${facts.path ?? facts.reason}: ${WORDS[what] ?? what}${facts.server === undefined ? "" : ` (${facts.server})`}`;
}
