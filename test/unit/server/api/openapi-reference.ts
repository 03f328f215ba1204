/** The calls of the API as Markdown, from its OpenAPI document: the second half of docs/api.md. */
import type { OpenApi, Operation, Parameter } from "../../../../src/server/api/openapi.ts";

interface Schema {
  readonly $ref?: string;
  readonly type?: string;
  readonly enum?: readonly string[];
  readonly const?: unknown;
  readonly anyOf?: readonly Schema[];
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema | boolean;
  readonly required?: readonly string[];
  readonly default?: unknown;
  readonly description?: string;
}

export function apiReference(document: OpenApi): string {
  const calls = Object.entries(document.paths).flatMap(([path, operations]) =>
    Object.entries(operations).flatMap(([method, operation]) => callText(method, path, operation)),
  );
  const shapes = Object.entries(document.components.schemas).toSorted(([a], [b]) => (a < b ? -1 : 1));
  const tables = shapes.flatMap(([name, schema]) => [`### ${name}`, "", ...memberTable(schema as Schema), ""]);
  return [...calls, "## Shapes", "", "Members marked * are always there.", "", ...tables]
    .join("\n")
    .trimEnd()
    .concat("\n");
}

function callText(method: string, path: string, operation: Operation): string[] {
  const { parameters = [], requestBody, responses } = operation;
  const body = requestBody?.content as { "application/json": { schema: Schema } } | undefined;
  const answer = (responses["200"] as { content: Readonly<Record<string, { schema: Schema }>> }).content;
  const [[type, { schema } = {}] = ["", {}]] = Object.entries(answer);
  return [
    `### \`${method.toUpperCase()} ${path}\``,
    "",
    `${operation.summary}. Role: ${operation["x-role"]}.`,
    "",
    ...parameters.filter((each) => each.in !== "path").map(parameterText),
    ...(body ? memberList("body", body["application/json"].schema) : []),
    `- answer: ${type === "text/event-stream" || !schema ? "a stream of events" : typeOf(schema)}`,
    "",
  ];
}

function parameterText({ name, in: place, description, schema }: Parameter): string {
  const shape = schema as Schema;
  const initial = shape.default === undefined ? "" : `, default \`${String(shape.default)}\``;
  return `- ${place} \`${name}\` (${typeOf(shape)}${initial})${description === undefined ? "" : `: ${description}`}`;
}

function memberList(name: string, schema: Schema): string[] {
  const members = Object.entries(schema.properties ?? {}).map(([key, member]) => {
    const mark = schema.required?.includes(key) ? "*" : "";
    const words = member.description === undefined ? "" : `: ${member.description}`;
    return `  - \`${key}\`${mark} (${typeOf(member)})${words}`;
  });
  return [`- ${name}, JSON:`, ...members];
}

function memberTable(schema: Schema): string[] {
  const rows = Object.entries(schema.properties ?? {}).map(([key, member]) => {
    const mark = schema.required?.includes(key) ? " *" : "";
    return `| \`${key}\`${mark} | ${typeOf(member)} | ${member.description ?? ""} |`;
  });
  return ["| member | type | meaning |", "|---|---|---|", ...rows];
}

function typeOf(schema: Schema): string {
  if (schema.$ref !== undefined) return shapeLink(schema.$ref);
  if (schema.enum) return schema.enum.map((value) => `\`${value}\``).join(", ");
  if (schema.anyOf) return schema.anyOf.map(typeOf).join(" or ");
  if (schema.items) return `list of ${typeOf(schema.items)}`;
  if (schema.properties) return objectText(schema.properties);
  if (typeof schema.additionalProperties === "object") return `map of ${typeOf(schema.additionalProperties)}`;
  return (
    { string: "text", number: "number", integer: "whole number", boolean: "true or false" }[schema.type ?? ""] ??
    "object"
  );
}

function objectText(properties: Readonly<Record<string, Schema>>): string {
  const members = Object.entries(properties).map(([name, member]) => `\`${name}\`: ${typeOf(member)}`);
  return members.length === 0 ? "object" : `{ ${members.join(", ")} }`;
}

function shapeLink(ref: string): string {
  const name = ref.split("/").at(-1) ?? "";
  return `[${name}](#${name.toLowerCase()})`;
}
