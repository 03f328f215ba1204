import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import type { ServerResponse } from "node:http";
import { type TestContext, test } from "node:test";
import type { Io } from "../../../src/cli/command.ts";
import { createWatchCommand } from "../../../src/cli/watch.ts";
import type { TerminalEnds } from "../../../src/cli/watch-terminal.ts";
import {
  answer,
  beginStream,
  createHastyClock,
  createTestIo,
  message,
  startFakeDaemon,
} from "../../support/fake-daemon.ts";
import { createScreen } from "../../support/screen.ts";
import { HOSTS, NOW, SERVERS, STALLED } from "../../support/watch-fleet.ts";

process.env.TZ = "UTC";
const DEADLINE = { timeout: 30_000 };
const FLEET = message("fleet", { now: NOW, site: "rack1", server: "one", hosts: HOSTS });
const TERMINAL = { terminal: true, env: { TERM: "xterm", NO_COLOR: "1" } } as const;

/** A terminal, its screen looked at by a test that waits for it. */
function createTerminal() {
  const screen = createScreen(100, 14);
  const size = { columns: 100, rows: 14 };
  const input = new EventEmitter();
  const output = new EventEmitter();
  let isRaw = false;
  let written = () => {};
  const ends: TerminalEnds = {
    input: {
      ...{ isTTY: true, setRawMode: (wanted: boolean) => (isRaw = wanted), setEncoding: () => {} },
      ...{ resume: () => {}, pause: () => {}, on: input.on.bind(input), off: input.off.bind(input) },
    },
    output: {
      ...{ fd: 1, writableNeedDrain: false, on: output.on.bind(output), off: output.off.bind(output) },
      get columns() {
        return size.columns;
      },
      get rows() {
        return size.rows;
      },
      write(text) {
        screen.write(text);
        written();
      },
    },
  };
  return {
    ends,
    screen,
    type: (text: string) => input.emit("data", text),
    hangUp: () => input.emit("end"),
    resize(columns: number, rows: number) {
      screen.resize(columns, rows);
      Object.assign(size, { columns, rows });
      output.emit("resize");
    },
    /** Resolves when the screen has text that matches. */
    async shows(pattern: RegExp) {
      while (!pattern.test(screen.rows().join("\n"))) {
        await new Promise<void>((resolve) => {
          written = resolve;
        });
      }
    },
    /** As it was before the watch. */
    isAsBefore: () =>
      !isRaw && !screen.isOther && screen.hasCursor && input.eventNames().length + output.eventNames().length === 0,
  };
}

/** A daemon with a fleet; `streams`: those that are open. */
async function startWatched(t: TestContext, io: Partial<Io> = TERMINAL) {
  const streams: ServerResponse[] = [];
  const daemon = await startFakeDaemon(t, (path, response) => {
    if (path === "/api/v1/stream") {
      streams.push(response);
      return beginStream(response, FLEET, message("servers", SERVERS));
    }
    if (path.includes("/log?")) return answer(response, { items: ["netcfg: no link"] });
    return answer(response, { now: NOW, host: "vm10", state: "stalled", cause: STALLED.cause });
  });
  const terminal = createTerminal();
  const told = createTestIo(t, io);
  const exits = process.listenerCount("exit");
  const command = createWatchCommand(terminal.ends, createHastyClock(NOW));
  const start = (...args: readonly string[]) => command.run([...args, "--state", daemon.state], told.io);
  /** Nothing is left of the watch. */
  const assertOver = () => {
    assert.ok(terminal.isAsBefore());
    assert.equal(process.listenerCount("exit"), exits);
  };
  return { daemon, streams, terminal, told, start, assertOver };
}

test("shows the fleet, follows its changes, ends with q", DEADLINE, async (t) => {
  const { streams, terminal, start, assertOver } = await startWatched(t);
  const running = start();
  await terminal.shows(/^> vm10 +stalled/m);
  assert.ok(terminal.screen.isOther && !terminal.screen.hasCursor);
  const changed = { ...HOSTS[0], state: "failed" };
  streams[0]?.write(message("hosts", { now: NOW, hosts: [changed], gone: ["vm3"] }));
  await terminal.shows(/^> vm1 +failed[\s\S]*1-4 of 4/m);
  terminal.resize(60, 7);
  await terminal.shows(/^site rack1, from one, 12:03:11\n {2}HOST +STATE/);
  terminal.type("q");
  assert.equal(await running, 0);
  assertOver();
});

test("a host is opened and left, an escape alone is a key", DEADLINE, async (t) => {
  const { daemon, terminal, start, assertOver } = await startWatched(t);
  const running = start();
  await terminal.shows(/^> vm10/m);
  terminal.type("\r");
  await terminal.shows(/to do {5}look at its screen[\s\S]*netcfg: no link/);
  assert.ok(daemon.asked.includes("/api/v1/hosts/vm10"));
  terminal.type("\u001b");
  await terminal.shows(/^> vm10/m);
  terminal.type("\u0003");
  await running;
  assertOver();
});

test("says that the daemon is away, and goes on when it is back", DEADLINE, async (t) => {
  const { daemon, terminal, start, told, assertOver } = await startWatched(t);
  await daemon.stop();
  const running = start();
  await terminal.shows(/^ NO DAEMON for 0 s .*no daemon answers/);
  await daemon.start();
  await terminal.shows(/^site rack1/);
  await daemon.stop();
  await terminal.shows(/^ NO DAEMON[\s\S]*> vm10/);
  told.stop();
  assert.equal(await running, 0);
  assertOver();
});

test(
  "gives the terminal back when it ends by an error, by a signal, and when nobody types any more",
  DEADLINE,
  async (t) => {
    const { terminal, start, told, assertOver } = await startWatched(t);
    await assert.rejects(start("vm1", "vm99"), { code: "host-unknown", message: /no host vm99/ });
    assertOver();
    const hungUp = start();
    await terminal.shows(/^site rack1/);
    terminal.hangUp();
    await hungUp;
    assertOver();
    const stopped = start();
    told.stop();
    await stopped;
    assertOver();
  },
);

test("a slow terminal gets the newest screen once it can take it", DEADLINE, async (t) => {
  const { streams, terminal, start } = await startWatched(t);
  const running = start();
  await terminal.shows(/^> vm10/m);
  Object.assign(terminal.ends.output, { writableNeedDrain: true });
  const before = terminal.screen.rows();
  streams[0]?.write(message("hosts", { now: NOW, hosts: [], gone: ["vm10", "vm1", "vm2", "vm3"] }));
  terminal.type("/");
  terminal.type("vm");
  assert.deepEqual(terminal.screen.rows(), before);
  Object.assign(terminal.ends.output, { writableNeedDrain: false });
  terminal.type("1");
  await terminal.shows(/filter: vm1_/);
  terminal.type("\u0003");
  await running;
});

test("without a terminal: totals first, then a line for each change, no code of a terminal", DEADLINE, async (t) => {
  const { daemon, streams, terminal, told, start } = await startWatched(t, {});
  const running = start();
  await told.printed(1);
  const half = { ...HOSTS[0], progress: { ...HOSTS[0]?.progress, fraction: 0.6 } };
  // The same tenth is no news.
  const same = { ...HOSTS[1], rate: 5 };
  streams[0]?.write(
    message("hosts", { now: NOW + 1000, hosts: [half, same, { ...HOSTS[4], state: "booting" }], gone: [] }),
  );
  await told.printed(3);
  await daemon.stop();
  await told.printed(4);
  await daemon.start();
  // What is as it was before the break is not told again.
  await told.printed(5);
  told.stop();
  assert.equal(await running, 0);
  assert.deepEqual(told.lines.slice(0, 4), [
    "12:03:11  5 hosts: 1 idle, 2 installing, 1 stalled, 1 verified",
    "12:03:12  vm1  installing  packages  60 %  from one  waiting for more packages",
    "12:03:12  vm11  booting",
    "! everboot: the connection to the daemon broke: trying again",
  ]);
  assert.deepEqual(told.lines.slice(4), [
    "12:03:11  vm1  installing  packages  52 %  from one  waiting for more packages",
    "12:03:11  vm11  idle",
  ]);
  assert.ok(terminal.isAsBefore());
});

test("hosts by name are told as they stand, with the cause; as JSON too", DEADLINE, async (t) => {
  const { told, start } = await startWatched(t, {});
  const running = start("vm10");
  await told.printed(1);
  told.stop();
  await running;
  assert.deepEqual(told.lines, [
    "12:03:11  vm10  stalled  kernel  from one  kernel and initrd were fetched, the answers were not " +
      "(initrd.gz was sent 13 min ago, and nothing after it): look at its screen: the installer may have no driver for its NIC",
  ]);
  const json = await startWatched(t, TERMINAL);
  const ending = json.start("vm10", "--json");
  await json.told.printed(1);
  json.told.stop();
  await ending;
  assert.deepEqual(json.told.lines, [JSON.stringify({ now: NOW, ...STALLED })]);
  assert.ok(json.terminal.isAsBefore());
});
