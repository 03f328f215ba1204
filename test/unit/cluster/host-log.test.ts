import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { createHostLogs, logPath } from "../../../src/cluster/host-log.ts";

const folder = await mkdtemp(join(tmpdir(), "everboot-logs-"));
after(() => rm(folder, { recursive: true }));

test("lines come in the order they were given, each host's in its own file", async () => {
  const logs = createHostLogs(join(folder, "order"));
  const lines = Array.from({ length: 500 }, (_, n) => `line ${n}`);
  for (const line of lines) logs.append("vm1", line);
  logs.append("vm2", "another");
  await logs.flush();
  assert.deepEqual(await logs.tail("vm1", 1000), lines);
  assert.deepEqual(await logs.tail("vm1", 2), ["line 498", "line 499"]);
  assert.deepEqual(await logs.tail("vm2", 10), ["another"]);
  assert.deepEqual(await logs.tail("vm3", 10), []);
  assert.equal((await stat(logPath(join(folder, "order"), "vm1"))).mode & 0o777, 0o600);
});

test("a log is bounded: at most two files of the size given, the newest lines kept", async () => {
  const logs = createHostLogs(join(folder, "bounded"), 1000);
  for (let n = 0; n < 200; n++) {
    logs.append("vm1", `line ${String(n).padStart(4, "0")}`);
    await logs.flush();
  }
  const path = logPath(join(folder, "bounded"), "vm1");
  const sizes = [(await stat(path)).size, (await stat(`${path}.1`)).size];
  assert.ok(
    sizes.every((size) => size <= 1000),
    String(sizes),
  );
  const kept = await logs.tail("vm1", 100);
  assert.equal(kept.length, 100);
  assert.equal(kept.at(-1), "line 0199");
  assert.equal(kept[0], "line 0100");
});

test("hostile names stay in the folder, hostile bytes do not reach the terminal", async () => {
  for (const host of ["../../etc/passwd", "/etc/passwd", "..", "", "a/b", ".hidden", "x".repeat(1000), "a\0b"]) {
    const path = logPath("/logs", host);
    assert.match(path, /^\/logs\/[A-Za-z0-9_-][A-Za-z0-9._-]*\.log$/, host);
    assert.ok(path.length < 255);
  }
  const logs = createHostLogs(join(folder, "hostile"));
  logs.append("vm1", "a\u001b[2Jb\r\nc\td");
  await logs.flush();
  assert.equal(await readFile(logPath(join(folder, "hostile"), "vm1"), "utf8"), "a\ufffd[2Jb\ufffd\ufffdc\td\n");
});

test("lines that cannot be written are counted, and harm nobody", async () => {
  const file = join(folder, "file");
  await writeFile(file, "");
  const logs = createHostLogs(file);
  logs.append("vm1", "one");
  logs.append("vm1", "two");
  await logs.flush();
  assert.equal(logs.lost(), 2);
});
