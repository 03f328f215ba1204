/** docs/metrics.md ends with tables of all metrics. */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { type Definition, METRIC_GROUPS, METRICS } from "../../../../src/server/metrics/definitions.ts";

const DOC = join(import.meta.dirname, "../../../../docs/metrics.md");
const FIRST_HEADING = "## All metrics\n";

function reference(): string {
  const tables = Object.entries(METRIC_GROUPS).map(([title, metrics]) =>
    [
      `### ${title}`,
      "",
      "| metric | type | of | labels | meaning |",
      "|---|---|---|---|---|",
      ...Object.entries<Definition>(metrics).map(
        ([name, { type, of, labels, help }]) =>
          `| \`${name}\` | ${type} | ${of} | ${labels.map((label) => `\`${label}\``).join(", ")} | ${help} |`,
      ),
      "",
    ].join("\n"),
  );
  return `${FIRST_HEADING}\n${tables.join("\n")}`;
}

test("docs/metrics.md ends with the tables of the definitions (UPDATE_GOLDEN=1 rewrites them)", () => {
  const [written = ""] = readFileSync(DOC, "utf8").split(FIRST_HEADING);
  const expected = written + reference();
  if (process.env.UPDATE_GOLDEN === "1") writeFileSync(DOC, expected);
  assert.equal(readFileSync(DOC, "utf8"), expected);
});

test("names go by Prometheus' conventions", () => {
  for (const [name, { type, help }] of Object.entries<Definition>(METRICS)) {
    assert.match(name, /^(everboot|process)_[a-z_]+$/);
    assert.equal(name.endsWith("_total"), type === "counter", name);
    if (type === "histogram") assert.match(name, /_seconds$/);
    assert.doesNotMatch(help, /\.$|\n/, name);
  }
});
