/** Imports that are killed, and imports onto a full disk: the old version is served whole, the new one never half. */
import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, beforeEach, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { importTree } from "../../src/content/import.ts";
import { verifyTree } from "../../src/content/manifest.ts";
import { currentVersion, readVersionManifest, versionFolder, versionIds } from "../../src/content/versions.ts";
import { removeVersion, switchCurrent } from "../../src/content/versions-change.ts";
import { FAMILIES } from "../../src/registry.ts";
import type { Tree } from "../../src/site/model.ts";
import { isoObstacle, layOut, MEDIA, type Medium, makeIso } from "./media-lab.ts";
import { tempFolder } from "./mirror-lab.ts";

const WORKER = join(import.meta.dirname, "import-worker.ts");
const KILLS = 30;
const SMALL_FILES = 150;

let base: string;
const at = (path: string) => join(base, path);
const tree = (): Tree => ({ name: "rocky-9", family: "redhat", release: "9", arch: "amd64", path: at("tree") });

beforeEach(async () => {
  base = await tempFolder();
});
afterEach(() => rm(base, { recursive: true }));

function rocky(build: string): Medium {
  const kind = MEDIA.find(({ tree: { family } }) => family === "redhat");
  assert.ok(kind);
  return kind.make(build);
}

/** With many files of its own, which the next version has too. */
async function layOutOld(): Promise<void> {
  const medium = rocky("old");
  for (let count = 0; count < SMALL_FILES; count++)
    medium.set(`BaseOS/Packages/${count % 10}/${count}.rpm`, `${count}`);
  await layOut(medium, at("old"));
}

interface Said {
  readonly step?: string;
  readonly fraction?: number;
  readonly version?: string;
}

/** Kills the worker `after` milliseconds after it said what is waited for, or lets it end before that. */
async function killed(worker: ChildProcess, waitedFor: (said: Said) => boolean, after: number): Promise<void> {
  assert.ok(worker.stdout);
  const ended = once(worker, "exit");
  for await (const line of createInterface(worker.stdout)) {
    if (!waitedFor(JSON.parse(line) as Said)) continue;
    await Promise.race([pause(after), ended]);
    break;
  }
  worker.kill("SIGKILL");
  await ended;
}

function startWorker(source: string): ChildProcess {
  return spawn(process.execPath, [WORKER, at("tree"), source], { stdio: ["ignore", "pipe", "inherit"] });
}

/** Every version that is there is whole, and the one that is served is among them. @returns its id. */
async function assertWhole(): Promise<string> {
  const { path } = tree();
  const ids = await versionIds(path);
  for (const id of ids) {
    assert.deepEqual(await verifyTree(versionFolder(path, id), await readVersionManifest(path, id)), [], id);
  }
  const current = await currentVersion(path);
  assert.ok(current !== undefined && ids.includes(current));
  return current;
}

/** Milliseconds that the worker needs from the last byte that is read to the end of the import. */
async function lastStretch(): Promise<number> {
  const worker = startWorker(at("new"));
  assert.ok(worker.stdout);
  let read = 0;
  let ended = 0;
  for await (const line of createInterface(worker.stdout)) {
    const { fraction, version } = JSON.parse(line) as Said;
    if (fraction === 1) read = performance.now();
    if (version !== undefined) ended = performance.now();
  }
  return ended - read;
}

/** As before the import. */
async function backTo(old: string): Promise<void> {
  await switchCurrent(tree().path, old);
  for (const id of await versionIds(tree().path)) {
    if (id !== old) await removeVersion(tree().path, id, new Set());
  }
}

test("kill -9 at 30 moments: half of them while files are read, half while the version is made and served", async (t) => {
  await layOutOld();
  await layOut(rocky("new"), at("new"));
  const { version: old } = await importTree(at("old"), tree(), FAMILIES);
  const stretch = await lastStretch();
  await backTo(old);
  const outcomes = { old: 0, new: 0 };
  for (let kill = 0; kill < KILLS; kill++) {
    const part = (kill % (KILLS / 2)) / (KILLS / 2);
    const inReading = kill < KILLS / 2;
    const waitedFor = ({ fraction = 1 }: Said) => fraction >= (inReading ? part : 1);
    await killed(startWorker(at("new")), waitedFor, inReading ? 0 : part * 1.25 * stretch);
    const served = await assertWhole();
    outcomes[served === old ? "old" : "new"] += 1;
    await backTo(old);
  }
  t.diagnostic(`of ${KILLS} kills ${outcomes.old} left the old version served, ${outcomes.new} the new one`);
  assert.ok(outcomes.old >= KILLS / 2);
  const { version } = await importTree(at("new"), tree(), FAMILIES);
  assert.equal(await assertWhole(), version);
  const left = (await readdir(tree().path)).sort();
  assert.deepEqual(left, [".everboot-current", ".everboot-versions"]);
});

function mountObstacle(): string | undefined {
  try {
    execFileSync("unshare", ["-m", "true"], { stdio: "ignore" });
    return isoObstacle();
  } catch {
    return "needs root, for a mount namespace of its own";
  }
}

test("a full disk: refused, the old version is served whole, and there is room again", {
  skip: mountObstacle(),
}, async () => {
  await layOut(rocky("old"), at("old"));
  await layOut(rocky("new"), at("new"));
  const large = rocky("large");
  large.set("AppStream/Packages/large.rpm", Buffer.alloc(9 << 20, "large "));
  await layOut(large, at("large"));
  await makeIso(large, at("large.iso"));
  await mkdir(at("tree"));
  const sources = ["old", "large", "large.iso", "new"].map(at);
  const mount = `mount -t tmpfs -o size=10m none "$1" && shift && exec "$@"`;
  const worker = [process.execPath, WORKER, at("tree"), ...sources];
  const said = execFileSync("unshare", ["-m", "sh", "-c", mount, "sh", at("tree"), ...worker], { encoding: "utf8" })
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .filter((each) => !("step" in each));
  const [old, folder, iso, next, served] = said;
  assert.ok(old?.version);
  const full = /^\S+large(\.iso)?: there is no space left for it on the tree's disk: .*; the tree is as it was$/;
  assert.match(String(folder?.refused), full);
  assert.match(String(iso?.refused), full);
  assert.ok(next?.version && next.version !== old.version);
  assert.deepEqual(served, { served: next.version, differences: [] });
});
