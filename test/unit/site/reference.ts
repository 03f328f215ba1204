/** The keys of the site file as Markdown tables, from the schema: the second half of docs/site-file.md. */
import { type JsonSchema, mapOf, siteJsonSchema } from "../../../src/site/json-schema.ts";

/** One section for each kind of map, in the order of the schema. */
export function siteReference(): string {
  return sections("", siteJsonSchema()).join("\n");
}

function sections(path: string, schema: JsonSchema): string[] {
  const properties = Object.entries(schema.properties ?? {});
  const rows = properties.map(([key, value]) => {
    const isRequired = schema.required?.includes(key) ?? false;
    return `| \`${key}\` | ${typeOf(value)} | ${defaultOf(value, isRequired)} | ${value.description ?? ""} |`;
  });
  const title = path === "" ? "## Top level" : `## \`${path}\``;
  const own = [title, "", "| key | type | default | meaning |", "|---|---|---|---|", ...rows, ""];
  return [...own, ...properties.flatMap(([key, value]) => nested(path === "" ? key : `${path}.${key}`, value))];
}

function nested(path: string, alternatives: JsonSchema): string[] {
  const schema = mapOf(alternatives);
  if (schema.properties) return sections(path, schema);
  if (schema.items) return nested(`${path}[]`, schema.items);
  return schema.additionalProperties ? nested(`${path}.NAME`, schema.additionalProperties) : [];
}

function typeOf(schema: JsonSchema): string {
  if (schema.enum) return schema.enum.map((value) => `\`${value}\``).join(", ");
  if (schema.title) return schema.title;
  if (schema.anyOf) return schema.anyOf.map(typeOf).join(" or ");
  if (schema.items) return schema.items.properties ? "list of maps" : `list: ${typeOf(schema.items)}`;
  if (schema.type === "object") return schema.properties ? "map" : "map by name";
  return { string: "text", boolean: "true or false", integer: "whole number" }[String(schema.type)] ?? "";
}

function defaultOf(schema: JsonSchema, isRequired: boolean): string {
  if (isRequired) return "required";
  if (schema.default === undefined) return "none";
  return `\`${typeof schema.default === "string" ? schema.default : JSON.stringify(schema.default)}\``;
}
