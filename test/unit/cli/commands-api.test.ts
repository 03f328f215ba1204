/** The commands that look on, against the API as it is. */
import assert from "node:assert/strict";
import { dirname } from "node:path";
import { type TestContext, test } from "node:test";
import { silentLog } from "../../../src/base/log.ts";
import { createEventsCommand } from "../../../src/cli/events.ts";
import { createLogsCommand } from "../../../src/cli/logs.ts";
import { statusCommand } from "../../../src/cli/status.ts";
import { createWatchCommand } from "../../../src/cli/watch.ts";
import type { NewEvent } from "../../../src/cluster/events.ts";
import { createApiServer } from "../../../src/server/api/api.ts";
import { createHastyClock, createTestIo } from "../../support/fake-daemon.ts";
import { apiRack } from "../server/api/api-rack.ts";

const DEADLINE = { timeout: 60_000 };

async function startRack(t: TestContext) {
  const rack = await apiRack(t);
  const [host = ""] = rack.site.hosts.keys();
  const clock = createHastyClock(Date.now());
  const start = Date.now() - 1000;
  // Events of one millisecond have no order.
  const note = (count: number): NewEvent => {
    return { at: start + count, host, stage: "script", what: "note", facts: { text: `number ${count}` } };
  };
  return { rack, host, clock, note, state: dirname(rack.socket) };
}

const told = (lines: readonly string[]) => lines.flatMap((line) => /number (\d+)/.exec(line)?.[1] ?? []).map(Number);

test("status tells of a boot who sent what, and how fast; by the network with a token", DEADLINE, async (t) => {
  const { rack, host } = await startRack(t);
  rack.journal.record({ host, stage: "dhcp", what: "offer", facts: { asking: "firmware", mac: "x" } });
  for (const [server, bytes] of [
    ["server1", 2 << 20],
    ["server2", 1 << 20],
  ] as const) {
    const facts = { path: "boot/initrd.gz", bytes, server, rate: 1 << 20 };
    rack.journal.record({ host, stage: "kernel", what: "served", facts });
  }
  const { io, lines } = createTestIo(t, { env: { EVERBOOT_URL: rack.url, EVERBOOT_TOKEN: rack.secrets.viewer } });
  assert.equal(await statusCommand.run([host], io), 0);
  const shares = /from server1 \(2\.0 MiB at 1\.0 MiB\/s\), server2 \(1\.0 MiB at 1\.0 MiB\/s\)$/m;
  assert.match(lines.join("\n"), shares);
});

test("logs and misspelt hosts", DEADLINE, async (t) => {
  const { host, clock, state } = await startRack(t);
  const { io, lines } = createTestIo(t);
  const logs = createLogsCommand(clock);
  assert.equal(await logs.run([host, "--state", state], io), 0);
  assert.deepEqual(lines, ["a line of its log"]);
  await assert.rejects(logs.run(["nobody", "-f", "--state", state], io), { code: "host-unknown" });
});

test("events that come while the API is away are told once it is back, each once", DEADLINE, async (t) => {
  const { rack, clock, note, state, host } = await startRack(t);
  rack.journal.record(note(1));
  rack.journal.record(note(2));
  const { io, lines, printed, stop } = createTestIo(t);
  const running = createEventsCommand(clock).run(["-f", "--state", state, host], io);
  await printed(2);
  rack.journal.record(note(3));
  await printed(3);
  await rack.api.stop();
  await printed(4);
  rack.journal.record(note(4));
  const { operations, socket, journal } = rack;
  const next = createApiServer({ socket, operations: () => operations, log: silentLog, subscribe: journal.subscribe });
  t.after(next.stop);
  await next.start();
  await printed(5);
  rack.journal.record(note(5));
  await printed(6);
  stop();
  assert.equal(await running, 0);
  assert.deepEqual(told(lines), [1, 2, 3, 4, 5]);
});

test("watch tells what changes", DEADLINE, async (t) => {
  const { rack, host, note, clock, state } = await startRack(t);
  const { io, lines, printed, stop } = createTestIo(t);
  const watch = createWatchCommand({ input: process.stdin, output: process.stdout }, clock);
  const running = watch.run([host, "--state", state], io);
  await printed(1);
  rack.journal.record(note(7));
  await printed(2);
  stop();
  assert.equal(await running, 0);
  assert.match(lines[0] ?? "", new RegExp(`  ${host}  idle`));
  assert.match(lines[1] ?? "", /note: number 7$/);
});
