/** What is wrong with a site file, first by the place in its structure, then by line and column. */

/** Keys and list indexes from the top of the site file: `["hosts", "vm1", "nics", 0]`. */
export type SitePath = readonly (string | number)[];

/** `hint`: well as it stands, and could be better. */
export type Severity = "error" | "warning" | "hint";

export interface Finding {
  readonly path: SitePath;
  /** Mark the key itself in place of its value. */
  readonly at?: "key";
  readonly what: string;
  /** What to do about it. */
  readonly todo?: string;
  /** Another place that has to do with it; its line is told. */
  readonly other?: SitePath;
  /** Left out: an error. */
  readonly severity?: Severity;
}

/** A finding at its place in the text; `line` and `column` count from 1, columns in UTF-16 units. */
export interface Problem {
  readonly line: number;
  readonly column: number;
  readonly what: string;
  readonly todo?: string;
  readonly severity: Severity;
}

/** `site.yaml:12:5: what, what to do`: always one line, without the control characters that a name may hold. */
export function formatProblem(file: string, problem: Problem): string {
  const mark = problem.severity === "error" ? "" : `${problem.severity}: `;
  const todo = problem.todo === undefined ? "" : `, ${problem.todo}`;
  const text = `${mark}${problem.what}${todo}`.replace(/\p{Cc}+/gu, " ");
  return `${file}:${problem.line}:${problem.column}: ${text}`;
}

/** Text of the file as part of a message: quoted, on one line, not endless. */
export function quote(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 57)}...` : text);
}

export function sortProblems(problems: readonly Problem[]): Problem[] {
  return problems.toSorted((a, b) => a.line - b.line || a.column - b.column);
}
