/** Where each machine stands in the grid, and what is in sight. Pure; lengths in CSS pixels. */

/** How much of a machine fits: its letter; its name too; its stage too. */
export type Detail = "letter" | "name" | "full";

export interface GridLayout {
  readonly detail: Detail;
  readonly columns: number;
  readonly rows: number;
  /** With the gap to the next one. */
  readonly cellWidth: number;
  readonly cellHeight: number;
  readonly height: number;
}

/** Between two machines. */
export const GAP = 3;

/** The largest first. Fingers need 24 px (WCAG 2.2, 2.5.8). */
const SIZES: ReadonlyArray<{ readonly detail: Detail; readonly width: number; readonly height: number }> = [
  { detail: "full", width: 168, height: 52 },
  { detail: "name", width: 92, height: 34 },
  { detail: "letter", width: 30, height: 28 },
];

/** The largest size in which all machines fit into one and a half views; the smallest when none does. */
export function layoutGrid(count: number, width: number, viewHeight: number): GridLayout {
  const layouts = SIZES.map(({ detail, width: least, height }) => {
    const columns = Math.max(1, Math.floor((width + GAP) / least));
    const rows = Math.ceil(count / columns);
    return { detail, columns, rows, cellWidth: (width + GAP) / columns, cellHeight: height, height: rows * height };
  });
  const [largest, middle, smallest] = layouts as [GridLayout, GridLayout, GridLayout];
  const fitting = [largest, middle].find(({ height }) => height <= viewHeight * 1.5);
  return fitting ?? smallest;
}

export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export function boxOf(index: number, { columns, cellWidth, cellHeight }: GridLayout): Box {
  return {
    x: (index % columns) * cellWidth,
    y: Math.floor(index / columns) * cellHeight,
    width: cellWidth - GAP,
    height: cellHeight - GAP,
  };
}

/** The machine at a point; none between two and beyond the last. */
export function indexAt(x: number, y: number, layout: GridLayout, count: number): number | undefined {
  const column = Math.floor(x / layout.cellWidth);
  const index = Math.floor(y / layout.cellHeight) * layout.columns + column;
  if (x < 0 || y < 0 || column >= layout.columns || index >= count) return undefined;
  const box = boxOf(index, layout);
  return x < box.x + box.width && y < box.y + box.height ? index : undefined;
}

/** Of things one below the other: the first in sight, and the one after the last. */
export function rowsInSight(
  top: number,
  bottom: number,
  rowHeight: number,
  rows: number,
): [first: number, end: number] {
  const first = Math.min(rows, Math.max(0, Math.floor(top / rowHeight)));
  return [first, Math.min(rows, Math.max(first, Math.ceil(bottom / rowHeight)))];
}

/** Where a key leads from the machine at `index`; undefined for a key that moves nothing. */
export function moveByKey(
  index: number,
  key: string,
  count: number,
  columns: number,
  pageRows: number,
): number | undefined {
  const steps: Readonly<Record<string, number>> = {
    ArrowLeft: -1,
    ArrowRight: 1,
    ArrowUp: -columns,
    ArrowDown: columns,
    PageUp: -columns * pageRows,
    PageDown: columns * pageRows,
    Home: -index,
    End: count - 1 - index,
  };
  const step = steps[key];
  if (step === undefined || count === 0) return undefined;
  const isPage = key.startsWith("Page");
  const target = index + step;
  if (target >= 0 && target < count) return target;
  if (!isPage) return Math.min(index, count - 1);
  // A page beyond the end stops at the last row, in the same column.
  const column = index % columns;
  const lastRow = Math.floor((count - 1 - column) / columns);
  return target < 0 ? column : lastRow * columns + column;
}
