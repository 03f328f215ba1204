/** What of a host's events an operator should read. Pure. */
import type { EventFacts, JournalEvent } from "./events.ts";
import type { HostStatus } from "./status.ts";

/** The newest. */
export function noteShown(events: readonly JournalEvent[]): Pick<HostStatus, "lastNote"> {
  const note = events.findLast((event) => noteText(event) !== undefined);
  return note ? { lastNote: { at: note.at, text: noteText(note) ?? "" } } : {};
}

/** Text for the operator, of the events that have one. */
function noteText({ what, facts }: JournalEvent): string | undefined {
  const text = facts.text;
  switch (what) {
    case "note":
      return String(text ?? "");
    case "log":
      return facts.kind === "error" || facts.kind === "question" ? `the installer: ${text}` : undefined;
    case "decline":
      return `address in use: ${text ?? "another machine answers to it"}`;
    case "refused":
      return `refused: ${text ?? facts.reason ?? "not allowed"}`;
    case "report":
      return reportNote(facts);
    default:
      return undefined;
  }
}

function reportNote({ event, verdict, text }: EventFacts): string | undefined {
  if (event === "failed") return `the installer failed: ${text ?? "it gave no reason"}`;
  if (event !== "first-boot") return undefined;
  return verdict === "verified" ? `it came up as declared: ${text}` : `it differs from what is declared: ${text}`;
}
