/**
 * A fleet that reports a thousand times a second while the daemon is killed and the dashboard is looked at: no report that
 * was acknowledged is lost, memory stays bounded, the page keeps up. Five seconds in every run, a minute with
 * EVERBOOT_LAB=flood.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect as connectSocket, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type TestContext, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import type { Page } from "playwright-core";
import { stringify } from "yaml";
import { DaemonProcess } from "../../lab/daemon-process.ts";
import { Namespace, namespaceObstacle } from "../../lab/netns.ts";
import { writeNoise } from "../../lab/simulate/tree.ts";
import { askDaemon } from "../../src/cli/daemon-client.ts";
import type { JournalEvent } from "../../src/cluster/events.ts";
import { statePaths } from "../../src/cluster/state-folder.ts";
import { openSqliteStore } from "../../src/store/sqlite.ts";
import { findChromium, launchChromium } from "../support/browser.ts";
import type { FloodLine, FloodOrder } from "./event-flood-client.ts";

const isLong = process.env.EVERBOOT_LAB === "flood";
const HOSTS = isLong ? 5000 : 500;
const SECONDS = isLong ? 60 : 5;
const PER_SECOND = 1000;
const ADDRESS = "10.78.0.1";
const BROWSER = findChromium();
/** Bytes: journal and fleet of 5,000 hosts, and as much again for what is under way. */
const MOST_MEMORY = 1_000_000_000;

function mac(number: number): string {
  const hex = number.toString(16).padStart(4, "0");
  return `52:54:00:78:${hex.slice(0, 2)}:${hex.slice(2)}`;
}

const hostName = (number: number) => `node${String(number).padStart(4, "0")}`;
const numbers = Array.from({ length: HOSTS }, (_, number) => number);

function siteText(tree: string): string {
  const hosts = numbers.map((number) => [
    hostName(number),
    { nics: [mac(number)], address: `10.78.${1 + Math.floor(number / 250)}.${1 + (number % 250)}`, profile: "small" },
  ]);
  return stringify({
    site: "flood",
    subnets: [{ cidr: "10.78.0.0/16", router: ADDRESS }],
    servers: { one: { address: ADDRESS, interface: "br0" } },
    trees: { debian: { family: "debian", release: "bookworm", path: tree } },
    profiles: { small: { tree: "debian", root: { password: "!", ssh_keys: ["ssh-ed25519 AAAA"] } } },
    hosts: Object.fromEntries(hosts),
  });
}

async function openSite(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), "everboot-flood-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const [siteFile, state, tree] = ["site.yaml", "state", "tree"].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  mkdirSync(state);
  writeNoise(tree, { packages: 1, bytes: 1000 });
  writeFileSync(siteFile, siteText(tree));
  const space = await Namespace.create("evfl");
  t.after(() => space.remove());
  await space.bridge("br0", `${ADDRESS}/16`);
  const daemon = new DaemonProcess({ space, siteFile, state, logDirectory: folder });
  await daemon.start();
  t.after(() => daemon.kill());
  return { folder, state, space, daemon };
}

async function permitAll(socket: string): Promise<void> {
  const waiting = numbers.map(hostName);
  const issue = async () => {
    for (let host = waiting.shift(); host !== undefined; host = waiting.shift())
      await askDaemon(socket, "POST", `/api/v1/hosts/${host}/permit`, {});
  };
  await Promise.all(Array.from({ length: 16 }, issue));
}

/** The control socket as a port of this machine, for the browser. */
async function openDoor(t: TestContext, socket: string): Promise<string> {
  const door: Server = createServer((client) => {
    const daemon = connectSocket(socket);
    // Either end goes with the other; a daemon that was killed is what the page must live with.
    client.pipe(daemon).pipe(client);
    client.on("error", () => daemon.destroy());
    daemon.on("error", () => client.destroy());
  });
  door.listen(0, "127.0.0.1");
  await once(door, "listening");
  t.after(() => door.close());
  const address = door.address();
  assert.ok(typeof address === "object" && address);
  return `http://127.0.0.1:${address.port}`;
}

async function openPage(t: TestContext, url: string): Promise<Page | undefined> {
  if (BROWSER === undefined) return undefined;
  const browser = await launchChromium(BROWSER);
  t.after(() => browser.close());
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  await page.goto(url);
  await page.getByText(`${HOSTS} machines`).waitFor();
  await page.evaluate(`globalThis.batches = [];
    new PerformanceObserver((list) => {
      for (const { name, duration } of list.getEntries())
        if (name === "everboot-message" || name === "everboot-draw") batches.push(duration);
    }).observe({ entryTypes: ["measure"] });`);
  return page;
}

/** Bytes that the process has in memory; 0 = it is just ending. */
function memoryOf(pid: number | undefined): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * 1024;
}

test(`${PER_SECOND} reports a second for ${SECONDS} s, the daemon killed in the middle: none is lost`, {
  skip: namespaceObstacle(),
  timeout: 400_000,
}, async (t) => {
  const { folder, state, space, daemon } = await openSite(t);
  const { socket, store } = statePaths(state);
  await permitAll(socket);
  const order: FloodOrder = {
    ...{ server: `http://${ADDRESS}`, macs: numbers.map(mac), perSecond: PER_SECOND, seconds: SECONDS },
  };
  writeFileSync(join(folder, "order.json"), JSON.stringify(order));
  // Before the flood, which does not wait for a browser to start.
  const page = await openPage(t, await openDoor(t, socket));
  const program = join(import.meta.dirname, "event-flood-client.ts");
  const client = space.spawn(process.execPath, [program, join(folder, "order.json")], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = once(client, "exit");
  const noted = new Set<number>();
  let again = 0;
  const ready = Promise.withResolvers<void>();
  assert.ok(client.stdout);
  createInterface(client.stdout).on("line", (text) => {
    const line = JSON.parse(text) as FloodLine;
    if (line.ready) ready.resolve();
    for (const number of line.noted ?? []) noted.add(number);
    again = line.again ?? again;
  });
  await ready.promise;
  const memory: number[] = [];
  const watch = setInterval(() => daemon.running && memory.push(memoryOf(daemon.pid)), 500);
  t.after(() => clearInterval(watch));
  const began = performance.now();
  await delay((SECONDS * 1000) / 2);
  await daemon.kill();
  await daemon.start();
  const [code] = await ended;
  clearInterval(watch);
  assert.equal(code, 0);
  const took = (performance.now() - began) / 1000;
  assert.equal(noted.size, PER_SECOND * SECONDS);
  const batches = page ? await lookAt(page) : undefined;
  await daemon.stop();

  const found = new Map<string, number>();
  const journal = await openSqliteStore(store);
  for (const { value } of await journal.list("journal/")) {
    const { what, facts } = JSON.parse(value) as JournalEvent;
    if (what === "report") found.set(String(facts.text), (found.get(String(facts.text)) ?? 0) + 1);
  }
  await journal.close();
  const lost = [...noted].filter((number) => !found.has(`report ${number}`));
  const doubled = [...found.values()].filter((times) => times > 1).length;
  const most = Math.max(...memory);
  assert.ok(again > 0, "the daemon was killed in the midst of them");
  t.diagnostic(`${noted.size} reports in ${took.toFixed(1)} s, ${again} sent again, ${doubled} there twice`);
  t.diagnostic(`memory: at most ${Math.round(most / 1e6)} MB, at the end ${Math.round((memory.at(-1) ?? 0) / 1e6)} MB`);
  if (batches) t.diagnostic(batches);
  assert.deepEqual(lost, []);
  assert.ok(doubled <= again, "only what was sent again may be there twice");
  assert.ok(most < MOST_MEMORY, `${most} bytes`);
});

/** After the daemon came back the page shows it, and it was never busy for long. */
async function lookAt(page: Page): Promise<string> {
  await page.getByRole("button", { name: `${HOSTS} installing`, exact: true }).waitFor();
  const batches = ((await page.evaluate("batches")) as number[]).toSorted((a, b) => a - b);
  assert.ok(batches.length > SECONDS, `${batches.length} batches`);
  const at = (share: number) => batches[Math.ceil(batches.length * share) - 1] ?? 0;
  assert.ok(at(0.5) < 100, `half of the batches took longer than ${at(0.5)} ms`);
  return `dashboard: ${batches.length} batches, p50 ${at(0.5).toFixed(1)} ms, p99 ${at(0.99).toFixed(1)} ms`;
}
