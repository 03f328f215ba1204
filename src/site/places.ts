/** Where the keys and values of a YAML text stand. */
import type { LineCounter } from "yaml";
import type { Finding, Problem, SitePath } from "./problem.ts";

/** Offsets into the text. */
export interface Place {
  /** Of the key, when the value has one. */
  readonly key?: number;
  readonly value: number;
  /** By key, or by index in decimal. */
  readonly children: ReadonlyMap<string, Place>;
}

export function locateFinding(finding: Finding, root: Place, lines: LineCounter): Problem {
  const { line, column } = position(lines, offsetOf(root, finding.path, finding.at));
  const other = finding.other && position(lines, offsetOf(root, finding.other));
  const what = other ? `${finding.what} (line ${other.line})` : finding.what;
  const todo = finding.todo === undefined ? {} : { todo: finding.todo };
  return { line, column, what, ...todo, severity: finding.severity ?? "error" };
}

/** A place that is not in the file stands for its nearest parent that is, marked at its key. */
function offsetOf(root: Place, path: SitePath, at?: "key"): number {
  let place = root;
  for (const part of path) {
    const child = place.children.get(String(part));
    if (!child) return place.key ?? place.value;
    place = child;
  }
  return at === "key" ? (place.key ?? place.value) : place.value;
}

/** Counted from 1; an empty text has a first line too. */
export function position(lines: LineCounter, offset: number): { line: number; column: number } {
  const { line, col } = lines.linePos(offset);
  return { line: Math.max(line, 1), column: Math.max(col, 1) };
}
