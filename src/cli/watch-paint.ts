/** From one screen to the next with few bytes. Pure. Codes of ECMA-48; private modes as in xterm's ctlseqs. */
import { textWidth } from "./status-width.ts";
import { type Line, lineText, paintLine } from "./watch-line.ts";
import type { Size } from "./watch-model.ts";

const CSI = "\u001b[";
/** The other screen (1049), no cursor (25), cleared. */
export const ENTER_SCREEN = `${CSI}?1049h${CSI}?25l${CSI}2J`;
/** Plain text, the cursor, and the screen as it was before. */
export const LEAVE_SCREEN = `${CSI}0m${CSI}?25h${CSI}?1049l`;

export interface Painter {
  /** What to write so that the terminal shows these lines. */
  paint(lines: readonly Line[], size: Size): string;
  /** What the terminal shows is not known any more: the next paint writes all of it. */
  forget(): void;
}

/** Writes the lines that differ from those before. */
export function createPainter(color: boolean): Painter {
  let before: readonly string[] = [];
  let isKnown = false;
  let shape = "";
  return {
    paint(lines, size) {
      const next = lines.map((line) => paintLine(line, color) + endOf(line, size));
      const isWhole = !isKnown || shape !== `${size.columns}x${size.rows}`;
      const changed = next.flatMap((text, row) => {
        return isWhole || text !== before[row] ? [`${CSI}${row + 1};1H${text}`] : [];
      });
      before = next;
      shape = `${size.columns}x${size.rows}`;
      isKnown = true;
      return (isWhole ? `${CSI}2J` : "") + changed.join("");
    },
    forget() {
      isKnown = false;
    },
  };
}

/** Clears what was there; after a full line the cursor is still on its last column, and would clear that. */
function endOf(line: Line, { columns }: Size): string {
  return textWidth(lineText(line)) < columns ? `${CSI}K` : "";
}
