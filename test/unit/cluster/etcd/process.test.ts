/** A shell script stands for etcd: what it does next is written in a file beside it. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { type Clock, systemClock } from "../../../../src/base/clock.ts";
import { type LogFields, silentLog } from "../../../../src/base/log.ts";
import { etcdPaths } from "../../../../src/cluster/etcd/member-file.ts";
import { EtcdProcess } from "../../../../src/cluster/etcd/process.ts";
import { createFakeClock } from "../../../support/fake-clock.ts";

const SLEEPS = "echo up; exec sleep 600";

/** `until` resolves when a line of the log has these words. */
function createWorld(t: TestContext, script: string) {
  const state = mkdtempSync(join(tmpdir(), "everboot-etcd-"));
  t.after(() => rmSync(state, { recursive: true }));
  const paths = etcdPaths(state);
  mkdirSync(paths.folder);
  const program = join(state, "etcd.sh");
  const write = (text: string) => writeFileSync(program, `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  write(script);
  const logged: string[] = [];
  let wake = Promise.withResolvers<void>();
  const tell = (text: string) => {
    logged.push(text);
    wake.resolve();
    wake = Promise.withResolvers();
  };
  const log = {
    ...silentLog,
    debug: ({ line }: LogFields) => tell(`line ${line}`),
    error: ({ lastLine, againInMs }: LogFields, message: string) =>
      tell([message, lastLine, againInMs].filter((part) => part !== undefined).join(", ")),
  };
  const until = async (text: string) => {
    while (!logged.some((each) => each.includes(text))) await wake.promise;
  };
  const clock = createFakeClock();
  const create = (at: Clock = clock) =>
    new EtcdProcess({ program, args: [paths.data], paths, searchPath: process.env.PATH ?? "", clock: at, log });
  return { paths, program, write, logged, until, clock, create };
}

test("one that dies is started again, later each time, with its last word in the log", {
  timeout: 60_000,
}, async (t) => {
  const { until, clock, create, write, paths } = createWorld(t, "echo no space left; exit 1");
  const etcd = create();
  etcd.launch();
  await until("etcd has ended, no space left, 100");
  clock.advance(100);
  await until("etcd has ended, no space left, 200");
  write(SLEEPS);
  clock.advance(200);
  await until("line up");
  assert.ok(Number(readFileSync(paths.pidFile, "utf8")) > 1);
  await etcd.stop();
  assert.equal(existsSync(paths.pidFile), false);
});

test("one that its cluster has removed is not started again, and the log says what to do", {
  timeout: 60_000,
}, async (t) => {
  const { until, clock, create, logged } = createWorld(
    t,
    "echo the member has been permanently removed from the cluster",
  );
  const etcd = create();
  etcd.launch();
  await until("`everboot cluster join` or `witness` takes it back");
  const before = logged.length;
  clock.advance(60_000);
  await etcd.stop();
  assert.equal(logged.length, before);
});

test("one that does not end when it is told to is killed", { timeout: 60_000 }, async (t) => {
  const { until, clock, create } = createWorld(t, "trap '' TERM; echo up; while :; do sleep 1; done");
  const etcd = create();
  etcd.launch();
  await until("line up");
  const stopped = etcd.stop();
  clock.advance(5000);
  await stopped;
});

test("one that a killed daemon has left is ended first; another program with its id is left alone", {
  timeout: 60_000,
}, async (t) => {
  const { create, paths } = createWorld(t, SLEEPS);
  // What it waits for is another process, in real time.
  const etcd = create(systemClock);
  for (const [args, ends] of [
    [["-c", "while :; do sleep 1; done", paths.data], true],
    [["-c", "while :; do sleep 1; done"], false],
  ] as const) {
    const left = spawn("sh", args, { stdio: "ignore" });
    await once(left, "spawn");
    writeFileSync(paths.pidFile, `${left.pid}\n`);
    const closed = once(left, "close");
    await etcd.endRemains();
    assert.equal(existsSync(paths.pidFile), false);
    if (!ends) {
      assert.equal(left.signalCode, null);
      left.kill("SIGKILL");
    }
    assert.deepEqual(await closed, [null, ends ? "SIGTERM" : "SIGKILL"]);
  }
});
