/** The dashboard: logging in, the fleet, its keys, its connection. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { hostIn, type Opened, screenshot, skip, textOf, withPage } from "../support/dashboard.ts";
import { TOKEN } from "../support/web-api.ts";
import { CAUSES } from "../support/web-fleet.ts";

test("logging in: a wrong token is told, the right one opens the fleet, and out again", { skip }, async () => {
  await withPage({}, async ({ page }) => {
    await page.context().clearCookies();
    await page.reload();
    await page.getByLabel("Token").fill("eb_a_WRONG");
    await page.keyboard.press("Enter");
    await page.getByRole("alert").getByText("this token is not known").waitFor();
    await page.getByLabel("Token").fill(TOKEN);
    await page.getByRole("button", { name: "Log in" }).click();
    await page.getByText("200 machines").waitFor();
    await page.getByRole("button", { name: "Log out" }).click();
    await page.getByLabel("Token").waitFor();
  });
});

test("the page asks its own server alone", { skip }, async () => {
  await withPage({}, async ({ api, page, requests }) => {
    await page.getByText("200 machines").waitFor();
    assert.ok(requests.length > 4);
    assert.deepEqual(
      requests.filter((url) => !url.startsWith(`${api.url}/`)),
      [],
    );
  });
});

/** Milliseconds of each batch: taking in the message, then drawing what changed. */
interface Batches {
  readonly messages: number[];
  readonly draws: number[];
}

const OBSERVE = `
  new PerformanceObserver((list) => {
    for (const { name, duration } of list.getEntries()) {
      if (name === "everboot-message") batches.messages.push(duration);
      if (name === "everboot-draw") batches.draws.push(duration);
    }
  }).observe({ entryTypes: ["measure"] });
`;

/** Runs the fleet for two seconds, and tells how long each batch kept the page busy. */
async function runFleet({ api, page }: Opened): Promise<Batches> {
  await page.evaluate("globalThis.batches = { messages: [], draws: [] }");
  for (let quarter = 0; quarter < 8; quarter += 1) {
    api.step(500);
    if (quarter % 4 === 0) api.tellServers();
    // As often as the API tells changes.
    await setTimeout(250);
  }
  const verified = [...api.fleet.hosts.values()].filter(({ state }) => state === "verified").length;
  await page.getByRole("button", { name: `${verified} verified`, exact: true }).waitFor();
  return (await page.evaluate("batches")) as Batches;
}

test("5,000 machines: 500 change four times a second, and each batch is on the screen in under 100 ms", {
  skip,
}, async (t) => {
  await withPage({ count: 5000 }, async (opened) => {
    const { page } = opened;
    await page.getByText("5000 machines").waitFor();
    await page.evaluate(OBSERVE);
    const rounds: number[] = [];
    // Other work of the computer counts too: the quietest of the rounds is the dashboard's own.
    for (let round = 0; round < 5 && !rounds.some((longest) => longest < 100); round += 1) {
      const { messages, draws } = await runFleet(opened);
      assert.ok(messages.length >= 10 && draws.length >= 8, `${messages.length} messages, ${draws.length} frames`);
      const [message = 0, draw = 0] = [messages, draws].map((times) => Math.max(...times));
      rounds.push(message + draw);
      t.diagnostic(
        `${messages.length} messages: at most ${message.toFixed(1)} ms, ${draws.length} frames: at most ${draw.toFixed(1)} ms`,
      );
    }
    assert.ok(Math.min(...rounds) < 100, `longest batch of each round: ${rounds.join(", ")} ms`);
    await screenshot(page, "dashboard-fleet-5000");
  });
});

test("the list holds 5,000 machines with few rows in the page, sorts, and scrolls to the last", { skip }, async () => {
  await withPage({ count: 5000 }, async ({ page }) => {
    await page.getByRole("button", { name: "list" }).click();
    const rows = page.locator("table.machines tbody:not(.spacer) tr");
    await rows.first().waitFor();
    assert.ok((await rows.count()) < 100);
    assert.equal(await textOf(rows.first().locator("th")), "rack01-node-01");
    await page.getByRole("button", { name: "Machine", exact: true }).click();
    await page
      .getByRole("columnheader", { name: "Machine", exact: false })
      .and(page.locator("[aria-sort=descending]"))
      .waitFor();
    assert.equal(await textOf(rows.first().locator("th")), "rack125-node-40");
    await page.keyboard.press("End");
    await rows.getByText("rack01-node-01").waitFor();
  });
});

test("filter by text and state; the address keeps it", { skip }, async () => {
  await withPage({}, async ({ api, page }) => {
    const failed = [...api.fleet.hosts.values()].filter(({ state }) => state === "failed").length;
    await page.getByText("200 machines").waitFor();
    await page.keyboard.press("/");
    await page.keyboard.type("rack01");
    await page.getByText("40 of 200 machines").waitFor();
    await page.keyboard.press("Escape");
    await page.getByText(/^200 machines$/).waitFor();
    await page.getByRole("button", { name: `${failed} failed`, exact: true }).click();
    await page.getByText(`${failed} of 200 machines`).waitFor();
    await page.waitForURL(/\?state=failed$/);
    await page.reload();
    await page.getByText(`${failed} of 200 machines`).waitFor();
    const host = hostIn(api, "failed");
    await page.locator(".grid a").first().press("Enter");
    await page.getByRole("heading", { name: host }).waitFor();
    await page.keyboard.press("Escape");
    await page.getByText(`${failed} of 200 machines`).waitFor();
    await page.getByRole("searchbox").fill("no such machine");
    await page.getByText("No machine matches.").waitFor();
  });
});

test("causes stand above the fleet, and lead to their machines", { skip }, async () => {
  await withPage({ count: 400 }, async ({ api, page }) => {
    const stalled = [...api.fleet.hosts.values()].filter(({ state }) => state === "stalled");
    await page.getByRole("button", { name: CAUSES.stalled.text }).click();
    await page.getByText(`${stalled.length} of 400 machines`).waitFor();
  });
});

test("keyboard: arrows go through the grid, Enter opens, Esc leads back", { skip }, async () => {
  await withPage({}, async ({ page }) => {
    const focused = () => page.locator(".grid a:focus");
    await page.getByRole("button", { name: "list" }).focus();
    await page.keyboard.press("Tab");
    assert.match(await textOf(focused()), /^rack01-node-01, /);
    await page.keyboard.press("ArrowRight");
    await page.locator(".grid a:focus", { hasText: "rack01-node-02" }).waitFor();
    await page.keyboard.press("End");
    await page.locator(".grid a:focus", { hasText: "rack05-node-40" }).waitFor();
    assert.equal(await page.evaluate("getComputedStyle(document.activeElement).outlineStyle"), "solid");
    assert.ok(await page.evaluate("document.activeElement.getBoundingClientRect().bottom <= innerHeight"));
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "rack05-node-40" }).waitFor();
    await page.keyboard.press("Escape");
    await page.getByText("200 machines").waitFor();
    await page.keyboard.press("?");
    await page.getByRole("dialog").getByText("from machine to machine").waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
  });
});

test("a click on the canvas opens the machine under it", { skip }, async () => {
  await withPage({}, async ({ page }) => {
    await page.getByText("200 machines").waitFor();
    await page.locator(".grid").hover({ position: { x: 20, y: 20 } });
    await page.locator(".tip", { hasText: "rack01-node-01" }).waitFor();
    await page.locator(".grid").click({ position: { x: 20, y: 20 } });
    await page.getByRole("heading", { name: "rack01-node-01" }).waitFor();
  });
});

test("a lost connection is said, what is shown is marked as old, and it comes back by itself", { skip }, async () => {
  await withPage({}, async ({ api, page }) => {
    await page.getByText("200 machines").waitFor();
    api.cut(true);
    await page.getByRole("alert").getByText("Connection lost").waitFor();
    assert.match(String(await page.evaluate("getComputedStyle(document.querySelector('main')).filter")), /grayscale/);
    const host = hostIn(api, "local");
    api.put({ host, profile: "web", state: "failed", cause: CAUSES.failed });
    const failed = [...api.fleet.hosts.values()].filter(({ state }) => state === "failed").length;
    api.cut(false);
    await page.getByRole("button", { name: `${failed} failed`, exact: true }).waitFor();
    assert.equal(await page.getByRole("alert").count(), 0);
  });
});

test("state changes that matter are read out", { skip }, async () => {
  await withPage({}, async ({ api, page }) => {
    await page.getByText("200 machines").waitFor();
    const host = hostIn(api, "booting");
    api.put({ host, profile: "web", state: "stalled", cause: CAUSES.stalled });
    await page.locator("[aria-live=polite]", { hasText: `${host} stalled` }).waitFor({ state: "attached" });
  });
});
