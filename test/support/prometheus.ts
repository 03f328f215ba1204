/** Prometheus' own judge, and what its expressions speak of. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Definition, METRICS } from "../../src/server/metrics/definitions.ts";
import { type Judge, packagedJudge, type Verdict } from "./judges.ts";

export const PROMTOOL: Judge = packagedJudge("prometheus", "usr/bin/promtool");

/** What `promtool check metrics` says of a scrape: exit code 0, and nothing, for a good one. */
export function judgeMetrics(text: string): Verdict {
  const { status, stdout, stderr } = spawnSync(PROMTOOL.path, ["check", "metrics"], { input: text, encoding: "utf8" });
  return { code: status, output: stdout + stderr };
}

/** Calls back with the path of a file of this content; YAML takes JSON. */
export function withFile<T>(content: unknown, use: (path: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), "everboot-prometheus-"));
  try {
    const path = join(folder, "file.yaml");
    writeFileSync(path, JSON.stringify(content));
    return use(path);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Labels that Prometheus adds to all that it scrapes. */
const ADDED: readonly string[] = ["instance", "job", "le"];

/** What an expression says of our metrics that is not so: names, and labels in `{}` that there are not. */
export function strangersIn(expression: string): string[] {
  const selectors = expression.matchAll(/\b((?:everboot|process)_\w+)(?:\{([^}]*)\})?/g);
  return Array.from(selectors, ([, name = "", labels = ""]) => ({ name, labels })).flatMap(({ name, labels }) => {
    const definition = definitionOf(name);
    if (!definition) return [name];
    const known = [...ADDED, ...definition.labels];
    const named = Array.from(labels.matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g), ([, label = ""]) => label);
    return named.filter((label) => !known.includes(label)).map((label) => `${name}{${label}}`);
  });
}

/** A histogram is asked for by its buckets, its sum and its count alone. */
function definitionOf(name: string): Definition | undefined {
  const all: Readonly<Record<string, Definition | undefined>> = METRICS;
  const base = name.replace(/_(bucket|sum|count)$/, "");
  const found = all[base] ?? all[name];
  return found && (found.type === "histogram") === (base !== name) ? found : undefined;
}
