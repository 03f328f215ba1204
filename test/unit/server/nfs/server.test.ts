/** Shell scripts stand for ganesha and rpcbind; what is asked of them is answered by the test. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { silentLog } from "../../../../src/base/log.ts";
import type { NfsTree } from "../../../../src/server/nfs/exports.ts";
import { NFS_PORT, type NfsVersion } from "../../../../src/server/nfs/ganesha-config.ts";
import { createNfsServer } from "../../../../src/server/nfs/server.ts";
import { createFakeClock, type FakeClock } from "../../../support/fake-clock.ts";

const PORT_MAPPER = 111;
/** Each start and each order is a line of its file. */
const GANESHA = `log="$(dirname "$0")/ganesha.log"
echo start >> "$log"
trap 'echo reload >> "$log"' HUP
while :; do sleep 0.02; done`;
const RPCBIND = "exec sleep 600";
const TIMEOUT = { timeout: 60_000 };
const DEADLINE_MS = 30_000;
const PACE = { clockMs: 50, realMs: 5 };

/** Moves the clock on until it is so, and lets other processes run meanwhile. */
async function driveUntil(clock: FakeClock, isSo: () => boolean, tell: () => unknown): Promise<void> {
  for (let waited = 0; waited < DEADLINE_MS; waited += PACE.realMs) {
    if (isSo()) return;
    clock.advance(PACE.clockMs);
    await wait(PACE.realMs);
  }
  assert.fail(`it never came to be: ${JSON.stringify(tell())}`);
}

async function driveToEnd<T>(clock: FakeClock, promise: Promise<T>): Promise<T> {
  let isSettled = false;
  const mark = () => {
    isSettled = true;
  };
  promise.then(mark, mark);
  await driveUntil(
    clock,
    () => isSettled,
    () => "a promise is still pending",
  );
  return promise;
}

interface WorldOptions {
  readonly programs?: Readonly<Record<string, string>>;
  readonly versions?: readonly NfsVersion[];
}

/** `runs`: the ports at which something answers. The trees `a` and `b` have folders. */
function createWorld(t: TestContext, { programs = {}, versions = [3, 4] }: WorldOptions = {}) {
  const root = mkdtempSync(join(tmpdir(), "everboot-nfs-"));
  t.after(() => rmSync(root, { recursive: true }));
  const bin = join(root, "bin");
  for (const folder of [bin, join(root, "a"), join(root, "b")]) mkdirSync(folder);
  for (const [name, text] of Object.entries({ "ganesha.nfsd": GANESHA, rpcbind: RPCBIND, ...programs }))
    if (text !== "") writeFileSync(join(bin, name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  const clock = createFakeClock();
  const runs = new Set<number>();
  const troubles: string[] = [];
  const log = { ...silentLog, error: (_fields: object, message: string) => void troubles.push(message) };
  const state = join(root, "state");
  const trees = (...names: readonly string[]) => names.map((name) => ({ name, folder: join(root, name) }));
  const swap = (served: readonly NfsTree[]) => {
    shared = served;
  };
  let shared: readonly NfsTree[] = [];
  const create = (names: readonly string[]) => {
    swap(trees(...names));
    return createNfsServer({
      ...{ site: "lab", server: "one", folder: state, shares: () => ({ trees: shared, clients: [] }), versions, clock },
      log: { ...log, child: () => log },
      searchPath: `${bin}:${process.env.PATH}`,
      ask: async (port) => {
        if (!runs.has(port)) throw new Error("nobody there");
        return port === PORT_MAPPER ? [NFS_PORT] : [];
      },
    });
  };
  const told = () => (existsSync(join(bin, "ganesha.log")) ? readFileSync(join(bin, "ganesha.log"), "utf8") : "");
  const until = (isSo: () => boolean) => driveUntil(clock, isSo, () => [told(), troubles]);
  /** Starts it; it answers as soon as its program runs. */
  const started = async (...names: readonly string[]) => {
    const server = create(names);
    const starting = server.start();
    runs.add(PORT_MAPPER);
    await until(() => told() === "start\n");
    runs.add(NFS_PORT);
    await driveToEnd(clock, starting);
    return server;
  };
  return { root, state, clock, runs, troubles, trees, swap, create, started, told, until };
}

test("no tree, no program; the first tree brings it, the last one takes it along", TIMEOUT, async (t) => {
  const { state, create, clock, runs, told, until, trees, swap } = createWorld(t);
  const server = create([]);
  await server.start();
  await server.answers(new AbortController().signal);
  swap(trees("a"));
  await until(() => told() === "start\n");
  runs.add(PORT_MAPPER).add(NFS_PORT);
  swap([]);
  await until(() => !existsSync(join(state, "ganesha.pid")));
  await driveToEnd(clock, server.stop());
  assert.equal(told(), "start\n");
  assert.deepEqual(server.counters(), {});
});

test("a folder that comes is a reload, one that takes another's place a new start", TIMEOUT, async (t) => {
  const { root, state, clock, started, told, until, swap } = createWorld(t);
  const server = await started("a", "c");
  assert.doesNotMatch(readFileSync(join(state, "ganesha.conf"), "utf8"), /trees\/c/);
  mkdirSync(join(root, "c"));
  await until(() => told() === "start\nreload\n");
  assert.match(readFileSync(join(state, "ganesha.conf"), "utf8"), /Pseudo = "\/trees\/c";/);
  mkdirSync(join(root, "new"));
  rmSync(join(root, "c"), { recursive: true });
  await until(() => told() === "start\nreload\nreload\n");
  swap([{ name: "a", folder: join(root, "new") }]);
  await until(() => told() === "start\nreload\nreload\nstart\n");
  await driveToEnd(clock, server.stop());
  assert.deepEqual(server.counters(), { reload: 2, restart: 1 });
});

test("one that is silent for eight looks is killed and started again", TIMEOUT, async (t) => {
  const { clock, runs, started, told, until, troubles } = createWorld(t);
  const server = await started("a");
  runs.delete(NFS_PORT);
  await assert.rejects(server.answers(new AbortController().signal), /nobody there/);
  await until(() => told() === "start\nstart\n");
  runs.add(NFS_PORT);
  await driveToEnd(clock, server.stop());
  const { unanswered = 0, restart = 0 } = server.counters();
  assert.ok(restart >= 1 && unanswered >= 8 * restart);
  assert.equal(troubles[0], "ganesha does not answer: it is started anew");
  assert.ok(troubles.includes("ganesha has ended"));
});

test(
  "one that dies at once is started again, later each time, and start does not wait for ever",
  TIMEOUT,
  async (t) => {
    const { clock, create, troubles, runs } = createWorld(t, { programs: { "ganesha.nfsd": "echo no disk; exit 1" } });
    runs.add(PORT_MAPPER);
    const server = create(["a"]);
    await driveToEnd(clock, server.start());
    assert.ok(troubles.includes("ganesha has ended"));
    assert.equal(troubles.at(-1), "ganesha does not answer yet");
    await driveToEnd(clock, server.stop());
    const { ended = 0 } = server.counters();
    assert.ok(ended >= 2 && ended <= 10, `${ended}`);
  },
);

test("missing programs are told with their packages, another server by its port", TIMEOUT, async (t) => {
  const cases: ReadonlyArray<readonly [WorldOptions, readonly number[], RegExp]> = [
    [
      { programs: { "ganesha.nfsd": "" } },
      [],
      /ganesha\.nfsd is needed for trees by NFS: install package nfs-ganesha and/,
    ],
    [{}, [NFS_PORT], /^EverbootError: NFS port 2049 on this machine is in use/],
  ];
  for (const [options, ports, message] of cases) {
    const { create, runs, clock } = createWorld(t, options);
    for (const port of ports) runs.add(port);
    const server = create(["a"]);
    await assert.rejects(driveToEnd(clock, server.start()), message);
    await driveToEnd(clock, server.stop());
  }
});

test("version 4 alone needs no port mapper", TIMEOUT, async (t) => {
  const { create, clock, runs, told, until } = createWorld(t, { programs: { rpcbind: "" }, versions: [4] });
  const server = create(["a"]);
  const starting = server.start();
  await until(() => told() === "start\n");
  runs.add(NFS_PORT);
  await driveToEnd(clock, starting);
  await server.answers(new AbortController().signal);
  await driveToEnd(clock, server.stop());
});
