import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { systemClock } from "../../../../src/base/clock.ts";
import { type LogFields, silentLog } from "../../../../src/base/log.ts";
import { ChildProgram } from "../../../../src/server/nfs/child-program.ts";
import { createFakeClock } from "../../../support/fake-clock.ts";

const SHELL = "/bin/sh";
const TIMEOUT = { timeout: 60_000 };

/** A shell that runs `script`; `died` has what the log said of each end. */
function createWorld(t: TestContext, script: string, clock = systemClock) {
  const folder = mkdtempSync(join(tmpdir(), "everboot-child-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const pidFile = join(folder, "pid");
  const ends: LogFields[] = [];
  const lines: unknown[] = [];
  let wake = Promise.withResolvers<void>();
  const happened = () => {
    wake.resolve();
    wake = Promise.withResolvers();
  };
  const log = {
    ...silentLog,
    debug: ({ line }: LogFields) => {
      lines.push(line);
      happened();
    },
    error: (fields: LogFields) => void ends.push(fields),
  };
  const args = ["-c", script];
  const child = new ChildProgram({ name: "shell", program: SHELL, args, pidFile, clock, log, died: happened });
  const until = async (isSo: () => boolean) => {
    while (!isSo()) await wake.promise;
  };
  return { child, pidFile, args, ends, lines, until };
}

test("one that dies is started again, later each time, until it is stopped", TIMEOUT, async (t) => {
  const clock = createFakeClock();
  const { child, pidFile, ends, until } = createWorld(t, "echo no disk; exit 1", clock);
  child.start();
  child.start();
  for (const [round, againInMs] of [100, 200, 400, 800, 1600, 3200, 5000, 5000].entries()) {
    await until(() => ends.length > round);
    assert.deepEqual(ends[round], { lastLine: "no disk", againInMs });
    assert.equal(existsSync(pidFile), false);
    clock.advance(againInMs);
  }
  await child.stop();
  const { length } = ends;
  clock.advance(60_000);
  assert.equal(ends.length, length);
});

test("one that is told to end ends; one that does not want to is killed", TIMEOUT, async (t) => {
  const clock = createFakeClock();
  for (const script of ["echo up; exec sleep 600", "trap '' TERM; echo up; while :; do sleep 1; done"]) {
    const { child, pidFile, lines, until, ends } = createWorld(t, script, clock);
    child.start();
    await until(() => lines.includes("up"));
    assert.ok(Number(readFileSync(pidFile, "utf8")) > 1);
    const stopped = child.stop();
    if (script.startsWith("trap")) clock.advance(3000);
    await stopped;
    assert.deepEqual([ends, existsSync(pidFile)], [[], false]);
  }
});

test(
  "what an earlier daemon has left is ended first; another program with its id is left alone",
  TIMEOUT,
  async (t) => {
    const { child, pidFile, args } = createWorld(t, "while :; do sleep 1; done");
    for (const [words, isOurs] of [
      [args, true],
      [[...args, "other"], false],
    ] as const) {
      const left = spawn(SHELL, words, { stdio: "ignore" });
      await once(left, "spawn");
      writeFileSync(pidFile, `${left.pid}\n`);
      const closed = once(left, "close");
      await child.endRemains();
      assert.equal(existsSync(pidFile), false);
      if (!isOurs) left.kill("SIGKILL");
      assert.deepEqual(await closed, [null, isOurs ? "SIGTERM" : "SIGKILL"]);
    }
  },
);
