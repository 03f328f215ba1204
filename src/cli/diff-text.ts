/** A difference of two texts for the terminal: what changed, with a few lines around it. Pure. */
import { type DiffLine, diffLines } from "../base/line-diff.ts";

const SIGNS = { same: " ", added: "+", removed: "-" } as const;
/** Lines that stay the same and are shown around a change. */
const CONTEXT = 2;
/** Comparing takes as many steps and four times the bytes. */
const MOST_PAIRS = 16_000_000;

/** `- old`, `+ new`, `  same`, and `...` for all lines that are left out. */
export function diffText(before: string, after: string): string[] {
  return nearChanges(compare(linesOf(before), linesOf(after)));
}

function linesOf(text: string): string[] {
  return text.replace(/\n$/, "").split("\n");
}

function compare(before: readonly string[], after: readonly string[]): readonly DiffLine[] {
  return before.length * after.length <= MOST_PAIRS ? diffLines(before, after) : compareRoughly(before, after);
}

/** Lines that only one of the two has, wherever they are: lines that moved do not show. */
function compareRoughly(before: readonly string[], after: readonly string[]): DiffLine[] {
  const [had, has] = [new Set(before), new Set(after)];
  const removed = before.filter((line) => !has.has(line));
  const added = after.filter((line) => !had.has(line));
  return [
    ...removed.map((line): DiffLine => ({ kind: "removed", line })),
    ...added.map((line): DiffLine => ({ kind: "added", line })),
  ];
}

/** Of lines that are compared already. */
export function nearChanges(lines: readonly DiffLine[]): string[] {
  const isNear = (index: number) =>
    lines.slice(Math.max(0, index - CONTEXT), index + CONTEXT + 1).some(({ kind }) => kind !== "same");
  return lines.flatMap(({ kind, line }, index) => {
    if (isNear(index)) return [`${SIGNS[kind]} ${line}`];
    // One mark stands for all lines that are left out.
    return index > 0 && isNear(index - 1) ? ["..."] : [];
  });
}
