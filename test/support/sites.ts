/** Sites for tests: the contract's example files, and variations of them. */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { loadSite } from "../../src/site/load.ts";
import type { Site } from "../../src/site/model.ts";

const FIXTURES = join(dirname(fileURLToPath(import.meta.url)), "../fixtures/site");

/** The example site files of the contract, as they are. */
export function exampleText(name: "single" | "pair"): string {
  return readFileSync(join(FIXTURES, `${name}.yaml`), "utf8");
}

export function siteOf(text: string): Site {
  const result = loadSite(text, "/site.yaml");
  if (!("site" in result)) throw new Error(JSON.stringify(result.problems));
  return result.site;
}

export function exampleSite(name: "single" | "pair", edit: (text: string) => string = (text) => text): Site {
  return siteOf(edit(exampleText(name)));
}
