import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createLogsCommand } from "../../../src/cli/logs.ts";
import { newLines } from "../../../src/cli/logs-tail.ts";
import { answer, createHastyClock, createTestIo, startFakeDaemon } from "../../support/fake-daemon.ts";

const DEADLINE = { timeout: 30_000 };
const logs = createLogsCommand(createHastyClock(0));

test("the last lines; control characters do not come through", DEADLINE, async (t) => {
  const daemon = await startFakeDaemon(t, (_, response) => answer(response, { items: ["a", "b\u001b[2J"] }));
  const { io, lines } = createTestIo(t);
  assert.equal(await logs.run(["vm1", "-n", "2", "--boot", "5d1e9a02", "--state", daemon.state], io), 0);
  assert.deepEqual(lines, ["a", "b [2J"]);
  assert.deepEqual(daemon.asked, ["/api/v1/hosts/vm1/log?lines=2&boot=5d1e9a02"]);
});

test("no log is not well, and says whose", DEADLINE, async (t) => {
  const daemon = await startFakeDaemon(t, (_, response) => answer(response, { items: [] }));
  const { io, lines } = createTestIo(t);
  assert.equal(await logs.run(["vm1", "--state", daemon.state], io), 1);
  assert.deepEqual(lines, ["! everboot: no log of vm1: its installer has sent no line"]);
  await assert.rejects(logs.run(["vm1", "-n", "x"], io), { code: "usage" });
});

test("following goes on through a restart and into another boot's log", DEADLINE, async (t) => {
  let log = ["1", "2", "3"];
  const daemon = await startFakeDaemon(t, (_, response) => answer(response, { items: log }));
  const { io, lines, printed, stop } = createTestIo(t);
  const running = logs.run(["vm1", "-f", "-n", "2", "--state", daemon.state], io);
  await printed(2);
  log = ["1", "2", "3", "4"];
  await printed(3);
  await daemon.stop();
  await printed(4);
  log = ["2", "3", "4", "5"];
  await daemon.start();
  await printed(5);
  log = ["new"];
  await printed(7);
  stop();
  assert.equal(await running, 0);
  assert.match(lines[3] ?? "", /^! everboot: .*: trying again$/);
  assert.deepEqual(
    lines.filter((line) => !line.includes("trying again")),
    [
      "2",
      "3",
      "4",
      "5",
      "! everboot: what follows is another boot's log, or comes after lines that were missed",
      "new",
    ],
  );
});

test("any log, looked at through any window, is told whole when the window was wide enough", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 30 }), fc.array(fc.nat(12), { maxLength: 10 }), (window, steps) => {
      const log: string[] = [];
      const found: string[] = [];
      let before: readonly string[] = [];
      let isWhole = true;
      for (const step of steps) {
        for (let count = 0; count < step; count++) log.push(`line ${log.length}`);
        const after = log.slice(-window);
        isWhole &&= step < window || log.length <= window;
        const { lines, isBroken } = newLines(before, after);
        found.push(...lines);
        if (isBroken) assert.ok(!isWhole);
        before = after;
      }
      if (isWhole) assert.deepEqual(found, log);
      assert.deepEqual(found, [...new Set(found)]);
    }),
  );
});
