/** Draws the machines that are in sight. */
import { percentText } from "../../src/cli/status-progress.ts";
import type { HostState } from "../../src/cluster/status.ts";
import { type Box, boxOf, type GridLayout } from "./grid-layout.ts";
import type { HostSummary } from "./shapes.ts";
import { STATE_LOOKS, STATES_IN_ORDER } from "./state-look.ts";

export interface StateColors {
  readonly fill: string;
  /** Of the part that is done. */
  readonly bar: string;
  readonly text: string;
  readonly line: string;
}

/** The colours and fonts of the page's theme, as CSS gives them. */
export interface Palette {
  readonly states: Readonly<Record<HostState, StateColors>>;
  readonly page: string;
  readonly font: string;
}

/** `probe`: an element of the page that shows nothing; it takes on each colour in turn, to tell what a canvas can use. */
export function readPalette(probe: HTMLElement): Palette {
  const style = getComputedStyle(probe);
  const color = (name: string) => {
    probe.style.color = `var(--${name})`;
    return style.color;
  };
  const colorsOf = (state: HostState): StateColors => ({
    fill: color(`${state}-fill`),
    bar: color(`${state}-bar`),
    text: color(`${state}-text`),
    line: color(`${state}-line`),
  });
  const states = Object.fromEntries(STATES_IN_ORDER.map((state) => [state, colorsOf(state)]));
  return {
    states: states as Record<HostState, StateColors>,
    page: color("page"),
    font: style.getPropertyValue("--font-mono").trim(),
  };
}

export interface GridView {
  readonly hosts: readonly HostSummary[];
  readonly layout: GridLayout;
  readonly palette: Palette;
  /** The part of the grid that the canvas shows, from here down. */
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** A machine in sight, and its place on the canvas. */
interface Mark {
  readonly host: HostSummary;
  readonly box: Box;
}

/** `context` is scaled so that its unit is a CSS pixel. All texts of one font together: changing it takes the longest. */
export function paintGrid(context: CanvasRenderingContext2D, view: GridView): void {
  const { layout, palette, width, height } = view;
  const marks = marksInSight(view);
  context.clearRect(0, 0, width, height);
  for (const mark of marks) paintBox(context, mark, palette);
  context.textBaseline = "middle";
  const write = (align: CanvasTextAlign, font: string, place: (mark: Mark) => [text: string, x: number, y: number]) => {
    context.textAlign = align;
    context.font = `${font} ${palette.font}`;
    for (const mark of marks) {
      context.fillStyle = palette.states[mark.host.state].text;
      context.fillText(...place(mark));
    }
  };
  const letterOf = ({ state }: HostSummary) => STATE_LOOKS[state].letter;
  if (layout.detail === "letter") {
    write("center", "700 13px", ({ host, box }) => [letterOf(host), box.x + box.width / 2, box.y + box.height / 2 + 1]);
    return;
  }
  const isFull = layout.detail === "full";
  const size = isFull ? 13 : 11;
  const middle = (box: Box) => box.y + (isFull ? 17 : box.height / 2 + 0.5);
  write("left", `700 ${size}px`, ({ host, box }) => [letterOf(host), box.x + 7, middle(box)]);
  write("left", `${size}px`, ({ host, box }) => [
    endOf(host.host, fitting(box.width - 30, size)),
    box.x + 7 + size * MONO_WIDTH * 1.8,
    middle(box),
  ]);
  if (!isFull) return;
  write("left", "11px", ({ host, box }) => [startOf(lineOf(host), fitting(box.width - 14, 11)), box.x + 7, box.y + 36]);
}

function marksInSight({ hosts, layout, top, height }: GridView): Mark[] {
  const first = Math.max(0, Math.floor(top / layout.cellHeight) * layout.columns);
  const end = Math.ceil((top + height) / layout.cellHeight) * layout.columns;
  return hosts.slice(first, end).map((host, place) => {
    const box = boxOf(first + place, layout);
    return { host, box: { ...box, y: box.y - top } };
  });
}

function paintBox(context: CanvasRenderingContext2D, { host, box }: Mark, { states, page }: Palette): void {
  const { group } = STATE_LOOKS[host.state];
  const colors = states[host.state];
  const { x, y, width, height } = box;
  context.fillStyle = colors.fill;
  context.fillRect(x, y, width, height);
  if (group === "moving") {
    context.fillStyle = colors.bar;
    context.fillRect(x, y, width * barOf(host), height);
  }
  context.strokeStyle = colors.line;
  context.strokeRect(x + 0.5, y + 0.5, width - 1, height - 1);
  if (group === "trouble") cutCorner(context, box, page);
}

function cutCorner(context: CanvasRenderingContext2D, { x, y, width }: Box, page: string): void {
  const [right, size] = [x + width, 8];
  context.fillStyle = page;
  context.beginPath();
  context.moveTo(right - size, y);
  context.lineTo(right, y);
  context.lineTo(right, y + size);
  context.fill();
}

/** Width of a monospaced letter by its size; system fonts have 0.6 or less. */
const MONO_WIDTH = 0.605;

/** Letters that fit. */
function fitting(width: number, size: number): number {
  return Math.floor(width / (size * MONO_WIDTH));
}

function barOf({ state, progress }: HostSummary): number {
  return state === "installed" ? 1 : (progress?.fraction ?? 0);
}

/** The second line of a large machine. */
function lineOf({ state, stage, progress, cause }: HostSummary): string {
  if (cause) return cause.text;
  const step = state === "booting" || state === "installing" ? (stage ?? state) : state;
  return progress && state === "installing" ? `${step} ${percentText(progress)}` : step;
}

/** Machines are told apart by the ends of their names. */
function endOf(name: string, characters: number): string {
  return name.length > characters ? `…${name.slice(name.length - characters + 1)}` : name;
}

function startOf(text: string, characters: number): string {
  return text.length > characters ? `${text.slice(0, characters - 1)}…` : text;
}
