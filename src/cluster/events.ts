/** What happened to a host: the entries of the journal. */

/** In the order of an install. */
export const STAGES = [
  "dhcp",
  "loader",
  "script",
  "kernel",
  "answer",
  "packages",
  "post",
  "reboot",
  "verified",
] as const;
export type Stage = (typeof STAGES)[number];

/**
 * - `offer`, `ack`: DHCP answers; fact `asking` is boot/client.ts's AskingStage
 * - `decline`: the host found its address in use
 * - `served`: a file was sent; facts `path`, `bytes`, `protocol`, `server`, `rate` (bytes/s); `files` when one event
 *   stands for several; `broken` (a status) when it did not reach its end
 * - `report`: the installer or installed system spoke; facts `event`, `text`
 * - `local-boot`: given a boot script that sends it to its disk
 * - `refused`: asked for what it may not have; fact `reason`
 * - `absent`: asked for a file that there is not; facts `path`, `protocol`, `server`
 * - `broken`: asked for a file that could not be sent; facts `path`, `protocol`, `server`, `status`
 * - `asked`: wanted to know the size of a file (TFTP option `tsize`, RFC 2349) and took nothing of it yet; as `absent`
 * - `unlisted`: was sent a file that is not what its tree's manifest lists; as `absent`
 * - `note`: for the operator; fact `text`; `waits` "turn" while the machine is not let in for others
 * - `log`: the installer's log said something known; facts `text`, `kind` (LogKind); for `progress` `done` and `of`,
 *   for `clock` the `hours` that the machine's clock is ahead, less than zero when it is behind, and 0 when it is right again
 * - `permit-...`: what became of its permit (permit-rules.ts)
 */
export type EventKind =
  | "offer"
  | "ack"
  | "decline"
  | "served"
  | "report"
  | "local-boot"
  | "refused"
  | "absent"
  | "broken"
  | "asked"
  | "unlisted"
  | "note"
  | "log"
  | `permit-${"issued" | "started" | "writing" | "used" | "failed" | "expired" | "cancelled"}`;

/** Of a `log` event: what the installer does now, how far it is, what went wrong, what it waits at its screen for. */
export type LogKind = "step" | "progress" | "error" | "question" | "clock";

/** An undefined fact is one that is not there. */
export type EventFacts = Readonly<Record<string, string | number | undefined>>;

export interface JournalEvent {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly host: string;
  /** Counts the boots of this host from 1; set by the journal (boots.ts). 0 = before its first. */
  readonly boot: number;
  /** Id of that boot (boot-id.ts), the same on every server; absent before the first boot. */
  readonly trace?: string;
  /** Id, never the token. */
  readonly permit?: string;
  readonly stage: Stage;
  readonly what: EventKind;
  readonly facts: EventFacts;
}

/**
 * An event as it is handed to the journal, which adds the boot; without `at` it happened now. `trace`: the boot that the
 * machine says it is in, if it says so.
 */
export type NewEvent = Omit<JournalEvent, "at" | "boot"> & { readonly at?: number };
