/** The built dashboard in a real browser, against the API's shapes over a fleet in memory (web-api.ts). */
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { after, before } from "node:test";
import { fileURLToPath } from "node:url";
import type { Browser, BrowserContextOptions, Locator, Page } from "playwright-core";
import type { HostState } from "../../src/cluster/status.ts";
import { buildDashboard } from "../../web/build.ts";
import { findChromium, launchChromium } from "./browser.ts";
import { startWebApi, type WebApi, type WebApiOptions } from "./web-api.ts";

const chromium = findChromium();
/** Of each test: false = it can run. */
export const skip = chromium === undefined && "needs chromium: apt-get install chromium";
const IMAGES = fileURLToPath(new URL("../../docs/images/", import.meta.url));
const TAKES_SCREENSHOTS = process.env.UPDATE_SCREENSHOTS === "1";

let browser: Browser | undefined;
let folder = "";
before(async () => {
  if (chromium === undefined) return;
  folder = await mkdtemp(join(tmpdir(), "everboot-dashboard-"));
  await buildDashboard(join(folder, "dist"));
  browser = await launchChromium(chromium);
});
after(async () => {
  await browser?.close();
  if (folder !== "") await rm(folder, { recursive: true, force: true });
});

export interface Opened {
  readonly api: WebApi;
  readonly page: Page;
  /** Everything that the page asked for. */
  readonly requests: string[];
  readonly troubles: string[];
}

type Options = Partial<WebApiOptions> & BrowserContextOptions & { readonly path?: string };

/** Logs in, opens the page, and closes everything after `work`. What the browser complains of fails the test. */
export async function withPage(options: Options, work: (opened: Opened) => Promise<void>): Promise<void> {
  const { count = 200, role = "admin", path = "/", ...context } = options;
  assert.ok(browser);
  const api = await startWebApi({ count, role, folder: join(folder, "dist") });
  const opened = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...context });
  try {
    await opened.addCookies([{ name: "everboot_session", value: "1", url: api.url }]);
    const page = await opened.newPage();
    const requests: string[] = [];
    const troubles: string[] = [];
    page.on("request", (request) => void requests.push(request.url()));
    page.on("pageerror", (error) => void troubles.push(error.message));
    page.on("console", (message) => {
      // Answers that refuse are the business of some tests.
      if (message.type() === "error" && !message.text().startsWith("Failed to load resource"))
        troubles.push(message.text());
    });
    await page.goto(api.url + path);
    await page.locator("header").waitFor();
    await work({ api, page, requests, troubles });
    assert.deepEqual(troubles, []);
  } finally {
    await opened.close();
    await api.close();
  }
}

/** The first machine in this state. */
export function hostIn(api: WebApi, state: HostState): string {
  const found = [...api.fleet.hosts.values()].find((host) => host.state === state);
  assert.ok(found, `no host is ${state}`);
  return found.host;
}

export async function textOf(element: Locator): Promise<string> {
  return (await element.textContent()) ?? "";
}

/** For docs/images, with UPDATE_SCREENSHOTS=1. */
export async function screenshot(page: Page, name: string): Promise<void> {
  if (!TAKES_SCREENSHOTS) return;
  mkdirSync(IMAGES, { recursive: true });
  await page.screenshot({ path: join(IMAGES, `${name}.png`) });
}
