import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { type JsonSchema, mapOf, siteJsonSchema } from "../../../src/site/json-schema.ts";
import { loadSite } from "../../../src/site/load.ts";
import { siteReference } from "./reference.ts";

const DOC = join(dirname(fileURLToPath(import.meta.url)), "../../../docs/site-file.md");
const FIRST_HEADING = "## Top level\n";

test("docs/site-file.md ends with the tables of the schema (UPDATE_GOLDEN=1 rewrites them)", () => {
  const [written = ""] = readFileSync(DOC, "utf8").split(FIRST_HEADING);
  const expected = written + siteReference();
  if (process.env.UPDATE_GOLDEN === "1") writeFileSync(DOC, expected);
  assert.equal(readFileSync(DOC, "utf8"), expected);
});

test("every key has a description, which the documentation shows", () => {
  const text = readFileSync(DOC, "utf8");
  for (const [key, schema] of keysOf(siteJsonSchema())) {
    assert.ok(schema.description, `${key} has no description`);
    assert.ok(text.includes(`| \`${key}\` | `), `${key} is not in docs/site-file.md`);
  }
});

test("the documentation's own example is well", () => {
  const [, example = ""] = /```yaml\n([\s\S]*?)```/.exec(readFileSync(DOC, "utf8")) ?? [];
  assert.ok("site" in loadSite(example, "/etc/everboot/site.yaml"));
});

function keysOf(alternatives: JsonSchema): [string, JsonSchema][] {
  const schema = mapOf(alternatives);
  const own = Object.entries(schema.properties ?? {});
  const inner = [...own.map(([, value]) => value), schema.items, schema.additionalProperties || undefined];
  return [...own, ...inner.flatMap((value) => (value ? keysOf(value) : []))];
}
