/** Debian's chromium, driven over its debugging port by playwright-core. */
import { accessSync, constants } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import axe from "axe-core";
import { type Browser, chromium, type Page } from "playwright-core";

const NAMES = ["chromium", "chromium-browser", "google-chrome"];

/** Path of the program; undefined = there is none here. */
export function findChromium(): string | undefined {
  const folders = (process.env.PATH ?? "").split(":");
  return folders.flatMap((folder) => NAMES.map((name) => join(folder, name))).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Its own sandbox does not work for root; it only ever shows our own pages. */
export function launchChromium(executablePath: string): Promise<Browser> {
  const args = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
  return chromium.launch({ executablePath, args });
}

/** Violations of WCAG 2.2 A and AA and of axe's best practices, as `rule: element`. */
export async function findViolations(page: Page): Promise<string[]> {
  // Not by a script tag: the page's policy forbids those.
  await page.evaluate(axe.source);
  const { violations } = (await page.evaluate("axe.run()")) as axe.AxeResults;
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ target, failureSummary }) => `${id}: ${target} ${failureSummary}`),
  );
}
