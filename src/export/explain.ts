/**
 * Which line of a rendered text comes from which key of the site file: told by experiment. Each key that concerns the
 * host is changed in turn, and the lines that change with it come from it. So it holds for every family and format, and
 * cannot fall behind them.
 */
import { diffLines } from "../base/line-diff.ts";
import { loadSite } from "../site/load.ts";
import type { Host, Site } from "../site/model.ts";
import { readYaml } from "../site/yaml.ts";
import { type Experiment, experimentsOn } from "./experiments.ts";

export interface ExplainedLine {
  readonly line: string;
  /** As in `profiles.plain.disk.layout`; none = the same for every site file. */
  readonly keys: readonly string[];
}

export interface ExplainOptions {
  /** Of a site file that is well. */
  readonly text: string;
  /** Its absolute path. */
  readonly path: string;
  readonly host: string;
  readonly render: (site: Site, host: Host) => string;
}

/** Of those that change something; each costs a site file loaded and a text rendered. */
const ENOUGH_VARIANTS = 3;

export function explainLines(options: ExplainOptions): readonly ExplainedLine[] {
  const raw = readYaml(options.text).value;
  const before = renderedLines(options, options.text, options.host) ?? [];
  const keysOf = before.map(() => new Set<string>());
  for (const { key, variants } of experimentsOn(raw, options.host)) {
    for (const index of leastChange(options, before, variants)) keysOf[index]?.add(key);
  }
  return before.map((line, index) => ({
    line,
    keys: line.trim() === "" ? [] : nearestKeys([...(keysOf[index] ?? [])]),
  }));
}

/** The variant that changes least says most about its key: another mode, not no bond at all. */
function leastChange(
  options: ExplainOptions,
  before: readonly string[],
  variants: Experiment["variants"],
): readonly number[] {
  const changes: (readonly number[])[] = [];
  for (const variant of variants) {
    const lines = changedLines(options, before, variant);
    if (lines.length > 0) changes.push(lines);
    if (changes.length === ENOUGH_VARIANTS) break;
  }
  return changes.toSorted((a, b) => a.length - b.length)[0] ?? [];
}

/** Without `hosts.vm1.bond` where `hosts.vm1.bond.mode` is named. */
function nearestKeys(keys: readonly string[]): readonly string[] {
  return keys.filter((key) => !keys.some((other) => other.startsWith(`${key}.`)));
}

/** Places in `before` of the lines that this variant has not; none when it is no site file. */
function changedLines(
  options: ExplainOptions,
  before: readonly string[],
  { site, host }: Experiment["variants"][number],
): readonly number[] {
  const after = renderedLines(options, JSON.stringify(site), host);
  if (after === undefined) return [];
  let index = -1;
  return diffLines(before, after).flatMap(({ kind }) => {
    if (kind !== "added") index += 1;
    return kind === "removed" ? [index] : [];
  });
}

function renderedLines(options: ExplainOptions, text: string, name: string): string[] | undefined {
  const loaded = loadSite(text, options.path);
  const host = "site" in loaded ? loaded.site.hosts.get(name) : undefined;
  return "site" in loaded && host ? options.render(loaded.site, host).trimEnd().split("\n") : undefined;
}
