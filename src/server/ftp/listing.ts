/** Files as text: LIST, NLST (RFC 959 section 4.1.3), MLST and MLSD (RFC 3659 section 7). Pure; all times are UTC. */
import type { FolderEntry } from "./folders.ts";

export const FACTS = ["type", "size", "modify", "perm"] as const;
export type Fact = (typeof FACTS)[number];

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
/** ls shows the year in place of the time when a file is older. */
const HALF_A_YEAR_MS = 182 * 86_400_000;

/** As `ls -l` prints it, which is what clients can read. */
export function listLine({ name, kind, size, modified }: FolderEntry, now: number): string {
  const mode = kind === "folder" ? "dr-xr-xr-x" : "-r--r--r--";
  return `${mode}    1 ftp      ftp      ${String(size).padStart(12)} ${listTime(modified, now)} ${name}`;
}

/** `type=file;size=5;modify=20260101000000;perm=r; name` (RFC 3659 section 7.2) */
export function factsLine(entry: FolderEntry, facts: readonly Fact[]): string {
  return `${facts.map((fact) => `${fact}=${factOf(entry, fact)};`).join("")} ${entry.name}`;
}

/** `20260101000000`: a time-val (RFC 3659 section 2.3). */
export function timeValue(ms: number): string {
  return new Date(ms).toISOString().slice(0, 19).replace(/\D/g, "");
}

export function asLines(lines: readonly string[]): string {
  return lines.map((line) => `${line}\r\n`).join("");
}

function factOf({ kind, size, modified }: FolderEntry, fact: Fact): string {
  switch (fact) {
    case "type":
      return kind === "folder" ? "dir" : "file";
    case "size":
      return String(size);
    case "modify":
      return timeValue(modified);
    case "perm":
      return kind === "folder" ? "el" : "r";
  }
}

function listTime(modified: number, now: number): string {
  const time = new Date(modified);
  const day = `${MONTHS[time.getUTCMonth()]} ${String(time.getUTCDate()).padStart(2)}`;
  const isRecent = modified <= now && now - modified < HALF_A_YEAR_MS;
  return `${day} ${isRecent ? time.toISOString().slice(11, 16) : String(time.getUTCFullYear()).padStart(5)}`;
}
