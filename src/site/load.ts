/** A site file's text to a Site, or to everything that is wrong with it. */
import { createHash } from "node:crypto";
import { posix } from "node:path";
import type { z } from "zod";
import { bondAdvice } from "./check-bonds.ts";
import { checkSite } from "./checks.ts";
import { draftSite, type SiteDraft } from "./draft.ts";
import { siteJsonSchema } from "./json-schema.ts";
import { findingsOf, valueAt } from "./messages.ts";
import type { Site } from "./model.ts";
import { type Finding, type Problem, type SitePath, sortProblems } from "./problem.ts";
import { resolveSite } from "./resolve.ts";
import { ENTRY_SCHEMAS, type SiteEntry, siteSchema } from "./schema.ts";
import { siteWarnings } from "./warnings.ts";
import { readYaml } from "./yaml.ts";

export interface LoadedSite {
  readonly site: Site;
  /** In the order of the file, like `problems`. */
  readonly warnings: Problem[];
  /** For checks of the world, which know the site but not its text. */
  readonly locate: (finding: Finding) => Problem;
}

/** At least one of the problems is an error. */
export interface RefusedSite {
  readonly problems: Problem[];
}

/** Pure; never throws, whatever the text. `path` is the file's absolute path: relative paths start from its folder. */
export function loadSite(text: string, path: string): LoadedSite | RefusedSite {
  const yaml = readYaml(text);
  if (!yaml.wellFormed) return { problems: sortProblems(yaml.problems) };
  if (yaml.value === null) {
    const empty: Problem = {
      line: 1,
      column: 1,
      what: "the file is empty",
      todo: "describe a site",
      severity: "error",
    };
    return { problems: [empty] };
  }
  const { entry, findings } = examine(yaml.value);
  const problems = sortProblems([...yaml.problems, ...findings.map(yaml.locate)]);
  if (!entry || problems.some(({ severity }) => severity === "error")) {
    return { problems: problems.filter(({ severity }) => severity !== "hint") };
  }
  const revision = createHash("sha256").update(text).digest("hex");
  return { site: resolveSite(entry, posix.dirname(path), revision), warnings: problems, locate: yaml.locate };
}

function examine(raw: unknown): { readonly entry?: SiteEntry; readonly findings: readonly Finding[] } {
  const parsed = siteSchema.safeParse(raw);
  if (parsed.success) {
    const faults = checkSite(parsed.data);
    // Advice for bonds that cannot be made as they stand would only be in the way.
    const advice = faults.length > 0 ? [] : bondAdvice(parsed.data);
    return { entry: parsed.data, findings: [...faults, ...siteWarnings(parsed.data), ...advice] };
  }
  const schema = siteJsonSchema();
  const issues = parsed.error.issues.flatMap((issue) => [issue, ...issuesBelowBadName(issue, raw)]);
  const own = issues.flatMap((issue) => findingsOf(issue, raw, schema));
  return { findings: [...own, ...consequent(draftSite(raw), own)] };
}

/** zod does not look at entries whose name is bad. */
function issuesBelowBadName(issue: z.core.$ZodIssue, raw: unknown): z.core.$ZodIssue[] {
  if (issue.code !== "invalid_key") return [];
  const [section] = issue.path;
  const schema = Object.entries(ENTRY_SCHEMAS).find(([name]) => name === section)?.[1];
  const issues = schema?.safeParse(valueAt(raw, issue.path as SitePath)).error?.issues ?? [];
  return issues.map((inner) => ({ ...inner, path: [...issue.path, ...inner.path] }));
}

/** Cross checks of what is well, less those about places that have a problem of their own: `pool` is there, but bad. */
function consequent(draft: SiteDraft, own: readonly Finding[]): Finding[] {
  const troubled = new Set(own.map(({ path }) => placeName(path)));
  return checkSite(draft).filter(({ path }) => !troubled.has(placeName(path)));
}

function placeName(path: SitePath): string {
  return JSON.stringify(path);
}
