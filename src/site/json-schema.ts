/** The schema as JSON Schema: for editors, for the reference in docs/site-file.md and for messages. */
import { z } from "zod";
import type { SitePath } from "./problem.ts";
import { siteSchema } from "./schema.ts";

/** The parts of JSON Schema (draft 7) that the site file's schema uses. */
export interface JsonSchema {
  readonly title?: string;
  readonly description?: string;
  readonly type?: string | readonly string[];
  readonly enum?: readonly (string | number)[];
  readonly default?: unknown;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: JsonSchema | false;
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
}

/** What one may write in a site file; draft 7, which every editor's YAML plug-in reads. A new object at each call. */
export function siteJsonSchema(): JsonSchema {
  const schema = z.toJSONSchema(siteSchema, { io: "input", target: "draft-7", unrepresentable: "throw" });
  return { title: "Everboot site file", ...(schema as JsonSchema) };
}

/** The schema of the value at `path`; empty when the path leads outside. */
export function schemaAt(root: JsonSchema, path: SitePath): JsonSchema {
  let schema = root;
  for (const part of path) {
    const named = Object.hasOwn(schema.properties ?? {}, part) ? schema.properties?.[part] : undefined;
    schema = mapOf(named ?? (schema.additionalProperties || schema.items || {}));
  }
  return schema;
}

/** Where there are alternatives, the one that is a map. */
export function mapOf(schema: JsonSchema): JsonSchema {
  return schema.anyOf?.find(({ properties }) => properties) ?? schema;
}
