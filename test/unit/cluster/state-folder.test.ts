import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { EverbootError } from "../../../src/base/errors.ts";
import { defaultStateFolder, lockState } from "../../../src/cluster/state-folder.ts";

const folder = await mkdtemp(join(tmpdir(), "everboot-folder-"));
after(() => rm(folder, { recursive: true }));

const hasCode = (code: string) => (error: unknown) => error instanceof EverbootError && error.code === code;

test("the default folder depends on who asks and their environment", () => {
  const home = "/home/ann";
  assert.equal(defaultStateFolder({ uid: 0, home, env: { XDG_STATE_HOME: "/x" } }), "/var/lib/everboot");
  assert.equal(defaultStateFolder({ uid: 1000, home, env: { XDG_STATE_HOME: "/x" } }), "/x/everboot");
  assert.equal(defaultStateFolder({ uid: 1000, home, env: {} }), "/home/ann/.local/state/everboot");
  assert.equal(
    defaultStateFolder({ uid: 1000, home, env: { XDG_STATE_HOME: "x" } }),
    "/home/ann/.local/state/everboot",
  );
});

test("a second daemon is told who has the folder, and gets it afterwards", async () => {
  const path = join(folder, "twice");
  const lock = lockState(path, 4711);
  assert.throws(() => lockState(path, 4712), /daemon \(pid 4711\) already uses .*twice/);
  assert.throws(() => lockState(path, 4712), hasCode("daemon-running"));
  lock.release();
  lock.release();
  assert.equal(existsSync(lock.paths.pid), false);
  const next = lockState(path, 4712);
  assert.equal(await readFile(next.paths.pid, "utf8"), "4712\n");
  next.release();
});

test("the folder is its owner's alone, and a socket left behind is removed", async () => {
  const path = join(folder, "private");
  const { paths, release } = lockState(path, 1);
  release();
  await writeFile(paths.socket, "");
  lockState(path, 1).release();
  assert.equal(existsSync(paths.socket), false);
  const modes = await Promise.all([path, paths.logs].map(async (each) => (await stat(each)).mode & 0o777));
  assert.deepEqual(modes, [0o700, 0o700]);
});

test("what cannot be a state folder is refused with the reason", async () => {
  const file = join(folder, "file");
  await writeFile(file, "");
  assert.throws(() => lockState(join(file, "below"), 1), hasCode("state-unwritable"));
  assert.throws(() => lockState(join(folder, "x".repeat(100)), 1), /too long for a socket/);
  const foreign = join(folder, "foreign");
  lockState(foreign, 1).release();
  await writeFile(join(foreign, "daemon.lock"), "not a lock of ours".repeat(10));
  assert.throws(() => lockState(foreign, 1), hasCode("state-unwritable"));
});
