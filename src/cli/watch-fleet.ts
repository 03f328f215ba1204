/** The table of the fleet: one row a host, as many columns as there is room for. Pure. */

import type { HostSummary, ServerSummary } from "../server/api/shapes.ts";
import { BLUE, BOLD, isTroubled, RED, STATE_COLORS } from "./status-color.ts";
import { barText, percentText } from "./status-progress.ts";
import { durationText, rateText } from "./status-units.ts";
import { cutText, fitText, printable, textWidth } from "./status-width.ts";
import { type Line, plain, type Span } from "./watch-line.ts";
import { cursorPlace, type WatchState } from "./watch-model.ts";

/** `now` on the daemon's clock. */
interface Look {
  readonly now: number;
  /** The daemon is there: rates are of this moment. */
  readonly isLive: boolean;
}

interface Column {
  readonly title: string;
  readonly width: number;
  readonly side?: "right";
  readonly cell: (host: HostSummary, look: Look, width: number) => Span;
}

const GAP = "  ";
const MARK = "> ";
const WIDEST_NAME = 24;
const STAGE_WIDTH = 8;
const STATE_WIDTH = 10;
/** ` ~100 %` after the bar. */
const PERCENT_WIDTH = 7;
const WIDE_BAR = 24;
const NARROW_BAR = 12;

/** The head of the table and `height` rows from `state.top` on; only these are made. */
export function fleetTable(state: WatchState, look: Look, height: number): { head: Line; rows: readonly Line[] } {
  const columns = fittingColumns(state);
  const head = columns
    .map(({ title, width, side }) => fitText(title, width, side))
    .join(GAP)
    .trimEnd();
  const cursor = cursorPlace(state) - state.top;
  const rows = state.shown
    .slice(state.top, state.top + height)
    .map((host, place) => rowOf(host, columns, look, place === cursor));
  return { head: [{ text: `${" ".repeat(MARK.length)}${head}`, style: BOLD }], rows };
}

function rowOf(host: HostSummary, columns: readonly Column[], look: Look, isSelected: boolean): Line {
  const cells = columns.flatMap(({ cell, width, side }, place): Line => {
    const { text, style } = cell(host, look, width);
    // What is to the right of the last one is cleared anyway.
    const fitted = place === columns.length - 1 ? cutText(text, width) : fitText(text, width, side);
    const span = { text: fitted, ...(style !== undefined && { style }) };
    return place === 0 ? [span] : [{ text: GAP }, span];
  });
  const mark = isSelected ? MARK : " ".repeat(MARK.length);
  return [{ text: mark, ...(isSelected && { style: BOLD }) }, ...cells];
}

/** The most wanted first: each is taken while there is room; then they stand in their own order. */
function fittingColumns({ size, nameWidth }: WatchState): readonly Column[] {
  const barWidth = size.columns >= 110 ? WIDE_BAR : NARROW_BAR;
  const name = column("HOST", Math.max(4, Math.min(nameWidth, WIDEST_NAME)), ({ host }) => ({ text: host }));
  const done = column("PROGRESS", barWidth + PERCENT_WIDTH, progressCell);
  const order = [name, STATE, STAGE, done, SINCE, RATE, SERVER];
  let room = size.columns - MARK.length;
  const taken = [name, STATE, done, STAGE, SINCE, RATE, SERVER].filter((each) => {
    const needed = each.width + GAP.length;
    const left = each === STATE ? 0 : each === done ? FEW_WORDS : LEAST_WORDS;
    const fits = each === name || needed <= room - left;
    if (fits) room -= needed;
    return fits;
  });
  const columns = order.filter((each) => taken.includes(each));
  return room < FEWEST ? columns : [...columns, column("WAITING FOR, OR CAUSE", room, wordsCell)];
}

/** What is wrong must be readable: the lesser columns leave it this. */
const LEAST_WORDS = 28;
/** And a bar, on a narrow terminal, this. */
const FEW_WORDS = 16;
/** Fewer columns of words say nothing. */
const FEWEST = 8;

function column(title: string, width: number, cell: Column["cell"], side?: "right"): Column {
  return { title, width, cell, ...(side && { side }) };
}

const STATE = column("STATE", STATE_WIDTH, ({ state }) => ({ text: state, style: STATE_COLORS[state] }));
const STAGE = column("STAGE", STAGE_WIDTH, ({ stage }) => ({ text: stage ?? "-" }));
const SINCE = column(
  "SINCE",
  11,
  ({ since }, { now }) => ({ text: since === undefined ? "-" : durationText(now - since) }),
  "right",
);
const RATE = column(
  "RATE",
  12,
  ({ rate }, { isLive }) => ({ text: rate === undefined || rate <= 0 || !isLive ? "-" : rateText(rate) }),
  "right",
);
const SERVER = column("FROM", 10, ({ server }) => ({ text: server ?? "-" }));

function progressCell({ progress }: HostSummary, _: Look, width: number): Span {
  if (!progress) return { text: "-" };
  const percent = percentText(progress).padStart(PERCENT_WIDTH);
  return { text: `${barText(progress.fraction, width - PERCENT_WIDTH)}${percent}`, style: BLUE };
}

function wordsCell({ state, cause, awaiting, note }: HostSummary): Span {
  if (isTroubled(state) && cause) return { text: printable(`${cause.text}: ${cause.todo}`), style: RED };
  if (awaiting !== undefined) return { text: printable(awaiting) };
  return { text: printable(note ?? "") };
}

/** The servers side by side, on as many lines as they need but at most `most`. */
export function serverLines({ servers, size }: WatchState, { isLive }: Look, most: number): readonly Line[] {
  const texts = servers.map((server) => serverText(server, isLive));
  const lines: string[] = [];
  for (const text of texts) {
    const last = lines.at(-1);
    const joined = last === undefined ? text : `${last}   ${text}`;
    if (last !== undefined && textWidth(joined) <= size.columns) lines[lines.length - 1] = joined;
    else lines.push(text);
  }
  const hidden = lines.length - most;
  return lines.slice(0, most).map((line, place) => plain(hidden > 0 && place === most - 1 ? `${line} ...` : line));
}

/** `server1: 3 installs, 112.4 MiB/s, has 192.168.0.253`; `server2: not heard, 192.168.0.254 is at server1`. */
function serverText(
  { name, alive, floating, heldBy, draining, installs, queue, rate }: ServerSummary,
  isLive: boolean,
) {
  const facts = [
    ...(alive ? [] : ["not heard"]),
    ...(draining ? ["drained"] : []),
    ...(installs ? [installs === 1 ? "1 install" : `${installs} installs`] : []),
    ...(queue ? [`${queue} wait`] : []),
    ...(rate && isLive ? [rateText(rate)] : []),
    ...(floating === undefined ? [] : [holderText(name, floating, heldBy)]),
  ];
  return `${name}: ${facts.length === 0 ? "alive" : facts.join(", ")}`;
}

function holderText(name: string, floating: string, heldBy: string | undefined): string {
  if (heldBy === name) return `has ${floating}`;
  return heldBy === undefined ? `nobody has ${floating}` : `${floating} is at ${heldBy}`;
}
