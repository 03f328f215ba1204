/** The dashboard for everybody: on a phone, in the dark, by a screen reader. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Page } from "playwright-core";
import { findViolations } from "../support/browser.ts";
import { screenshot, skip, withPage } from "../support/dashboard.ts";

/** With what is there when they are whole. */
const PAGES: Readonly<Record<string, string>> = {
  "/": ".grid a",
  "/hosts/rack01-node-15": ".log pre",
  "/hosts/rack01-node-21": ".log pre",
  "/hosts/rack01-node-13": ".log pre",
  "/servers": ".floating",
  "/unknown": "tbody tr",
};

async function whole(page: Page, path: string): Promise<void> {
  await page
    .locator(PAGES[path] ?? "main")
    .first()
    .waitFor();
}

test("on a phone nothing is wider than the screen", { skip }, async () => {
  await withPage({ viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true }, async ({ api, page }) => {
    for (const path of Object.keys(PAGES)) {
      await page.goto(api.url + path);
      await whole(page, path);
      assert.equal(await page.evaluate("document.documentElement.scrollWidth"), 360, path);
    }
    await page.goto(api.url);
    await page.getByText("200 machines").waitFor();
    await screenshot(page, "dashboard-phone");
    await page.locator(".grid").tap({ position: { x: 15, y: 12 } });
    await page.getByRole("heading", { name: "rack01-node-01" }).waitFor();
  });
});

for (const colorScheme of ["light", "dark"] as const) {
  test(`axe finds nothing to complain of, ${colorScheme}`, { skip }, async () => {
    await withPage({ colorScheme }, async ({ api, page }) => {
      for (const path of Object.keys(PAGES)) {
        await page.goto(api.url + path);
        await whole(page, path);
        assert.deepEqual(await findViolations(page), [], path);
      }
      await page.getByRole("button", { name: "Accept 52:54:00:aa:00:01" }).click();
      assert.deepEqual(await findViolations(page), [], "dialog");
      await page.goto(api.url);
      await page.getByText("200 machines").waitFor();
      if (colorScheme === "dark") await screenshot(page, "dashboard-fleet-dark");
      else await screenshot(page, "dashboard-fleet");
      await page.getByRole("button", { name: "list" }).click();
      await page.locator("table.machines tbody tr").first().waitFor();
      assert.deepEqual(await findViolations(page), [], "list");
      await page.context().clearCookies();
      await page.reload();
      await page.getByLabel("Token").waitFor();
      assert.deepEqual(await findViolations(page), [], "log-in");
    });
  });
}

test("the theme switch outdoes the system, and is remembered", { skip }, async () => {
  await withPage({ colorScheme: "light" }, async ({ page }) => {
    const background = () => page.evaluate("getComputedStyle(document.body).backgroundColor");
    const light = await background();
    await page.getByLabel("Theme").selectOption("dark");
    const dark = await background();
    assert.notEqual(dark, light);
    await page.reload();
    await page.locator("header").waitFor();
    assert.equal(await background(), dark);
  });
});
