import assert from "node:assert/strict";
import { test } from "node:test";
import { parse } from "yaml";
import { type JsonSchema, schemaAt, siteJsonSchema } from "../../../src/site/json-schema.ts";
import { exampleText } from "../../support/sites.ts";

/** The part of a JSON Schema validator that the site's schema needs; the paths of all mismatches. */
function mismatches(schema: JsonSchema, value: unknown, path = ""): string[] {
  if (schema.anyOf?.some((one) => mismatches(one, value, path).length === 0)) return [];
  if (schema.anyOf || (schema.enum && !schema.enum.includes(value as string))) return [path];
  if (schema.type && ![schema.type].flat().includes(typeName(value))) return [path];
  if (Array.isArray(value))
    return value.flatMap((item, index) => mismatches(schema.items ?? {}, item, `${path}/${index}`));
  if (typeof value !== "object" || value === null) return [];
  const missing = (schema.required ?? []).filter((key) => !(key in value)).map((key) => `${path}/${key}`);
  const inner = Object.entries(value).flatMap(([key, item]) => {
    const child = schema.properties?.[key] ?? schema.additionalProperties;
    return child ? mismatches(child, item, `${path}/${key}`) : [`${path}/${key}`];
  });
  return [...missing, ...inner];
}

function typeName(value: unknown): string {
  if (Array.isArray(value)) return "array";
  if (value === null) return "null";
  return typeof value === "number" && Number.isInteger(value) ? "integer" : typeof value;
}

test("both examples fit the JSON Schema", () => {
  for (const name of ["single", "pair"] as const) {
    assert.deepEqual(mismatches(siteJsonSchema(), parse(exampleText(name))), []);
  }
});

test("the JSON Schema sees wrong types, unknown and missing keys", () => {
  const site = parse(exampleText("single"));
  site.subnets[0].dns = "192.168.77.1";
  site.servers.one.adress = 1;
  site.hosts.vm1.bond.mode = "fast";
  delete site.hosts.vm2.profile;
  const expected = ["/subnets/0/dns", "/servers/one/adress", "/hosts/vm1/bond/mode", "/hosts/vm2/profile"];
  assert.deepEqual(mismatches(siteJsonSchema(), site), expected);
});

test("it is closed, says draft 7, and shows defaults as one writes them", () => {
  const schema = siteJsonSchema();
  assert.deepEqual(
    Object.entries(schema).find(([key]) => key === "$schema")?.[1],
    "http://json-schema.org/draft-07/schema#",
  );
  assert.equal(schema.additionalProperties, false);
  assert.deepEqual(schema.required, ["site", "subnets", "servers"]);
  assert.equal(schemaAt(schema, ["subnets", 0, "lease"]).default, "4h");
  assert.equal(schemaAt(schema, ["profiles", "plain", "disk", "layout"]).default, "plain");
  assert.deepEqual(schemaAt(schema, ["profiles", "plain", "via"]).enum, ["http", "ftp", "nfs"]);
  assert.deepEqual(schemaAt(schema, ["nowhere", "at", "all"]), {});
});
