import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
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

test("each boot has its log; without one named, the one written last is shown", async () => {
  const logs = createHostLogs(join(folder, "boots"));
  logs.append("vm1", "of no boot that is known");
  logs.append("vm1", "first", "aaaaaaaa");
  logs.append("vm1", "second", "bbbbbbbb");
  logs.append("vm1", "first again", "aaaaaaaa");
  await logs.flush();
  assert.deepEqual(await logs.tail("vm1", 10, "aaaaaaaa"), ["first", "first again"]);
  assert.deepEqual(await logs.tail("vm1", 10, "bbbbbbbb"), ["second"]);
  assert.deepEqual(await logs.tail("vm1", 10, "cccccccc"), []);
  const path = logPath(join(folder, "boots"), "vm1", "bbbbbbbb");
  await utimes(path, 4_000_000_000, 4_000_000_000);
  assert.deepEqual(await logs.tail("vm1", 10), ["second"]);
  assert.equal((await logs.boots("vm1"))[0], "bbbbbbbb");
});

test("the newest boots are kept", async () => {
  const logs = createHostLogs(join(folder, "many"), { maxBoots: 3 });
  for (let n = 1; n <= 5; n++) {
    logs.append("vm1", `boot ${n}`, `0000000${n}`);
    await logs.flush();
    await utimes(logPath(join(folder, "many"), "vm1", `0000000${n}`), n, n);
  }
  assert.deepEqual(await logs.boots("vm1"), ["00000005", "00000004", "00000003"]);
});

test("a boot's log is bounded, the newest lines are kept", async () => {
  const logs = createHostLogs(join(folder, "bounded"), { maxBytes: 2000 });
  for (let n = 0; n < 200; n++) {
    logs.append("vm1", `line ${String(n).padStart(4, "0")}`, "aaaaaaaa");
    await logs.flush();
  }
  const path = logPath(join(folder, "bounded"), "vm1", "aaaaaaaa");
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

test("a log from before there was one for each boot is taken over, a host of its name is left alone", async () => {
  const place = join(folder, "old");
  await mkdir(join(place, "vm2.log"), { recursive: true });
  await writeFile(join(place, "vm1.log"), "new half\n");
  await writeFile(join(place, "vm1.log.1"), "old half\n");
  const logs = createHostLogs(place);
  logs.append("vm1", "today", "aaaaaaaa");
  logs.append("vm2", "today", "aaaaaaaa");
  await logs.flush();
  assert.equal(logs.lost(), 0);
  assert.deepEqual(await logs.tail("vm1", 10, "unknown"), ["old half", "new half"]);
  assert.ok((await stat(join(place, "vm2.log"))).isDirectory());
});

test("hostile names stay in the folder, hostile bytes do not reach the terminal", async () => {
  const hostile = ["../../etc/passwd", "/etc/passwd", "..", "", "a/b", ".hidden", "x".repeat(1000), "a\0b"];
  for (const name of hostile) {
    for (const path of [logPath("/logs", name), logPath("/logs", "vm1", name)]) {
      assert.match(path, /^\/logs\/[A-Za-z0-9_-][A-Za-z0-9._-]*\/[A-Za-z0-9_-][A-Za-z0-9._-]*\.log$/, name);
      assert.ok(path.split("/").every((part) => part.length < 255));
    }
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
