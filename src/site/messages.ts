/** What the schema library found, in the operator's words. */
import type { z } from "zod";
import { type JsonSchema, schemaAt } from "./json-schema.ts";
import { listNames, nearestName } from "./nearest.ts";
import { type Finding, quote, type SitePath } from "./problem.ts";

type Issue = z.core.$ZodIssue;

/** What the schema expects, by zod's names for types: in words, and how to write it. */
const TYPES: Readonly<Record<string, { readonly words: string; readonly todo: string }>> = {
  string: { words: "text", todo: "put it in quotes" },
  number: { words: "a number", todo: "write a number" },
  int: { words: "a whole number", todo: "write a whole number" },
  boolean: { words: "true or false", todo: "write true or false" },
  array: { words: "a list", todo: "write it as in [a, b]" },
  object: { words: "a map", todo: "write it as `key: value` lines" },
  record: { words: "a map", todo: "write it as `name: ...` lines" },
};

/** `raw` is the value that was checked, `schema` the one of the whole file. */
export function findingsOf(issue: Issue, raw: unknown, schema: JsonSchema): Finding[] {
  const path = issue.path as SitePath;
  if (issue.code === "unrecognized_keys") return issue.keys.map((key) => unknownKey(path, key, schema));
  if (issue.code === "invalid_key") return issue.issues.map((inner) => ({ ...custom(path, inner), at: "key" }));
  const value = valueAt(raw, path);
  const mapIssues = issue.code === "invalid_union" && isMap(value) ? issuesOfMap(issue) : undefined;
  if (mapIssues)
    return mapIssues.flatMap((inner) => findingsOf({ ...inner, path: [...path, ...inner.path] }, raw, schema));
  if (value === undefined) return [{ path, what: `\`${path.at(-1)}\` is missing`, todo: "add it" }];
  if (value === null) return [noValue(path, schema)];
  return [invalidValue(issue, path, value)];
}

function unknownKey(path: SitePath, key: string, schema: JsonSchema): Finding {
  const known = Object.keys(schemaAt(schema, path).properties ?? {});
  const near = nearestName(key, known);
  const todo = near === undefined ? `known here: ${listNames(known)}` : `did you mean ${near}?`;
  return { path: [...path, key], at: "key", what: `unknown key ${quote(key)}`, todo };
}

function noValue(path: SitePath, schema: JsonSchema): Finding {
  const isRequired = schemaAt(schema, path.slice(0, -1)).required?.includes(String(path.at(-1))) ?? false;
  return { path, what: `${labelOf(path)} has no value`, todo: isRequired ? "fill it in" : "fill it in or remove it" };
}

function invalidValue(issue: Issue, path: SitePath, value: unknown): Finding {
  const label = labelOf(path);
  switch (issue.code) {
    case "invalid_type":
      return { path, ...wrongType(label, [issue.expected], value) };
    case "invalid_union":
      return invalidUnion(issue, path, value);
    case "invalid_value":
      return { path, ...noneOf(label, issue.values, value) };
    case "too_small":
      if (issue.origin === "array") return { path, what: `${label} is empty`, todo: "name at least one" };
      return { path, what: `${label} is ${value}`, todo: `the least is ${issue.minimum}` };
    case "too_big":
      return { path, what: `${label} is ${value}`, todo: `the most is ${issue.maximum}` };
    default:
      return custom(path, issue);
  }
}

/** Of the alternative that is a map, as the value is one: what is wrong inside it. */
function issuesOfMap({ errors }: Extract<Issue, { code: "invalid_union" }>): readonly Issue[] | undefined {
  const isInside = (issue: Issue) => issue.path.length > 0 || issue.code === "unrecognized_keys";
  return errors.find((issues) => issues.every(isInside));
}

function isMap(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The findings of the alternative whose type fits; when none fits, all of the types. */
function invalidUnion(issue: Extract<Issue, { code: "invalid_union" }>, path: SitePath, value: unknown): Finding {
  const expected: string[] = [];
  for (const [first] of issue.errors) {
    if (first === undefined) continue;
    const inner = [...path, ...(first.path as SitePath)];
    if (first.code !== "invalid_type" || first.path.length > 0) {
      return invalidValue(first, inner, valueAt(value, first.path as SitePath));
    }
    expected.push(first.expected);
  }
  return { path, ...wrongType(labelOf(path), expected, value) };
}

function wrongType(label: string, expected: readonly string[], value: unknown): Pick<Finding, "what" | "todo"> {
  const types = expected.map((type) => TYPES[type] ?? { words: type, todo: `write ${type}` });
  const isQuotable = expected[0] === "string" && (typeof value === "number" || typeof value === "boolean");
  const [only] = types;
  if (only && types.length === 1 && (only !== TYPES.string || isQuotable)) {
    return { what: `${label} is ${kindOf(value)}, not ${only.words}`, todo: only.todo };
  }
  return { what: `${label} is ${kindOf(value)}`, todo: `write ${types.map((type) => type.words).join(" or ")}` };
}

function noneOf(label: string, values: readonly unknown[], value: unknown): Pick<Finding, "what" | "todo"> {
  const names = values.map(String);
  if (typeof value !== "string" && typeof value !== "number") {
    return { what: `${label} is ${kindOf(value)}`, todo: `write one of ${names.join(", ")}` };
  }
  const near = nearestName(String(value), names);
  const todo = near === undefined ? `write one of ${names.join(", ")}` : `did you mean ${near}?`;
  return { what: `${label} cannot be ${quote(String(value))}`, todo };
}

/** Findings of our own checks in values.ts, which carry their message and what to do. */
function custom(path: SitePath, issue: Issue): Finding {
  const todo = issue.code === "custom" ? issue.params?.todo : undefined;
  return { path, what: issue.message, ...(typeof todo === "string" ? { todo } : {}) };
}

/** The last key of the path; an entry of a list by the list's key. */
function labelOf(path: SitePath): string {
  const key = path.findLast((part) => typeof part === "string");
  if (key === undefined) return "the file";
  return typeof path.at(-1) === "string" ? `\`${key}\`` : `an entry of \`${key}\``;
}

function kindOf(value: unknown): string {
  if (value === null) return "nothing";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "number") return Number.isInteger(value) ? "a whole number" : "a number";
  if (typeof value === "boolean") return "true or false";
  return typeof value === "string" ? "text" : "a map";
}

/** Undefined when the path leads outside. */
export function valueAt(raw: unknown, path: SitePath): unknown {
  let value = raw;
  for (const part of path) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, part)) return undefined;
    value = (value as Readonly<Record<string | number, unknown>>)[part];
  }
  return value;
}
