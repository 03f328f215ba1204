/** Status for the terminal. Pure: the state of a host or fleet in, lines out. */
import type { Stage } from "../cluster/events.ts";
import { type FleetStatus, HOST_STATES, type HostState, type HostStatus, type StageTrace } from "../cluster/trace.ts";
import { type Alignment, alignColumns } from "./columns.ts";

export interface TextOptions {
  readonly now: number;
  /** With ANSI colours. */
  readonly color: boolean;
}

/** SGR codes (ECMA-48 section 8.3.117). */
const COLORS: Readonly<Record<HostState, number>> = {
  idle: 2,
  permitted: 36,
  booting: 33,
  installing: 34,
  installed: 32,
  verified: 32,
  differs: 31,
  failed: 31,
  expired: 31,
  local: 2,
};

/** ```
 * vm1  installing  boot 3, began 4 min ago, permit 3fa9c1d2 (writing) ends in 3 h 56 min
 *   dhcp       4 min ago       3 s
 *   packages   2 min ago     2 min  131 files   43.9 MiB  from one
 *   waiting for more packages, or the report that they are installed, for 4 s
 * ```
 */
export function hostText(status: HostStatus, options: TextOptions): string[] {
  const { boot, permit, awaiting, lastNote } = status;
  const { now } = options;
  const about = [
    ...(boot ? [`boot ${boot.number}, began ${agoText(now - boot.started)}`] : []),
    ...(permit ? [permitText(permit, now)] : ["no permit"]),
  ];
  return [
    `${status.host}  ${stateText(status.state, options)}  ${about.join(", ")}`,
    ...alignColumns(
      (boot?.stages ?? []).map((stage) => stageCells(stage, now)),
      STAGE_ALIGNMENT,
    ),
    ...(awaiting ? [`  waiting for ${awaiting.what}, for ${durationText(now - awaiting.since)}`] : []),
    ...(lastNote ? [`  note, ${agoText(now - lastNote.at)}: ${printable(lastNote.text)}`] : []),
  ];
}

/** A table of the hosts, then how many are in each state. */
export function fleetText(fleet: FleetStatus, options: TextOptions): string[] {
  if (fleet.hosts.length === 0) return ["no hosts"];
  const rows = fleet.hosts.map((host) => hostCells(host, options.now));
  const [header = "", ...lines] = alignColumns([HOST_HEADER, ...rows], HOST_ALIGNMENT, "");
  const colored = lines.map((line, place) => colorState(line, fleet.hosts[place]?.state ?? "idle", options));
  return [header, ...colored, countsText(fleet)];
}

/** `850 B`, `43.9 MiB`. */
export function bytesText(bytes: number): string {
  const power = bytes < 1 ? 0 : Math.min(Math.floor(Math.log2(bytes) / 10), BYTE_UNITS.length - 1);
  const amount = bytes / 1024 ** power;
  return `${power === 0 ? amount : amount.toFixed(1)} ${BYTE_UNITS[power]}`;
}

const BYTE_UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];

/** `8 s`, `4 min`, `3 h 56 min`, `2 d 4 h`: whole units, rounded down. Negative times are 0. */
export function durationText(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  if (minutes === 0) return `${seconds} s`;
  if (hours === 0) return `${minutes} min`;
  if (hours < 24) return joinUnits(hours, "h", minutes % 60, "min");
  return joinUnits(Math.floor(hours / 24), "d", hours % 24, "h");
}

function joinUnits(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large} ${largeUnit}` : `${large} ${largeUnit} ${small} ${smallUnit}`;
}

function agoText(ms: number): string {
  return ms < 1000 ? "now" : `${durationText(ms)} ago`;
}

function permitText({ id, state, expires }: NonNullable<HostStatus["permit"]>, now: number): string {
  const isRunning = state === "issued" || state === "started" || state === "writing";
  const end = isRunning && expires > now ? ` ends in ${durationText(expires - now)}` : "";
  return `permit ${id} (${state})${end}`;
}

const STAGE_ALIGNMENT: Alignment = ["left", "right", "right", "right", "right", "left"];

function stageCells(trace: StageTrace, now: number): string[] {
  const { stage, first, last, ended, files, bytes, server } = trace;
  const size = files > 0 || bytes > 0;
  return [
    stage,
    agoText(now - first),
    durationText((ended ?? last) - first),
    size ? `${files} ${files === 1 ? "file" : "files"}` : "",
    size ? bytesText(bytes) : "",
    server === undefined ? "" : `from ${server}`,
  ];
}

const HOST_HEADER = ["HOST", "STATE", "STAGE", "SINCE", "FETCHED", "WAITING FOR"];
const HOST_ALIGNMENT: Alignment = ["left", "left", "left", "right", "right", "left"];

function hostCells({ host, state, boot, awaiting }: HostStatus, now: number): string[] {
  const newest = boot?.stages.at(-1);
  const stage: Stage | "-" = newest?.stage ?? "-";
  const bytes = boot?.stages.reduce((sum, each) => sum + each.bytes, 0) ?? 0;
  const since = newest === undefined ? "-" : agoText(now - newest.first);
  return [host, state, stage, since, bytes > 0 ? bytesText(bytes) : "-", awaiting?.what ?? "-"];
}

function countsText({ hosts, counts }: FleetStatus): string {
  const parts = HOST_STATES.filter((state) => counts[state] > 0).map((state) => `${counts[state]} ${state}`);
  return `${hosts.length} ${hosts.length === 1 ? "host" : "hosts"}: ${parts.join(", ")}`;
}

function stateText(state: HostState, { color }: TextOptions): string {
  return color ? `\u001b[${COLORS[state]}m${state}\u001b[0m` : state;
}

/** Colours the state's column in a finished line, as colour codes would count as width before. */
function colorState(line: string, state: HostState, options: TextOptions): string {
  const column = line.indexOf("  ");
  return line.slice(0, column) + line.slice(column).replace(state, stateText(state, options));
}

/** Machines' own words must not steer the terminal. */
function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, " ");
}
