/** The dashboard: one machine, the servers, unknown machines, and what can be done with them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { hostIn, screenshot, skip, textOf, withPage } from "../support/dashboard.ts";
import { CAUSES } from "../support/web-fleet.ts";

test("a stalled machine: the cause and what to do, its stages, earlier boots, log, plan and answer file", {
  skip,
}, async () => {
  await withPage({}, async ({ api, page }) => {
    const host = hostIn(api, "stalled");
    await page.goto(`${api.url}/hosts/${host}`);
    const cause = page.getByRole("region", { name: "Why it is stalled" });
    await cause.getByText(CAUSES.stalled.text).waitFor();
    await cause.getByText("set the port channel to fall back").waitFor();
    await cause.getByText(CAUSES.stalled.evidence).waitFor();
    const current = page.locator(".timeline tr[aria-current=step]");
    assert.match(await textOf(current), /^kernel/);
    await page.getByLabel("Boot", { exact: true }).selectOption("1");
    await page.locator(".timeline .ahead", { hasText: "kernel" }).waitFor();
    await page
      .getByRole("region", { name: `Log of ${host}` })
      .getByText("Unpacking package-60")
      .waitFor();
    await page.getByText("Plan", { exact: true }).click();
    await page.getByText("permit 3fa9c1d2 is open").waitFor();
    await page.getByText("Answer file", { exact: true }).click();
    await page.getByText(`string ${host}`).waitFor();
    await page.evaluate("scrollTo(0, 0)");
    await screenshot(page, "dashboard-stalled");
  });
});

test("an install that another server goes on with: both servers, and an estimate that says so", { skip }, async () => {
  await withPage({ path: "/hosts/rack01-node-13" }, async ({ api, page }) => {
    await page.getByText("estimate, from what earlier installs of this profile fetched").waitFor();
    const packages = page.locator(".timeline tr", { hasText: "packages" });
    await packages.getByText("two").waitFor();
    assert.match(await textOf(packages), /one\s*two/);
    const before = await page.getByRole("progressbar").getAttribute("aria-valuenow");
    const host = api.fleet.hosts.get("rack01-node-13");
    assert.ok(host?.progress);
    api.put({ ...host, progress: { ...host.progress, fraction: 0.9, done: 812 } });
    await page.locator("[role=progressbar][aria-valuenow='90']").waitFor();
    assert.notEqual(before, "90");
    await screenshot(page, "dashboard-machine");
  });
});

test("a bond that came up otherwise than declared: the member and the setting are marked", { skip }, async () => {
  await withPage({}, async ({ api, page }) => {
    await page.goto(`${api.url}/hosts/${hostIn(api, "differs")}`);
    const members = page.getByRole("list", { name: "Members of bond0" });
    assert.match(await textOf(members.getByRole("listitem").nth(1)), /DOWN, 25 Gb\/s.*NOT IN THE AGGREGATOR/s);
    assert.match(await textOf(members.getByRole("listitem").nth(0)), /up, 25 Gb\/s\s*LACP partner 00:1c:73:aa:bb:01/);
    assert.match(await textOf(page.locator("tr.unlike")), /lacp_rate\s*fast\s*slow ≠ differs/);
    await page.locator(".bond").scrollIntoViewIfNeeded();
    await screenshot(page, "dashboard-bond");
  });
});

test("actions ask first: install, cancel, retry", { skip }, async () => {
  await withPage({}, async ({ api, page }) => {
    const idle = hostIn(api, "idle");
    const [main, dialog] = [page.locator("main"), page.getByRole("dialog")];
    await page.goto(`${api.url}/hosts/${idle}`);
    await main.getByRole("button", { name: "Install" }).click();
    await dialog.waitFor();
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "detached" });
    await main.getByRole("button", { name: "Install" }).click();
    await dialog.getByRole("button", { name: "Back" }).click();
    await dialog.waitFor({ state: "detached" });
    assert.deepEqual(api.changes, []);
    await main.getByRole("button", { name: "Install" }).click();
    await dialog.getByRole("button", { name: "Install" }).click();
    await page.getByRole("status").getByText(`${idle} may install until`).waitFor();
    await main.getByRole("button", { name: "Cancel install" }).click();
    await dialog.getByRole("button", { name: "Cancel install" }).click();
    await page.getByRole("status").getByText("is taken back").waitFor();
    const failed = hostIn(api, "failed");
    await page.goto(`${api.url}/hosts/${failed}`);
    await main.getByRole("button", { name: "Retry" }).click();
    await dialog.getByRole("button", { name: "Retry" }).click();
    await page.getByRole("status").getByText(`${failed} may install until`).waitFor();
    assert.deepEqual(api.changes, [
      { method: "POST", path: `/api/v1/hosts/${idle}/permit`, body: {} },
      { method: "DELETE", path: `/api/v1/hosts/${idle}/permit`, body: undefined },
      { method: "POST", path: `/api/v1/hosts/${failed}/permit`, body: { replace: true } },
    ]);
  });
});

test("servers: load, floating addresses and who holds them, and draining", { skip }, async () => {
  await withPage({ path: "/servers" }, async ({ api, page }) => {
    await page.getByRole("region", { name: "Server two" }).getByText("92.0 MiB/s").first().waitFor();
    await page.getByRole("img", { name: "10.20.0.13 of three: held by one" }).waitFor();
    await page.getByRole("region", { name: "Server three" }).getByText("does not answer").waitFor();
    await page.getByRole("button", { name: "Drain: two" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Drain" }).click();
    await page.getByRole("status").getByText("two is taken out of service").waitFor();
    assert.deepEqual(api.changes, [
      { method: "POST", path: "/api/v1/cluster/drain", body: { server: "two", draining: true } },
    ]);
  });
});

test("rates are plotted as they come; a server that falls silent leaves a gap", { skip }, async () => {
  await withPage({ path: "/servers" }, async ({ api, page }) => {
    const one = page.getByRole("region", { name: "Server one" });
    await one.waitFor();
    const started = Date.now();
    for (let second = 1; second <= 100; second += 1) {
      // The plot goes by the browser's clock: a hundred seconds in a few.
      const pause = second > 60 ? 15_000 : 0;
      await page.evaluate(`Date.now = () => ${started + second * 1000 + pause}`);
      for (const [place, server] of api.fleet.servers.entries()) {
        const rate = (90 + 25 * Math.sin(second / 9 + place) + 8 * Math.sin(second * 1.7 + place)) * 2 ** 20;
        api.fleet.servers[place] = { ...server, installs: 1000 + second, ...(server.alive && { rate }) };
      }
      api.tellServers();
      await one.getByText(String(1000 + second), { exact: true }).waitFor();
    }
    const line = (await one.locator(".plot-line").getAttribute("d")) ?? "";
    // What came before the test took the clock over may stand apart.
    const parts = line.split("M").filter((part) => part.split("L").length > 10);
    assert.equal(parts.length, 2, "one line before the gap and one after it");
    assert.ok((line.match(/L/g) ?? []).length >= 96);
    assert.equal(await page.getByRole("region", { name: "Server three" }).locator(".plot-line").getAttribute("d"), "");
    await screenshot(page, "dashboard-servers");
  });
});

test("an unknown machine becomes a host; a name that is taken is told", { skip }, async () => {
  await withPage({ path: "/unknown" }, async ({ api, page }) => {
    await page.getByRole("button", { name: "Accept 52:54:00:aa:00:01" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Name").fill("rack01-node-01");
    await dialog.getByLabel("Profile").selectOption("storage");
    await dialog.getByRole("button", { name: "Accept" }).click();
    await dialog.getByText("there is a host rack01-node-01").waitFor();
    await dialog.getByLabel("Name").fill("rack06-node-01");
    await dialog.getByRole("button", { name: "Accept" }).click();
    await page.getByRole("status").getByText("52:54:00:aa:00:01 is host rack06-node-01 now").waitFor();
    await page.getByRole("button", { name: "Accept 52:54:00:aa:00:01" }).waitFor({ state: "detached" });
    assert.deepEqual(api.changes.at(-1), {
      method: "POST",
      path: "/api/v1/unknown/52%3A54%3A00%3Aaa%3A00%3A01/accept",
      body: { name: "rack06-node-01", profile: "storage" },
    });
  });
});

test("a viewer sees no action and no answer file", { skip }, async () => {
  await withPage({ role: "viewer" }, async ({ api, page }) => {
    await page.goto(`${api.url}/hosts/${hostIn(api, "failed")}`);
    await page.getByRole("heading", { name: "Log" }).waitFor();
    assert.equal(await page.getByRole("button", { name: /Install|Retry|Cancel/ }).count(), 0);
    assert.equal(await page.getByText("Answer file").count(), 0);
    await page.goto(`${api.url}/servers`);
    await page.getByRole("region", { name: "Server two" }).waitFor();
    assert.equal(await page.getByRole("button", { name: /Drain/ }).count(), 0);
    await page.goto(`${api.url}/unknown`);
    await page.getByText("52:54:00:aa:00:01").waitFor();
    assert.equal(await page.getByRole("button", { name: /Accept/ }).count(), 0);
  });
});
