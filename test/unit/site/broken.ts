/** Broken site files: each is an example with some edits, and gives exactly the lines that stand beside it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { loadSite } from "../../../src/site/load.ts";
import { formatProblem } from "../../../src/site/problem.ts";
import { exampleText } from "../../support/sites.ts";

export interface Broken {
  readonly name: string;
  /** Left out: single. */
  readonly of?: "single" | "pair";
  /** What is replaced in the example, and by what. */
  readonly edits: ReadonlyArray<readonly [string, string]>;
  readonly lines: readonly string[];
}

export function testBroken(files: readonly Broken[]): void {
  for (const { name, of = "single", edits, lines } of files) {
    test(`broken: ${name}`, () => {
      const text = edits.reduce((before, [from, to]) => {
        assert.ok(before.includes(from), `the example has no ${from}`);
        return before.replace(from, () => to);
      }, exampleText(of));
      assert.deepEqual(linesOf(text), lines);
    });
  }
}

/** All errors and warnings of a site file's text as printed, without the file's name. */
export function linesOf(text: string): string[] {
  const loaded = loadSite(text, "/site.yaml");
  const problems = "site" in loaded ? loaded.warnings : loaded.problems;
  return problems.map((problem) => formatProblem("", problem).slice(1));
}

/** The same without hints, of which the examples have one. */
export function troublesOf(text: string): string[] {
  return linesOf(text).filter((line) => !line.includes(": hint: "));
}
