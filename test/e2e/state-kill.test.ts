/** kill -9 in the middle of commits: what was acknowledged is there, and each commit is whole or not there at all. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { openSqliteStore } from "../../src/store/sqlite.ts";
import { KEYS_PER_COMMIT } from "./state-writer.ts";

const WRITER = fileURLToPath(new URL("./state-writer.ts", import.meta.url));
const ROUNDS = 8;
const seed = Number(process.env.SEED ?? Date.now() % 1_000_000);

const folder = await mkdtemp(join(tmpdir(), "everboot-kill-"));
after(() => rm(folder, { recursive: true }));

/** Numerical Recipes' linear congruential generator. */
function createRandom(state: number): (below: number) => number {
  let current = state;
  return (below) => {
    current = (Math.imul(current, 1664525) + 1013904223) >>> 0;
    return current % below;
  };
}

/** Starts a writer, kills it once it has acknowledged so many commits, and gives back all that it acknowledged. */
async function writeUntilKilled(path: string, acknowledgements: number): Promise<number[]> {
  const writer = spawn(process.execPath, [WRITER, path], { stdio: ["ignore", "pipe", "inherit"] });
  const ended = once(writer, "close");
  const acknowledged: number[] = [];
  for await (const line of createInterface({ input: writer.stdout })) {
    acknowledged.push(Number(line));
    if (acknowledged.length === acknowledgements) writer.kill("SIGKILL");
  }
  await ended;
  return acknowledged;
}

async function numbersIn(path: string): Promise<Map<number, number>> {
  const store = await openSqliteStore(path);
  const keysOf = new Map<number, number>();
  for (const { value } of await store.list("")) keysOf.set(Number(value), (keysOf.get(Number(value)) ?? 0) + 1);
  await store.close();
  return keysOf;
}

test(`kill -9 at random moments loses no acknowledged commit and tears none (SEED=${seed})`, async () => {
  const path = join(folder, "state.db");
  const random = createRandom(seed);
  const acknowledged = new Set<number>();
  for (let round = 0; round < ROUNDS; round++) {
    for (const number of await writeUntilKilled(path, 1 + random(300))) acknowledged.add(number);
    const keysOf = await numbersIn(path);
    for (const number of acknowledged) assert.equal(keysOf.get(number), KEYS_PER_COMMIT, `commit ${number} is lost`);
    for (const [number, count] of keysOf) assert.equal(count, KEYS_PER_COMMIT, `commit ${number} is torn`);
  }
  assert.ok(acknowledged.size >= ROUNDS);
});
