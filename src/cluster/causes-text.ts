/** Causes that the installer itself wrote down: in its log, or in the report with which it ended. Pure. */
import type { KnownCause, Stop } from "./causes-stop.ts";
import type { JournalEvent } from "./events.ts";
import type { Cause } from "./status.ts";

interface TextCause extends Pick<KnownCause, "id" | "text" | "todo"> {
  readonly pattern: RegExp;
}

/** In the order tried; the words of Anaconda, d-i, YaST, Agama, subiquity, apt, dnf, zypp and our own scripts. */
export const CLOCK_WRONG: TextCause = {
  id: "clock-wrong",
  text: "the machine's clock is off, so signatures and certificates are not valid to it",
  todo: "set its clock (firmware setup or BMC), or give `ntp` to its profile",
  pattern: /not (?:yet )?valid|not valid (?:yet|before|until)|is expired|has expired|valid-until/i,
};

export const TREE_CHANGED: TextCause = {
  id: "tree-changed",
  text: "files do not match their checksums: the tree changed while it was installed from, or a copy is damaged",
  todo: "let mirror and import come to their end, compare the servers' trees with `everboot doctor`, and install again",
  pattern:
    /hash sum mismatch|checksum|digest mismatch|unexpected size|size mismatch|corrupted? (?:file|package|download|archive)|bad signature|invalid signature|no_pubkey|gpg check failed/i,
};

/** Says that a command failed, and not why. */
const COMMAND_FAILED: TextCause = {
  id: "command-failed",
  text: "a command of the profile failed",
  todo: "see `early`, `late` or `first_boot` of the profile; `everboot logs HOST` has the command's own words",
  pattern: /(?:early|late|first-boot) command \d+ failed|commands of the profile could not/i,
};

export const TEXT_CAUSES: readonly TextCause[] = [
  CLOCK_WRONG,
  {
    id: "dns-missing",
    text: "a name could not be looked up: the installer has no DNS server, or it does not answer",
    todo: "give `dns` to the host's subnet, or use addresses in place of names",
    pattern:
      /temporary failure (?:in name resolution|resolving)|could ?n[o']t resolve|name or service not known|bad address '|unable to resolve host|getaddrinfo/i,
  },
  {
    id: "disk-too-small",
    text: "the disk is too small, or full",
    todo: "give the host a larger disk, or its profile another `disk` layout or fewer packages",
    pattern:
      /too small|not enough (?:free )?(?:disk )?space|no space left|too little room|no room on|unable to allocate requested partition|no free space/i,
  },
  {
    id: "disk-missing",
    text: "a disk that the profile names is not there, or the machine shows none",
    todo: "see `disk.device` of the profile against the machine's disks; a RAID controller may need its driver",
    pattern:
      /(?:there is no|no such|missing) disk|no (?:usable |fixed |suitable )?disks?\b|disk\S* .*(?:not found|does not exist|nonexistent)|nonexistent disk|no root file system|is not a block device|no (?:storage )?device (?:matching|found)/i,
  },
  TREE_CHANGED,
  {
    id: "package-missing",
    text: "a package that the profile or the distribution asks for is not in the tree",
    todo: "see `packages` of the profile for the name, and import or mirror the tree again if it is right",
    pattern:
      /unable to locate package|no (?:such )?package|no match for argument|no package .*available|nothing provides|no installation candidate|package '?\S+'? (?:is )?not (?:found|available)|\b404 +not found|couldn'?t (?:download|retrieve)|failed to (?:download|fetch)/i,
  },
  {
    id: "memory-short",
    text: "the installer ran out of memory",
    todo: "give the machine more memory; a system image that is loaded whole needs twice its size",
    pattern: /out of memory|oom-killer|cannot allocate memory|low memory|killed process/i,
  },
  {
    id: "bootloader-failed",
    text: "the boot loader could not be installed",
    todo: "see that firmware mode (BIOS or UEFI) and partition table fit; UEFI variables may be full",
    pattern: /grub-?install|boot ?loader|efibootmgr|grub2-mkconfig/i,
  },
  {
    id: "installer-network",
    text: "the installer could not bring its network up",
    todo: "see that the NIC that booted has a link and the installer a driver and firmware for it",
    pattern:
      /network (?:auto)?configuration failed|no network interfaces?|no nic has|no (?:link|carrier)|missing firmware|firmware: failed to load|dhcp (?:failed|timeout)/i,
  },
  COMMAND_FAILED,
];

/** The installer waits at its screen, for what the other patterns do not know. */
export const QUESTION = {
  id: "question-asked",
  text: "the installer asks something at its screen and waits for an answer",
  todo: "answer it in the profile's `answers`, and install again",
} as const;

/** Milliseconds. What was complained of longer before the last sign did not stop the machine. */
const RECENT = 120_000;

/** Tried from the newest line to the oldest, each against the whole table. */
export function tellByText(stop: Stop): Cause | undefined {
  if (stop.state === "differs") return undefined;
  const lines = linesOf(stop);
  for (const line of lines) {
    const known = knownIn(line);
    if (known === COMMAND_FAILED) return toldBy(whyFailed(lines, line.at) ?? { known, line });
    if (known) return toldBy({ known, line });
    if (line.isQuestion) return { ...QUESTION, evidence: line.text };
  }
  return undefined;
}

interface Told {
  readonly known: TextCause;
  readonly line: Line;
}

/** What the command itself complained of, just before it failed. */
function whyFailed(lines: readonly Line[], at: number): Told | undefined {
  for (const line of lines) {
    const known = at - line.at <= RECENT ? knownIn(line) : undefined;
    if (known && known !== COMMAND_FAILED) return { known, line };
  }
  return undefined;
}

function knownIn({ text }: Line): TextCause | undefined {
  return TEXT_CAUSES.find(({ pattern }) => pattern.test(text));
}

function toldBy({ known: { id, text, todo }, line }: Told): Cause {
  return { id, text, todo, evidence: `the installer said: ${line.text}` };
}

interface Line {
  readonly at: number;
  readonly text: string;
  readonly isQuestion: boolean;
}

/** The report with which it ended first: it was written to tell why. */
function linesOf({ state, events, since }: Stop): Line[] {
  const from = state === "failed" ? 0 : since - RECENT;
  const told = events.filter((event) => event.at >= from && event.facts.text !== undefined && isComplaint(event));
  const reports = told.filter(({ what }) => what === "report");
  const logged = told.filter(({ what }) => what === "log");
  return [...reports.reverse(), ...logged.reverse()].map(({ at, facts }) => ({
    at,
    text: String(facts.text),
    isQuestion: facts.kind === "question",
  }));
}

function isComplaint({ what, facts }: JournalEvent): boolean {
  if (what === "report") return facts.event === "failed";
  return what === "log" && (facts.kind === "error" || facts.kind === "question");
}
