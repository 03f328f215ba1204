/** Requests at random for an OpenAPI document: mostly right, each part sometimes wrong. */
import fc from "fast-check";
import type { OpenApi, Operation, Parameter } from "../../../../src/server/api/openapi.ts";
import type { Ask } from "./api-rack.ts";

interface Schema {
  readonly type?: string;
  readonly enum?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly properties?: Readonly<Record<string, Schema>>;
}

interface Place {
  readonly method: string;
  readonly path: string;
  readonly operation: Operation;
}

const NONSENSE = fc.oneof(
  fc.string({ unit: "binary", maxLength: 40 }),
  fc.constantFrom("", "0", "-1", "1e309", "null", "../../etc/passwd", "%00", "a".repeat(500), "__proto__", "\u0000"),
);

export function arbitraryRequest(document: OpenApi, hosts: readonly string[]): fc.Arbitrary<Ask> {
  const places = Object.entries(document.paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, operation]) => ({ method: method.toUpperCase(), path, operation })),
  );
  const asked = places.filter(({ operation }) => !("text/event-stream" in contentOf(operation)));
  return fc.constantFrom(...asked).chain((place) => requestTo(place, hosts));
}

function contentOf({ responses }: Operation): object {
  return (responses["200"] as { readonly content: object }).content;
}

function requestTo({ method, path, operation }: Place, hosts: readonly string[]): fc.Arbitrary<Ask> {
  const { parameters = [], requestBody } = operation;
  const schema = (requestBody?.content as { "application/json": { schema: Schema } } | undefined)?.["application/json"];
  return fc
    .record({
      values: fc.record(Object.fromEntries(parameters.map((each) => [each.name, parameterOf(each, hosts)]))),
      sent: fc.subarray(parameters.filter((each) => each.in !== "path").map(({ name }) => name)),
      extra: fc.oneof({ weight: 9, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: NONSENSE }),
      body: schema ? bodyOf(schema.schema) : fc.constant({}),
    })
    .map(({ values, sent, extra, body }) => {
      const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(values[name] ?? "x"));
      const query = new URLSearchParams();
      const headers: Record<string, string> = {};
      for (const each of parameters.filter(({ name }) => sent.includes(name))) {
        if (each.in === "query") query.set(each.name, values[each.name] ?? "");
        else headers[each.name] = encodeURIComponent(values[each.name] ?? "");
      }
      if (extra !== undefined) query.set(extra, extra);
      return { method, path: `${filled}?${query}`, headers, ...body };
    });
}

function parameterOf({ name, schema }: Parameter, hosts: readonly string[]): fc.Arbitrary<string> {
  const fitting = name === "host" ? fc.constantFrom(...hosts) : valueFor(schema as Schema).map(String);
  return fc.oneof(
    { weight: 4, arbitrary: fitting },
    { weight: 1, arbitrary: NONSENSE.map((text) => text.toWellFormed()) },
  );
}

/** Of the kinds of schema that parameters and bodies have. */
function valueFor(schema: Schema): fc.Arbitrary<unknown> {
  if (schema.enum) return fc.constantFrom(...schema.enum);
  switch (schema.type) {
    case "integer":
      return fc.integer({ min: schema.minimum ?? 0, max: Math.min(schema.maximum ?? 1000, 100_000) });
    case "boolean":
      return fc.boolean();
    case "object":
      return fc.record(mapValues(schema.properties ?? {}, valueFor), { requiredKeys: [] });
    default:
      return fc.string({ maxLength: 20 });
  }
}

function mapValues<T, U>(object: Readonly<Record<string, T>>, map: (value: T) => U): Record<string, U> {
  return Object.fromEntries(Object.entries(object).map(([name, value]) => [name, map(value)]));
}

function bodyOf(schema: Schema): fc.Arbitrary<Pick<Ask, "body" | "raw" | "headers">> {
  return fc.oneof(
    { weight: 6, arbitrary: valueFor(schema).map((body) => ({ body })) },
    { weight: 2, arbitrary: fc.jsonValue().map((body) => ({ body })) },
    { weight: 1, arbitrary: NONSENSE.map((raw) => ({ raw })) },
  );
}
