/** Status for the terminal. Pure: the state of a host or fleet in, lines out. */
import type { Stage } from "../cluster/events.ts";
import {
  type Cause,
  type FleetStatus,
  HOST_STATES,
  type HostState,
  type HostStatus,
  type StageTrace,
} from "../cluster/status.ts";
import { type Alignment, alignColumns } from "./columns.ts";
import { colored, isTroubled, STATE_COLORS } from "./status-color.ts";
import { percentText, progressText } from "./status-progress.ts";
import type { ServedBy } from "./status-servers.ts";
import { agoText, bytesText, countText, durationText, rateText } from "./status-units.ts";
import { printable } from "./status-width.ts";

export { bytesText, durationText } from "./status-units.ts";

export interface TextOptions {
  readonly now: number;
  /** With ANSI colours. */
  readonly color: boolean;
  /** Who served what in each stage, where that is known. */
  readonly servedBy?: ReadonlyMap<Stage, readonly ServedBy[]>;
}

const BAR_WIDTH = 26;

/** ```
 * vm1  stalled  boot 3 (5d1e9a02), began 15 min ago, permit 3fa9c1d2 (writing) ends in 3 h 45 min
 *   dhcp      15 min ago    3 s
 *   packages  13 min ago  2 min  131 files  43.9 MiB  from one at 11.2 MiB/s
 *   [############............] 52 %  471 of 903 packages, counted by the installer
 *   waiting for more packages, for 11 min: overdue for 1 min
 *     what      the machine was switched off, or lost its network, in the middle of its packages
 *     evidence  no sign of it for 11 min; 3 other machines are being served
 *     to do     look at its screen and its cable, then `everboot install vm1 --replace`
 * ```
 */
export function hostText(status: HostStatus, options: TextOptions): string[] {
  const { boot, permit, progress, cause, lastNote } = status;
  const { now } = options;
  const about = [...(boot ? [bootText(status, boot, now)] : []), permit ? permitText(permit, now) : "no permit"];
  return [
    `${status.host}  ${stateText(status.state, options)}  ${about.join(", ")}`,
    ...alignColumns(
      (boot?.stages ?? []).map((stage) => stageCells(stage, options)),
      STAGE_ALIGNMENT,
    ),
    ...(progress ? [`  ${progressText(progress, BAR_WIDTH)}`] : []),
    ...awaitingText(status, now),
    ...(cause ? causeText(cause) : []),
    ...(lastNote ? [`  note, ${agoText(now - lastNote.at)}: ${printable(lastNote.text)}`] : []),
  ];
}

/** A table of the hosts, then how many are in each state. */
export function fleetText(fleet: FleetStatus, options: TextOptions): string[] {
  if (fleet.hosts.length === 0) return ["no hosts"];
  const rows = fleet.hosts.map((host) => hostCells(host, options.now));
  const [header = "", ...lines] = alignColumns([HOST_HEADER, ...rows], HOST_ALIGNMENT, "");
  const painted = lines.map((line, place) => colorState(line, fleet.hosts[place]?.state ?? "idle", options));
  return [header, ...painted, `${countText(fleet.hosts.length, "host")}: ${countsText(fleet.counts)}`];
}

/** `1 stalled, 3 installing`; of states that none is in there is no word. */
export function countsText(counts: Readonly<Record<HostState, number>>): string {
  return HOST_STATES.filter((state) => counts[state] > 0)
    .map((state) => `${counts[state]} ${state}`)
    .join(", ");
}

function bootText({ trace }: HostStatus, { number, started }: NonNullable<HostStatus["boot"]>, now: number): string {
  return `boot ${number}${trace ? ` (${trace})` : ""}, began ${agoText(now - started)}`;
}

function permitText({ id, state, expires }: NonNullable<HostStatus["permit"]>, now: number): string {
  const isRunning = state === "issued" || state === "started" || state === "writing";
  const end = isRunning && expires > now ? ` ends in ${durationText(expires - now)}` : "";
  return `permit ${id} (${state})${end}`;
}

function awaitingText({ awaiting, deadline, state }: HostStatus, now: number): string[] {
  if (!awaiting) return [];
  const waiting = `  waiting for ${awaiting.what}, for ${durationText(now - awaiting.since)}`;
  if (deadline === undefined) return [waiting];
  if (state === "stalled") return [`${waiting}: overdue for ${durationText(now - deadline)}`];
  return [`${waiting}; stalled if nothing is heard for ${durationText(deadline - now)} more`];
}

function causeText({ text, evidence, todo }: Cause): string[] {
  const rows = [
    ["what", text],
    ["evidence", evidence],
    ["to do", todo],
  ].filter(([, words]) => words !== "");
  return rows.map(([label = "", words = ""]) => `    ${label.padEnd(8)}  ${printable(words)}`);
}

const STAGE_ALIGNMENT: Alignment = ["left", "right", "right", "right", "right", "left"];

function stageCells(trace: StageTrace, { now, servedBy }: TextOptions): string[] {
  const { stage, first, last, ended, files, bytes, server } = trace;
  const size = files > 0 || bytes > 0;
  const servers = servedBy?.get(stage) ?? (server === undefined ? [] : [{ server, bytes }]);
  return [
    stage,
    agoText(now - first),
    durationText((ended ?? last) - first),
    size ? countText(files, "file") : "",
    size ? bytesText(bytes) : "",
    servers.length === 0 ? "" : `from ${servers.map((each) => serverText(each, servers.length > 1)).join(", ")}`,
  ];
}

/** `one at 11.2 MiB/s`; with its share when it is one of several: `one (30.0 MiB at 11.2 MiB/s)`. */
function serverText({ server, bytes, rate }: ServedBy, isShared: boolean): string {
  const speed = rate === undefined ? "" : `at ${rateText(rate)}`;
  if (!isShared) return [server, speed].join(" ").trimEnd();
  return `${server} (${[bytesText(bytes), speed].join(" ").trimEnd()})`;
}

const HOST_HEADER = ["HOST", "STATE", "STAGE", "SINCE", "FETCHED", "DONE", "WAITING FOR, OR CAUSE"];
const HOST_ALIGNMENT: Alignment = ["left", "left", "left", "right", "right", "right", "left"];

function hostCells({ host, state, boot, awaiting, progress, cause }: HostStatus, now: number): string[] {
  const newest = boot?.stages.at(-1);
  const stage: Stage | "-" = newest?.stage ?? "-";
  const bytes = boot?.stages.reduce((sum, each) => sum + each.bytes, 0) ?? 0;
  const since = newest === undefined ? "-" : agoText(now - newest.first);
  const fetched = bytes > 0 ? bytesText(bytes) : "-";
  const why = isTroubled(state) && cause ? printable(cause.text) : (awaiting?.what ?? "-");
  return [host, state, stage, since, fetched, progress ? percentText(progress) : "-", why];
}

function stateText(state: HostState, { color }: TextOptions): string {
  return color ? colored(state, STATE_COLORS[state]) : state;
}

/** Colours the state's column in a finished line, as colour codes would count as width before. */
function colorState(line: string, state: HostState, options: TextOptions): string {
  const column = line.indexOf("  ");
  return line.slice(0, column) + line.slice(column).replace(state, stateText(state, options));
}
