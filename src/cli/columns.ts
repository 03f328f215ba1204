/** Tables for the terminal. */

export type Alignment = readonly ("left" | "right")[];

/** Rows as lines: each column as wide as its widest cell, two blanks between. */
export function alignColumns(rows: readonly (readonly string[])[], alignment: Alignment, indent = "  "): string[] {
  const widths = alignment.map((_, column) => Math.max(0, ...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) => {
    const cells = row.map((cell, column) => padCell(cell, widths[column] ?? 0, alignment[column]));
    return `${indent}${cells.join("  ")}`.trimEnd();
  });
}

function padCell(cell: string, width: number, side: "left" | "right" | undefined): string {
  return side === "right" ? cell.padStart(width) : cell.padEnd(width);
}
