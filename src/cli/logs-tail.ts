/** Which lines of a log's end are new since it was looked at last. Pure. */

export interface NewLines {
  readonly lines: readonly string[];
  /** Nothing of what was there is left: lines were missed, or it is another log. */
  readonly isBroken: boolean;
}

/**
 * `before` and `after`: the last lines of one log at two times. The end of `before` is looked for at the beginning of
 * `after`, the longest one first: of lines that are all alike fewer may be told than came, never one twice.
 */
export function newLines(before: readonly string[], after: readonly string[]): NewLines {
  if (before.length === 0) return { lines: after, isBroken: false };
  for (let shift = 0; shift < before.length; shift++) {
    const kept = before.length - shift;
    if (kept <= after.length && isOverlap(before, after, shift)) return { lines: after.slice(kept), isBroken: false };
  }
  return { lines: after, isBroken: after.length > 0 };
}

function isOverlap(before: readonly string[], after: readonly string[], shift: number): boolean {
  for (let place = shift; place < before.length; place++) if (before[place] !== after[place - shift]) return false;
  return true;
}
