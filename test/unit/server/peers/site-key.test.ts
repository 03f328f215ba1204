import assert from "node:assert/strict";
import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { EverbootError } from "../../../../src/base/errors.ts";
import { createSiteKey, loadSiteKey, nextEpoch } from "../../../../src/server/peers/site-key.ts";

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "everboot-key-"));
});

afterEach(() => rm(folder, { recursive: true }));

function hasCode(code: string) {
  return (error: unknown) => error instanceof EverbootError && error.code === code;
}

test("a key is made once, for its owner's eyes, and read back", async () => {
  assert.equal(await loadSiteKey(folder), undefined);
  const key = await createSiteKey(folder);
  assert.equal(key.length, 32);
  assert.deepEqual(await loadSiteKey(folder), key);
  assert.equal((await stat(join(folder, "cluster.key"))).mode & 0o777, 0o600);
  await assert.rejects(createSiteKey(folder), hasCode("state-unwritable"));
  assert.deepEqual(await loadSiteKey(folder), key);
});

test("a file that is no key is told", async () => {
  for (const text of ["", "0123", "z".repeat(64)]) {
    await writeFile(join(folder, "cluster.key"), text);
    await assert.rejects(loadSiteKey(folder), hasCode("state-broken"));
  }
});

test("epochs follow the clock, and go on when it goes back", async () => {
  assert.equal(await nextEpoch(folder, 5000), 5000);
  assert.equal(await nextEpoch(folder, 7000), 7000);
  assert.equal(await nextEpoch(folder, 100), 7001);
  assert.equal(await nextEpoch(folder, 7001), 7002);
});

test("an epoch that cannot be read or kept is told", async () => {
  await writeFile(join(folder, "peers.epoch"), "soon");
  await assert.rejects(nextEpoch(folder, 1), hasCode("state-broken"));
  await assert.rejects(nextEpoch(join(folder, "peers.epoch"), 1), hasCode("state-broken"));
});
