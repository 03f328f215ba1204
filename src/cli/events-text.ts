/** An event of the journal in words, on one line. Pure, but for the time zone that times are told in. */
import type { JournalEvent } from "../cluster/events.ts";
import { colored, GREEN, RED, YELLOW } from "./status-color.ts";
import { bytesText, countText, rateText, timeText } from "./status-units.ts";
import { fitText, printable } from "./status-width.ts";

export interface EventTextOptions {
  /** Events of another day are told with their day. Milliseconds since 1970. */
  readonly now: number;
  readonly color: boolean;
  /** Columns for the host's name. */
  readonly nameWidth: number;
}

const STAGE_WIDTH = 8;

/** `12:03:11  vm1  packages  libc6_2.36.deb  2.7 MiB from one at 11.2 MiB/s` */
export function eventText(event: JournalEvent, { now, color, nameWidth }: EventTextOptions): string {
  const host = fitText(event.host, Math.max(nameWidth, event.host.length));
  const words = printable(wordsOf(event)).trimEnd();
  const code = colorOf(event);
  const shown = color && code !== undefined ? colored(words, code) : words;
  return `${timeText(event.at, now)}  ${host}  ${fitText(event.stage, STAGE_WIDTH)}  ${shown}`;
}

function wordsOf(event: JournalEvent): string {
  const { what, facts, permit } = event;
  const { text, reason } = facts;
  switch (what) {
    case "offer":
      return `offered ${leaseWords(event)}`;
    case "ack":
      return `given ${leaseWords(event)}`;
    case "decline":
      return `declined its address: ${text ?? "another machine answers to it"}`;
    case "served":
      return event.stage === "script"
        ? `boot script for ${facts.loader ?? "its loader"}: ${reason ?? "to install"}`
        : servedWords(event);
    case "report":
      return reportWords(event);
    case "local-boot":
      return `sent to its disk${reason === undefined ? "" : `: ${reason}`}`;
    case "refused":
      return `refused: ${text ?? reason ?? "not allowed"}`;
    case "note":
      return `note: ${text ?? ""}`;
    case "log":
      return logWords(event);
    case "absent":
    case "broken":
    case "asked":
    case "unlisted":
      return `asked for ${facts.path ?? "a file"}: ${VAIN[what]}`;
    default:
      return `permit ${[permit, what.slice("permit-".length)].filter(Boolean).join(" ")}`;
  }
}

const VAIN = {
  absent: "there is none",
  broken: "it could not be sent",
  asked: "its size alone",
  unlisted: "it is not what the tree's manifest lists",
} as const;

/** `192.168.0.21 to its firmware (amd64 uefi), file ipxe.efi, on eth0` */
function leaseWords({ facts }: JournalEvent): string {
  const { address, asking, machine, file } = facts;
  const machineWords = machine === undefined ? "" : ` (${machine})`;
  return [
    `${address ?? "an answer"} to its ${asking ?? "machine"}${machineWords}`,
    ...(file === undefined ? [] : [`file ${file}`]),
    ...(facts.interface === undefined ? [] : [`on ${facts.interface}`]),
  ].join(", ");
}

/** `libc6_2.36.deb  2.7 MiB from one at 11.2 MiB/s`; one event may stand for several files. */
function servedWords({ facts }: JournalEvent): string {
  const { path, bytes, files, server, rate, broken } = facts;
  const name = typeof files === "number" && files > 1 ? countText(files, "file") : baseName(String(path ?? "a file"));
  const amount = [
    ...(typeof bytes === "number" ? [bytesText(bytes)] : []),
    ...(server === undefined ? [] : [`from ${server}`]),
    ...(typeof rate === "number" ? [`at ${rateText(rate)}`] : []),
    ...(broken === undefined ? [] : [`broken off (${broken})`]),
  ];
  return `${name}  ${amount.join(" ")}`;
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1) || path;
}

function reportWords({ facts }: JournalEvent): string {
  const { event, text, verdict } = facts;
  const told = text === undefined ? "" : `: ${text}`;
  if (event === "first-boot") {
    return verdict === "verified" ? `came up as declared${told}` : `differs from what is declared${told}`;
  }
  return `the installer reports ${event ?? "something"}${told}`;
}

function logWords({ facts }: JournalEvent): string {
  const { text = "", kind, done, of } = facts;
  if (kind === "question") return `the installer asks: ${text}`;
  if (kind === "error") return `the installer's log: error: ${text}`;
  const isCounted = done !== undefined && of !== undefined && !String(text).includes(String(done));
  return `the installer's log: ${text}${isCounted ? ` (${done} of ${of})` : ""}`;
}

function colorOf({ what, facts }: JournalEvent): number | undefined {
  if (what === "refused" || what === "decline" || what === "permit-failed") return RED;
  if (facts.event === "failed" || facts.kind === "error" || facts.verdict === "differs") return RED;
  if (
    what === "absent" ||
    what === "broken" ||
    facts.kind === "question" ||
    facts.broken !== undefined ||
    what === "permit-expired"
  )
    return YELLOW;
  return facts.verdict === "verified" ? GREEN : undefined;
}
